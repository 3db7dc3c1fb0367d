"""Tables of pyarrow and pandas as Arrow's own bytes; what pandas has besides, as facts in the tree.

A table that is the whole result is written as it is (`as_stream`), so that any reader of Arrow sees its columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    import pandas as pd
    import pyarrow as pa

__all__ = [
    "all_of",
    "array_apart",
    "array_together",
    "as_stream",
    "batch_apart",
    "batch_together",
    "buffer_apart",
    "buffer_together",
    "chunked_apart",
    "chunked_together",
    "frame_apart",
    "frame_together",
    "from_stream",
    "series_apart",
    "series_together",
    "table_apart",
    "table_together",
    "with_metadata",
]

ONLY = "values"
"""The name of the column where the table has one only, of an array's or a Series'."""

T = TypeVar("T")


def _written(table: pa.Table) -> np.ndarray[Any, Any]:
    import pyarrow as pa  # loaded already: this is one of its objects

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), np.uint8)


def all_of(reader: pa.RecordBatchReader) -> pa.Table:
    """The whole table; `read_all` forgets the rows of one without columns."""
    import pyarrow as pa  # loaded already: this is one of its objects

    return pa.Table.from_batches(list(reader), reader.schema)


def with_metadata(table: pa.Table, metadata: Any) -> pa.Table:
    """The table with other metadata; `replace_schema_metadata` forgets the rows of one without columns, too."""
    if table.num_columns:
        return table.replace_schema_metadata(metadata)
    import pyarrow as pa  # loaded already: this is one of its objects

    batches = [batch.replace_schema_metadata(metadata) for batch in table.to_batches()]
    return pa.Table.from_batches(batches, table.schema.with_metadata(metadata))


def _read(stream: Any) -> pa.Table:
    import pyarrow as pa  # 0.2 s: only where the tree has a table

    table = all_of(pa.ipc.open_stream(pa.py_buffer(stream)))
    # Anybody's bytes: offsets that lead out of their buffers must be found before they are followed.
    table.validate(full=True)
    return table


def buffer_apart(buffer: pa.Buffer, _report: Counter[str]) -> Any:
    """Its bytes."""
    return np.frombuffer(buffer, np.uint8)


def buffer_together(parts: Any) -> pa.Buffer:
    """The buffer."""
    import pyarrow as pa  # 0.2 s: only where the tree has one

    return pa.py_buffer(parts)


def table_apart(table: pa.Table, _report: Counter[str]) -> Any:
    """Its stream."""
    return _written(table)


def table_together(parts: Any) -> pa.Table:
    """The table."""
    return _read(parts)


def batch_apart(batch: pa.RecordBatch, _report: Counter[str]) -> Any:
    """Its stream."""
    return _written(_table_of_batch(batch))


def batch_together(parts: Any) -> pa.RecordBatch:
    """The batch."""
    return _batch_of_table(_read(parts))


def chunked_apart(array: pa.ChunkedArray, _report: Counter[str]) -> Any:
    """The stream of a table that has it as its column."""
    import pyarrow as pa  # loaded already: this is one of its objects

    return _written(pa.table({ONLY: array}))


def chunked_together(parts: Any) -> pa.ChunkedArray:
    """The chunked array."""
    return _read(parts).column(0)


def array_apart(array: pa.Array, _report: Counter[str]) -> Any:
    """The stream of a table that has it as its column."""
    import pyarrow as pa  # loaded already: this is one of its objects

    return _written(pa.table({ONLY: array}))


def array_together(parts: Any) -> pa.Array:
    """The array."""
    import pyarrow as pa  # 0.2 s: only where the tree has one

    column = _read(parts).column(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def frame_apart(frame: pd.DataFrame, _report: Counter[str]) -> dict[str, Any]:
    """Its stream, and what Arrow does not keep of it."""
    table, facts = _frame_as_table(frame)
    return {"stream": _written(table), "facts": facts}


def frame_together(parts: Any) -> pd.DataFrame:
    """The DataFrame."""
    return _frame_of_table(_read(parts["stream"]), parts["facts"])


def series_apart(series: pd.Series[Any], _report: Counter[str]) -> dict[str, Any]:
    """The stream of a DataFrame that has it as its column, and what Arrow does not keep of it."""
    table, facts = _series_as_table(series)
    return {"stream": _written(table), "facts": facts}


def series_together(parts: Any) -> pd.Series[Any]:
    """The Series."""
    return _series_of_table(_read(parts["stream"]), parts["facts"])


def as_stream(result: Any) -> tuple[str, pa.Table, dict[str, Any]] | None:
    """The tag, the table and the facts of a result that is a table itself; None if it is none."""
    kind = f"{type(result).__module__}.{type(result).__qualname__}"
    if kind == "pyarrow.lib.Table":
        return "arrow_table", result, {}
    if kind == "pyarrow.lib.RecordBatch":
        return "arrow_batch", _table_of_batch(result), {}
    if kind == "pandas.DataFrame" or (kind.startswith("pandas.") and kind.endswith(".DataFrame")):
        return "pandas_frame", *_frame_as_table(result)
    if kind == "pandas.Series" or (kind.startswith("pandas.") and kind.endswith(".Series")):
        return "pandas_series", *_series_as_table(result)
    return None


def from_stream(tag: str, table: pa.Table, facts: dict[str, Any]) -> Any:
    """The result that `as_stream` took apart."""
    table.validate(full=True)
    made: dict[str, Callable[[], Any]] = {
        "arrow_table": lambda: table,
        "arrow_batch": lambda: _batch_of_table(table),
        "pandas_frame": lambda: _frame_of_table(table, facts),
        "pandas_series": lambda: _series_of_table(table, facts),
    }
    return made[tag]()


def _table_of_batch(batch: pa.RecordBatch) -> pa.Table:
    import pyarrow as pa  # loaded already: this is one of its objects

    return pa.Table.from_batches([batch])


def _batch_of_table(table: pa.Table) -> pa.RecordBatch:
    import pyarrow as pa  # loaded already: this is one of its objects

    batches = table.to_batches()
    if not batches:
        return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in table.schema], schema=table.schema)
    return pa.concat_batches(batches)


def _frame_as_table(frame: pd.DataFrame) -> tuple[pa.Table, dict[str, Any]]:
    """The table of a DataFrame, and what of it Arrow's own pandas metadata loses.

    Raises
    ------
    ValueError
        Arrow would change it: mixed objects, duplicate names, dtypes that it does not have.
    """
    import pandas as pd  # loaded already: this is one of its objects
    import pyarrow as pa  # 0.2 s: only for a table

    index, attrs = frame.index, dict(frame.attrs)
    # Of a view: Arrow's own metadata would take the attributes as JSON, or drop them with a warning.
    frame = frame.copy(deep=False)
    frame.attrs = {}
    try:
        table = pa.Table.from_pandas(frame)
        empty = table.slice(0, 0).to_pandas()
    except Exception as cause:  # any of pyarrow's or pandas', which convert objects that are anybody's
        msg = f"a DataFrame that Arrow does not hold ({cause})"
        raise ValueError(msg) from cause
    objects = [place for place, dtype in enumerate(frame.dtypes) if dtype == object]  # noqa: E721  # a dtype, no type
    for place, (old, new) in enumerate(zip(frame.dtypes, empty.dtypes, strict=True)):
        label = frame.columns[place]
        if place in objects:
            if not _same_objects(frame.iloc[:, place].tolist(), table.column(place).to_pylist()):
                msg = f"a DataFrame whose column {label!r} holds objects of several types"
                raise ValueError(msg)
        elif old != new:
            msg = f"a DataFrame whose column {label!r} is of dtype {old}"
            raise ValueError(msg)
    if isinstance(index, pd.MultiIndex):
        kept = [level.dtype for level in index.levels] == [level.dtype for level in empty.index.levels]
    else:
        kept = isinstance(index, pd.RangeIndex) or index.dtype == empty.index.dtype
    if not kept or isinstance(frame.columns, pd.MultiIndex):
        msg = "a DataFrame with such an index (reset_index makes columns of it)"
        raise ValueError(msg)
    facts = {
        "objects": objects,
        "labels": list(frame.columns),
        "labels_dtype": "object" if frame.columns.dtype == object else None,
        "labels_range": _range(frame.columns),
        "labels_name": frame.columns.name,
        "index_names": list(index.names),
        "freq": getattr(index, "freqstr", None) if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex) else None,
        "attrs": attrs,
    }
    return table, facts


def _range(index: Any) -> list[int] | None:
    return [index.start, index.stop, index.step] if type(index).__name__ == "RangeIndex" else None


def _same_objects(old: list[Any], new: list[Any]) -> bool:
    return all(type(one) is type(other) and one == other for one, other in zip(old, new, strict=True))


def _frame_of_table(table: pa.Table, facts: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd  # 0.5 s: only where a table was pandas'

    frame: pd.DataFrame = table.to_pandas()
    for place in facts["objects"]:
        frame.isetitem(place, pd.Series(table.column(place).to_pylist(), frame.index, object))
    labels, name = facts["labels"], facts["labels_name"]
    if facts["labels_range"]:
        frame.columns = pd.RangeIndex(*facts["labels_range"], name=name)
    elif facts["labels_dtype"] or list(frame.columns) != labels or frame.columns.name != name:
        frame.columns = pd.Index(labels, dtype=facts["labels_dtype"], name=name)
    frame.index.names = facts["index_names"]
    if facts["freq"]:
        frame.index.freq = facts["freq"]
    frame.attrs = facts["attrs"]
    return frame


def _series_as_table(series: pd.Series[Any]) -> tuple[pa.Table, dict[str, Any]]:
    table, facts = _frame_as_table(series.to_frame(ONLY))
    return table, {**facts, "name": series.name, "attrs": dict(series.attrs)}


def _series_of_table(table: pa.Table, facts: dict[str, Any]) -> pd.Series[Any]:
    series = _frame_of_table(table, facts)[ONLY].rename(facts["name"])
    series.attrs = facts["attrs"]
    return series
