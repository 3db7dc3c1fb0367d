"""Tables of pyarrow and pandas as records: each column as Python values, which are made as they are written.

Values are taken as they are. Arrow's own conversion of a pandas object makes NaN in a list a missing value, and that of
short floats writes out digits that they do not have.
"""

from __future__ import annotations

import datetime as dt
import math
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from bourn_formats.foreign import without_attrs
from bourn_formats.visitor.output import Refusal
from bourn_formats.wording import key_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bourn_formats.visitor.output import Counting

__all__ = ["Records", "batch", "column", "frame", "pandas_values", "series", "table"]

BATCH = 1024
"""Rows of a table that are Python objects at a time."""


class Records:
    """Values that are made as they are written, into a list."""

    def __init__(self, values: Iterator[Any], count: int) -> None:
        self.values = values
        self.count = count


def table(table: Any, out: Counting) -> Records:
    """The records of a pyarrow table."""
    names = table.schema.names
    if len(set(names)) < len(names):
        msg = "a table with two columns of one name"
        raise Refusal(msg)
    return _records(names, [_arrow_values(column, out) for column in table.columns], table.num_rows)


def batch(batch: Any, out: Counting) -> Records:
    """Those of a record batch."""
    return table(sys.modules["pyarrow"].Table.from_batches([batch]), out)


def column(column: Any, out: Counting) -> Records:
    """The values of an array, or of a chunked one."""
    return Records(_arrow_values(column, out), len(column))


def frame(frame: Any, out: Counting) -> Records:
    """The records of a DataFrame; the labels of its rows are left out."""
    labels = list(frame.columns)
    if not all(isinstance(label, str) for label in labels) or len(set(labels)) < len(labels):
        msg = "a DataFrame whose columns have not each a text of its own as name"
        raise Refusal(msg)
    _count_index(frame.index, out)
    frame = without_attrs(frame)
    columns = [pandas_values(frame.iloc[:, place], out, key_path(label, 0)) for place, label in enumerate(labels)]
    return _records(labels, columns, len(frame))


def series(series: Any, out: Counting) -> Records:
    """The values of a Series; their labels are left out."""
    _count_index(series.index, out)
    return Records(pandas_values(series, out), len(series))


def _records(names: list[str], columns: list[Iterator[Any]], rows: int) -> Records:
    if not columns:
        return Records(({} for _ in range(rows)), rows)
    return Records((dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)), rows)


def _count_index(index: Any, out: Counting) -> None:
    numbered = type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1
    out.count("index", 0 if numbered else len(index))


def _arrow_values(column: Any, out: Counting) -> Iterator[Any]:
    pyarrow = sys.modules["pyarrow"]
    # Of pandas' periods, say, to_pylist gives the numbers that they are stored as.
    out.count("extension", len(column) * isinstance(column.type, pyarrow.BaseExtensionType))
    types = pyarrow.types
    made = _listed
    if types.is_float16(column.type) or types.is_float32(column.type):
        made = _short_floats
    elif types.is_time64(column.type) and column.type.unit == "ns":
        made = partial(_times, out)
    return _pieces(column, made)


def _pieces(column: Any, made: Callable[[Any], list[Any]]) -> Iterator[Any]:
    for start in range(0, len(column), BATCH):
        try:
            values = made(column.slice(start, BATCH))
        except (ArithmeticError, ValueError, ImportError) as cause:  # a moment of the year 9999999, an unknown zone
            msg = f"a column of type {column.type} with a value that Python does not have"
            raise Refusal(msg, of_all=True) from cause
        yield from values


def _listed(piece: Any) -> list[Any]:
    values: list[Any] = piece.to_pylist()
    return values


def _short_floats(piece: Any) -> list[Any]:
    # As numpy's, whose digits are those that a float32 has.
    missing = piece.is_null().to_pylist()
    values = piece.fill_null(math.nan).to_numpy(zero_copy_only=False)
    return [None if none else value for value, none in zip(values, missing, strict=True)]


def _times(out: Counting, piece: Any) -> list[Any]:
    """Times of day; as a text where Python's, which knows microseconds, would lose something."""
    times = [None if since is None else _time(since) for since in piece.cast("int64").to_pylist()]
    out.count("datetime", sum(isinstance(time, str) for time in times))
    return times


def _time(nanoseconds: int) -> Any:
    seconds, parts = divmod(nanoseconds, 10**9)
    whole = dt.time(seconds // 3600, seconds // 60 % 60, seconds % 60, parts // 1000)
    return whole if not parts % 1000 else f"{whole.isoformat('seconds')}.{parts:09}"


def pandas_values(series: Any, out: Counting, step: str = "") -> Iterator[Any]:
    """The values of a Series; what is missing in it as None, counted."""
    dtype = series.dtype
    kind = getattr(dtype, "kind", "O")
    name = type(dtype).__name__
    if name == "ArrowDtype":
        import pyarrow as pa  # loaded already: this column is its own

        array = pa.array(series.array)
        out.count("missing", array.null_count)
        return _arrow_values(array, out)
    if name in {"PeriodDtype", "IntervalDtype"}:
        msg = f"a column of dtype {dtype}"
        raise Refusal(msg, step, hint=" (.astype(str) makes texts of it)")
    if name not in {"CategoricalDtype", "SparseDtype"} and kind in "bfciu" and not hasattr(dtype, "na_value"):
        return iter(series.to_numpy())
    return _known(series.array, out)


def _known(values: Any, out: Counting) -> Iterator[Any]:
    """Each value; those of pandas that say that there is none as None, counted."""
    pandas = sys.modules["pandas"]
    # Text that is missing is NaN in some of them, a number that is not is NaN.
    text = type(values.dtype).__name__ in {"StringDtype", "CategoricalDtype"}
    for value in values:
        if value is None or value is pandas.NA or value is pandas.NaT or (text and value != value):  # noqa: PLR0124  # NaN
            out.count("missing")
            yield None
        else:
            yield value
