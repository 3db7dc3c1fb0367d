"""pandas' frames, series and indexes as a table of Arrow columns and facts, and together again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from bourn_formats.foreign import without_attrs
from bourn_formats.pyarrow import pandas_columns
from bourn_formats.pyarrow.streams import stream_of_array
from bourn_formats.pyarrow.tokens import Encoded, Part, Unsupported, step_of
from bourn_formats.wording import key_path

if TYPE_CHECKING:
    from collections import Counter

    import pandas as pd
__all__ = ["decode_frame", "decode_index", "decode_series", "encode_frame", "encode_index", "encode_series"]

ONLY = "values"
"""The name of a Series' column."""


class _Columns:
    """Arrow columns on their way into one table."""

    def __init__(self, report: Counter[str]) -> None:
        self.report = report
        self.arrays: list[Any] = []
        self.names: list[str] = []

    def add(self, array: Any, name: str) -> int | None:
        """The place of a column in the table; None for none."""
        if array is None:
            return None
        self.arrays.append(array)
        self.names.append(name)
        return len(self.arrays) - 1

    def table(self) -> pa.Table:
        return pa.table(self.arrays, names=self.names)


def encode_frame(frame: pd.DataFrame, report: Counter[str]) -> tuple[pa.Table, dict[str, Any]]:
    """The table of a DataFrame, and what else there is of it as a tree.

    Raises
    ------
    ValueError
        With what it is that can't be written.
    """
    made = _Columns(report)
    facts = []
    held = without_attrs(frame)
    for place, label in enumerate(frame.columns):
        step = key_path(label, 2 * place)
        given, at = _column(held.iloc[:, place], made, str(label), step)
        facts.append(Part(step, {"at": at, **given}))
    index = _index(frame.index, made)
    return made.table(), {
        "columns": facts,
        "index": Part(".index", index),
        "labels": Part(".columns", frame.columns),
        "attrs": Part(".attrs", dict(frame.attrs)),
        "unique": not frame.flags.allows_duplicate_labels,
    }


def encode_series(series: pd.Series[Any], report: Counter[str]) -> tuple[pa.Table, dict[str, Any]]:
    """The same for a Series."""
    made = _Columns(report)
    given, at = _column(series, made, ONLY, "")
    index = _index(series.index, made)
    return made.table(), {
        "values": Part("", {"at": at, **given}),
        "index": Part(".index", index),
        "name": Part(".name", series.name),
        "attrs": Part(".attrs", dict(series.attrs)),
        "unique": not series.flags.allows_duplicate_labels,
    }


def _column(series: Any, made: _Columns, name: str, step: str) -> tuple[dict[str, Any], int | None]:
    values = series.to_numpy() if isinstance(series.dtype, np.dtype) else series.array
    try:
        facts, array = pandas_columns.encode_column(values, made.report)
    except ValueError as cause:
        raise Unsupported(str(cause), step + step_of(cause)) from cause
    return facts, made.add(array, name)


def _index(index: Any, made: _Columns, step: str = ".index") -> dict[str, Any]:
    """The facts of rows' labels, whose values are columns of the table as pandas and Arrow name them."""

    def named(level: int, name: Any) -> str:
        return name if isinstance(name, str) and name not in made.names else f"__index_level_{level}__"

    try:
        kind = type(index).__name__
        if kind == "RangeIndex":
            return {"kind": "range", "range": [index.start, index.stop, index.step], "name": index.name}
        if kind == "MultiIndex":
            levels = []
            for level, (codes, of) in enumerate(zip(index.codes, index.levels, strict=True)):
                facts, array = pandas_columns.encode_codes(codes, of.rename(None), made.report)
                levels.append({"at": made.add(array, named(level, of.name)), **facts})
            return {"kind": "multi", "levels": levels, "names": list(index.names), "sortorder": index.sortorder}
        values = index.to_numpy() if isinstance(index.dtype, np.dtype) else index.array
        facts, array = pandas_columns.encode_column(values, made.report)
        freq = _freq(index)
    except ValueError as cause:
        raise Unsupported(str(cause), step + step_of(cause)) from cause
    at = made.add(array, named(0, index.name))
    return {"kind": "plain", "at": at, "values": Part("", facts), "name": index.name, "freq": freq}


def _freq(index: Any) -> str | None:
    if type(index).__name__ not in {"DatetimeIndex", "TimedeltaIndex"} or index.freq is None:
        return None
    import pandas as pd  # loaded already: this is one of its objects

    try:
        kept = pd.tseries.frequencies.to_offset(index.freqstr) == index.freq
    except ValueError:
        kept = False
    if not kept:
        msg = f"an index with the frequency {index.freqstr} and more (freq = None takes it off)"
        raise Unsupported(msg)
    return str(index.freqstr)


def decode_frame(table: pa.Table, facts: dict[str, Any]) -> pd.DataFrame:
    """The DataFrame again."""
    import pandas as pd  # 0.5 s: only where a table was pandas'

    index = _decode_index(facts["index"], table)
    made = {}
    for place, given in enumerate(facts["columns"]):
        values = pandas_columns.decode_column(given, _at(given, table))
        # With its dtype: pandas would make texts of objects that are.
        made[place] = pd.Series(values, index, values.dtype)
    frame = pd.DataFrame(made, index, copy=True)
    frame.columns = facts["labels"]
    frame.attrs = facts["attrs"]
    frame.flags.allows_duplicate_labels = not facts["unique"]
    return frame


def decode_series(table: pa.Table, facts: dict[str, Any]) -> pd.Series[Any]:
    """The Series again."""
    import pandas as pd  # 0.5 s: only where a table was pandas'

    index = _decode_index(facts["index"], table)
    values = pandas_columns.decode_column(facts["values"], _at(facts["values"], table))
    series: pd.Series[Any] = pd.Series(values, index, values.dtype, facts["name"], copy=True)
    series.attrs = facts["attrs"]
    series.flags.allows_duplicate_labels = not facts["unique"]
    return series


def _at(facts: dict[str, Any], table: pa.Table) -> Any:
    return None if facts["at"] is None else table.column(facts["at"])


def _decode_index(facts: dict[str, Any], table: pa.Table) -> Any:
    import pandas as pd  # 0.5 s: only where a table was pandas'

    if facts["kind"] == "range":
        return pd.RangeIndex(*facts["range"], name=facts["name"])
    if facts["kind"] == "multi":
        parts = [pandas_columns.decode_codes(level, _at(level, table)) for level in facts["levels"]]
        return pd.MultiIndex(
            [of for _, of in parts], [codes for codes, _ in parts], names=facts["names"], sortorder=facts["sortorder"]
        )
    return _plain_index(facts, pandas_columns.decode_column(facts["values"], _at(facts, table)))


def _plain_index(facts: dict[str, Any], values: Any) -> Any:
    import pandas as pd  # 0.5 s: only where a table was pandas'

    index = pd.Index(values, values.dtype, copy=True, name=facts["name"], tupleize_cols=False)
    if facts["freq"] is not None:
        index.freq = facts["freq"]
    return index


def encode_index(index: Any, report: Counter[str]) -> dict[str, Any]:
    """An index by itself, such as a table's labels: what is short and plain as lists, else as Arrow arrays."""
    made = _Columns(report)
    facts = _index(index, made, "")
    held = []
    for array in made.arrays:
        kind = facts["values"].value["kind"] if facts["kind"] == "plain" else ""
        if kind == "numpy":
            values = index.to_numpy()
            held.append(values.view(np.int64).tolist() if values.dtype.kind in "mM" else values.tolist())
        elif kind in {"objects", "string"}:
            held.append(array.to_pylist())
        else:
            held.append(Encoded("arrow_array", stream_of_array(array)))  # with categories that no row has
    return {"facts": Part("", facts), "columns": held}


def decode_index(parts: dict[str, Any]) -> Any:
    """The index again."""
    return _decode_index(parts["facts"], _Held(parts["columns"]))


class _Held:
    """Columns as `_at` asks a table for them."""

    def __init__(self, held: list[Any]) -> None:
        self._held = held

    def column(self, place: int) -> Any:
        return self._held[place]
