"""Writes the parts of a result as JSON: what is plain by orjson in large chunks, the rest value by value."""

from __future__ import annotations

import datetime as dt
import io
import sys
from typing import TYPE_CHECKING, Any

import orjson

from bourn_formats.json import scalars
from bourn_formats.json.scalars import CHUNK, JSONOutput
from bourn_formats.visitor.objects import simplify
from bourn_formats.visitor.output import Refusal, VisitItems
from bourn_formats.visitor.plain import count_long_integers, is_flat, is_plain, levels_are_plain
from bourn_formats.visitor.visit import visit
from bourn_formats.wording import type_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    from bourn.plugin import Sink

    from bourn_formats.visitor.output import Records

__all__ = ["encode"]

_EXACT = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
"""Refuse what is not a plain value instead of writing something in its place."""

_STRICT = orjson.OPT_STRICT_INTEGER
"""Refuse integers beyond 2^53, which are to be counted."""

_ATOMS = frozenset({type(None), bool, int, str})


def encode(result: Any, sink: Sink, *, strict: bool) -> Mapping[str, Any]:
    """Write `result`; return what was changed.

    Parameters
    ----------
    result : object
    sink : Sink
    strict : bool
        Whether NaN and infinities are refused instead of becoming null.

    Raises
    ------
    EncodeError
        Naming the path of what JSON does not have.
    """
    if is_plain(result):
        try:
            text = orjson.dumps(result, option=_EXACT | _STRICT)
        except orjson.JSONEncodeError:
            pass  # an int beyond 2^53, a key of another type, a lone surrogate: the visit says where
        else:
            sink.write(text)
            return {}
    out = JSONOutput(sink, strict=strict)
    visit(result, JSONWriter(out))
    out.flush()
    return out.report()


class JSONWriter:
    """Writes values as JSON.

    Parameters
    ----------
    out : JSONOutput
    """

    name = "json"

    def __init__(self, out: JSONOutput) -> None:
        self._out = out
        self._put = out.put
        self.count = out.count

    def locate(self, path: Callable[[], str]) -> None:
        """Set the function that gives the path of the current value."""
        self._out.locate(path)

    def none(self, kind: str) -> None:
        """Write null, and count it."""
        self.count(kind)
        self._put(b"null")

    def scalar(self, value: Any) -> bool:
        """Write one of Python's scalars."""
        text = scalars.scalar(value, self._out)
        if text is not None:
            self._put(text)
        return text is not None

    def numpy_scalar(self, value: np.generic) -> bool:
        """Write one of numpy's scalars."""
        text = scalars.numpy_scalar(value, self._out)
        if text is not None:
            self._put(text)
        return text is not None

    def array(self, value: np.ndarray[Any, Any]) -> bool:
        """Write an array as nested lists, unless it holds objects."""
        if value.dtype.kind == "O":
            return False
        from bourn_formats.json.arrays import write_array  # numpy, which is loaded then

        write_array(value, self._out)
        return True

    def records(self, records: Records) -> bool:
        """Write the rows of a table, column by column."""
        from bourn_formats.json.tables import write_records  # pyarrow: 0.2 s, only for a table

        write_records(records, self._out, self._cells)
        return True

    def simplify(self, _value: Any) -> None:
        """Nothing is another value in JSON alone."""
        return

    def begin_list(self, _count: int) -> None:
        """``[``."""
        self._put(b"[")

    def begin_map(self, _count: int) -> None:
        """``{``."""
        self._put(b"{")

    def chunk(self, items: list[Any] | dict[Any, Any], *, first: bool) -> int:
        """Write consecutive items at once: as they are if they are plain, else with plain values in their place."""
        counts = self._out.counts.copy()
        self._out.known_only = True
        try:
            text = self._plain_text(items)
            if text is None:
                self._out.restore(counts)
                text = self._dumped(self._converted(items), 0)
        except (VisitItems, Refusal, RecursionError, orjson.JSONEncodeError):
            self._out.restore(counts)
            return 0
        finally:
            self._out.known_only = False
        if not first:
            self._put(b",")
        self._out.put_view(memoryview(text)[1:-1])
        return len(text)

    def _plain_text(self, items: list[Any] | dict[Any, Any]) -> bytes | None:
        """The JSON of what is plain; None for what is not."""
        try:
            text = self._dumped(items, _EXACT)
        except orjson.JSONEncodeError:
            return None  # an int beyond 64 bits, a key of another type, a cycle, a lone surrogate
        if type(items) is list and is_flat(items, text):
            return text
        return text if levels_are_plain([items], text) else None

    def _dumped(self, items: Any, option: int) -> bytes:
        """The JSON of what orjson writes; integers beyond 2^53 are counted."""
        try:
            return orjson.dumps(items, option=option | _STRICT)
        except orjson.JSONEncodeError:
            text = orjson.dumps(items, option=option)
            self.count("digits", count_long_integers([items]))
            return text

    def _converted(self, value: Any) -> Any:  # noqa: PLR0911  # one a type
        """`value` of what orjson writes as it is.

        Raises
        ------
        VisitItems
            It holds what is written in pieces, or a change of a kind that was not counted before.
        """
        kind = type(value)
        if kind in _ATOMS:
            return value
        if kind is dict:
            return {
                key if type(key) is str else self._key(key): item if type(item) in _ATOMS else self._converted(item)
                for key, item in value.items()
            }
        if kind is list or kind is tuple:
            if kind is tuple:
                self.count("tuple")
            return [item if type(item) in _ATOMS else self._converted(item) for item in value]
        if kind is float and value - value == 0.0:
            return value
        if (kind is dt.datetime and value.tzinfo is None) or kind is dt.date:
            self.count("datetime")
            return value  # orjson writes the same text
        text = self._text(value)
        if text is not None:
            return orjson.Fragment(text)
        simpler = simplify(value, self._out)
        if simpler is None or type(simpler[0]) not in {dict, list, tuple, str, int, float}:
            raise VisitItems
        return self._converted(simpler[0])

    def _text(self, value: Any) -> bytes | None:
        """The text of a scalar or of a small array; None for anything else."""
        numpy = sys.modules.get("numpy")
        if numpy is None or not isinstance(value, numpy.generic | numpy.ndarray):
            return scalars.scalar(value, self._out)
        if isinstance(value, numpy.generic):
            return scalars.numpy_scalar(value, self._out)
        if value is numpy.ma.masked or value.dtype.kind == "O" or value.size > CHUNK:
            return None
        from bourn_formats.json.arrays import write_array  # numpy, which is loaded then

        sink = io.BytesIO()
        inner = self._out.nested(sink)
        write_array(value, inner)
        inner.flush()
        return sink.getvalue()

    def _cells(self, values: Iterable[Any], step: Callable[[int], str]) -> list[bytes]:
        """The text of each value, whose path from here `step` gives by its index."""
        table, index = self._out.path, 0
        self._out.locate(lambda: table() + step(index))
        texts = []
        try:
            for index, value in enumerate(values):  # noqa: B007  # read by the function above
                text = self._text(value)
                if text is None:
                    sink = io.BytesIO()
                    inner = self._out.nested(sink)
                    visit(value, JSONWriter(inner), self._out.path())
                    inner.flush()
                    text = sink.getvalue()
                texts.append(text)
        except Refusal as refusal:
            place = "" if refusal.of_all else step(index)
            raise Refusal(refusal.what, place + refusal.step, refusal.hint) from refusal
        finally:
            self._out.locate(table)
        return texts

    def _key(self, key: Any) -> str:
        if not isinstance(key, str):
            raise VisitItems
        return str.__str__(key)

    def key(self, key: Any) -> None:
        """Write a key, which must be a text."""
        if not isinstance(key, str):
            msg = f"a key of type {type_path(key)}"
            raise Refusal(msg, hint=" (use str keys; msgpack keeps integers, pyarrow any)")
        self._put(scalars.text(key) + b":")

    def between(self) -> None:
        """``,``."""
        self._put(b",")

    def end_list(self) -> None:
        """``]``."""
        self._put(b"]")

    def end_map(self) -> None:
        """``}``."""
        self._put(b"}")
