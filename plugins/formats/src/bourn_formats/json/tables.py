"""Tables as records: columns become texts in C, and Arrow joins these row by row.

Numbers and moments are written by orjson as one array, whose text is cut at its commas; texts stay where they are,
unless one has to be escaped. Of other columns each value is written alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from bourn_formats.json.arrays import count_long
from bourn_formats.json.scalars import text
from bourn_formats.visitor.output import Refusal
from bourn_formats.wording import key_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bourn_formats.json.scalars import JSONOutput
    from bourn_formats.visitor.output import Column, Records

__all__ = ["write_records"]

ROWS = 16 << 10
"""Rows that become text at a time."""

_NUMPY = orjson.OPT_SERIALIZE_NUMPY
_FIRST_DAY = np.datetime64("0001-01-01", "s")
_LAST_DAY = np.datetime64("9999-12-31T23:59:59", "s")
_NANOSECONDS = 1000

Array: TypeAlias = "np.ndarray[Any, Any]"
_Cells: TypeAlias = "Callable[[Iterable[Any], Callable[[int], str]], list[bytes]]"
"""Gives the texts of values, by a function for the path of each."""


def write_records(records: Records, out: JSONOutput, cells: _Cells) -> None:
    """Write the rows of a table as a list of mappings, or of values if it is one column without a name.

    Parameters
    ----------
    records : Records
    out : JSONOutput
    cells : callable
        Gives the texts of values, by a function for the path of each from here.

    Raises
    ------
    Refusal
        JSON does not have a value, or a name.
    """
    names = None if records.names is None else [text(name) for name in records.names]
    out.put(b"[")
    for start in range(0, records.rows, ROWS):
        stop = min(start + ROWS, records.rows)
        if names == []:
            rows: Any = b",".join([b"{}"] * (stop - start))
        else:
            parts = _parts(records.columns, names, range(start, stop), out, cells)
            rows = _joined(parts)
        if start:
            out.put(b",")
        out.pass_on(rows)
    out.put(b"]")


def _parts(
    columns: list[Column], names: list[bytes] | None, rows: range, out: JSONOutput, cells: _Cells
) -> list[str | pa.LargeStringArray]:
    """What makes a row, one part after the other; every row begins, or ends, with a comma."""
    parts: list[str | pa.LargeStringArray] = []
    pending = ""
    for index, column in enumerate(columns):
        last = index == len(columns) - 1
        end = "," if names is None or not last else "}"
        if names is not None:
            pending += (',{"' if not index else '"') + names[index].decode()[1:] + ":"
        writer = _ColumnWriter(column, rows, out, cells)
        before, texts, after = writer.texts(end)
        if pending + before:
            parts.append(pending + before)
        parts.append(texts)
        pending = after
    return [*parts, pending] if pending else parts


def _joined(parts: list[str | pa.LargeStringArray]) -> memoryview:
    """The text of all rows, without the comma that begins or ends it."""
    scalars = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts]
    array = scalars[0] if len(scalars) == 1 else pc.binary_join_element_wise(*scalars, pa.scalar("", pa.large_string()))
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
    data = memoryview(array.buffers()[2])[int(offsets[0]) : int(offsets[-1])]
    return data[1:] if data[0] == ord(",") else data[:-1]


class _ColumnWriter:
    """Makes the texts of some rows of a column."""

    def __init__(self, column: Column, rows: range, out: JSONOutput, cells: _Cells) -> None:
        self.column = column
        self.rows = rows
        self.out = out
        self.cells = cells
        self.step = "" if column.name is None else key_path(column.name, 0)

    def texts(self, end: str) -> tuple[str, pa.LargeStringArray, str]:
        """What stands before each text, the texts, and what stands behind each, `end` included."""
        vector = self.column.vector(self.rows.start, self.rows.stop)
        if isinstance(vector, pa.Array):
            return self._strings(vector, end)
        if vector is not None:
            values, missing = vector
            written = self._moments(values, missing) if values.dtype.kind == "M" else self._numbers(values, missing)
            if written is not None:
                return "", _cut(written, end, missing), ""
        values = self.column.values(self.rows.start, self.rows.stop, self.out)
        texts = self.cells(values, lambda index: f"[{self.rows.start + index}]{self.step}")
        return "", pa.array(texts, pa.large_binary()).cast(pa.large_string()), end

    def _count(self, kind: str, number: Any) -> None:
        """Count what is changed in these rows; what has no kind does not count."""
        if kind and number:
            self.out.count(kind, number, f"[{self.rows.start}]{self.step}")

    def _numbers(self, values: Array, missing: Array | None) -> bytes:
        if values.dtype.kind == "f":
            strange = ~np.isfinite(values)
            if missing is not None:
                strange &= ~missing
            if strange.any():
                first = int(strange.argmax())
                step = f"[{self.rows.start + first}]{self.step}"
                if self.out.strict:
                    raise Refusal(repr(float(values[first])), step)
                nan = int(np.count_nonzero(np.isnan(values) & strange))
                self.out.count("nan", nan, step)
                self.out.count("infinite", np.count_nonzero(strange) - nan, step)
        if missing is not None:
            self._count(self.column.missing, np.count_nonzero(missing))
        self._count("digits", count_long(values, missing))
        return orjson.dumps(np.ascontiguousarray(values, values.dtype.newbyteorder("=")), option=_NUMPY)

    def _moments(self, values: Array, missing: Array | None) -> bytes | None:
        """The moments in ISO 8601; None if orjson would not write all that they are."""
        there = values if missing is None else values[~missing]
        if len(there):
            seconds = there.astype("M8[s]")
            if seconds.min() < _FIRST_DAY or seconds.max() > _LAST_DAY:
                return None
            if np.datetime_data(values.dtype) == ("ns", 1) and (there.view("i8") % _NANOSECONDS).any():
                return None
        if missing is not None:
            values = np.where(missing, np.array(0, values.dtype), values)
            self._count(self.column.missing, np.count_nonzero(missing))
        self._count("datetime", len(there))
        return orjson.dumps(np.ascontiguousarray(values), option=_NUMPY)

    def _strings(self, strings: pa.LargeStringArray, end: str) -> tuple[str, pa.LargeStringArray, str]:
        try:
            strings.validate(full=True)
        except pa.ArrowInvalid as cause:
            msg = "a column of texts that are not UTF-8"
            raise Refusal(msg, self.step, of_all=True) from cause
        self._count(self.column.missing, strings.null_count)
        if not _has_escapes(strings):
            if not strings.null_count:
                return '"', strings, '"' + end
            quote = pa.scalar('"', pa.large_string())
            strings = pc.binary_join_element_wise(quote, strings, quote, pa.scalar("", pa.large_string()))
            return "", strings.fill_null("null"), end
        texts = [orjson.dumps(value) for value in strings.to_pylist()]
        return "", pa.array(texts, pa.large_binary()).cast(pa.large_string()), end


def _has_escapes(strings: pa.LargeStringArray) -> bool:
    """Whether a text has a character that JSON escapes: a quotation mark, a backslash, a control character."""
    _, offsets, data = strings.buffers()
    if data is None:
        return False
    bounds = np.frombuffer(offsets, np.int64)[[strings.offset, strings.offset + len(strings)]]
    content = np.frombuffer(data, np.uint8)[bounds[0] : bounds[1]]
    return bool(((content < ord(" ")) | (content == ord('"')) | (content == ord("\\"))).any())


def _cut(written: bytes, end: str, missing: Array | None) -> pa.LargeStringArray:
    """The items of a JSON array of numbers or moments, each with `end` in place of its comma."""
    content = written[1:-1] + b","
    if end != ",":
        content = content.replace(b",", end.encode())
    ends = np.flatnonzero(np.frombuffer(content, np.uint8) == ord(end))
    offsets = np.concatenate([np.zeros(1, np.int64), ends + 1])
    texts = pa.LargeStringArray.from_buffers(len(ends), pa.py_buffer(offsets), pa.py_buffer(content))
    return (
        texts if missing is None else pc.if_else(pa.array(missing), pa.scalar("null" + end, pa.large_string()), texts)
    )
