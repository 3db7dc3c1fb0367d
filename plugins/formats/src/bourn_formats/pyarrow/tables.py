"""Tables of pyarrow and pandas as Arrow's own bytes; what pandas has besides, as facts in the tree.

A table that is the whole result is written as it is (`as_stream`), so that any reader of Arrow sees its columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from bourn_formats.foreign import without_attrs
from bourn_formats.pyarrow import pandas_frames
from bourn_formats.pyarrow.tokens import Part

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    import pandas as pd
    import pyarrow as pa

__all__ = [
    "all_of",
    "as_stream",
    "batches_of",
    "decode_array",
    "decode_batch",
    "decode_buffer",
    "decode_chunked",
    "decode_frame",
    "decode_series",
    "decode_table",
    "encode_array",
    "encode_batch",
    "encode_buffer",
    "encode_chunked",
    "encode_frame",
    "encode_series",
    "encode_table",
    "from_stream",
    "in_tree",
    "with_metadata",
]

ONLY = "values"
"""The name of an array's column."""

T = TypeVar("T")


def _written(table: pa.Table) -> np.ndarray[Any, Any]:
    import pyarrow as pa  # loaded already: this is one of its objects

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in batches_of(table):
            writer.write_batch(batch)
    return np.frombuffer(sink.getvalue(), np.uint8)


def all_of(reader: pa.RecordBatchReader) -> pa.Table:
    """The whole table; `read_all` forgets the rows of one without columns."""
    import pyarrow as pa  # loaded already: this is one of its objects

    return pa.Table.from_batches(list(reader), reader.schema)


def batches_of(table: pa.Table, rows: int | None = None) -> list[pa.RecordBatch]:
    """At least one, of at most so many rows: a stream has categories before a batch, and none without any."""
    import pyarrow as pa  # loaded already: this is one of its objects

    batches: list[pa.RecordBatch] = table.to_batches(max_chunksize=rows)
    if batches or not table.num_columns:
        return batches
    first = [column.chunk(0) if column.num_chunks else pa.array([], column.type) for column in table.columns]
    return [pa.RecordBatch.from_arrays(first, schema=table.schema)]


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


def encode_buffer(buffer: pa.Buffer, _report: Counter[str]) -> Any:
    """Its bytes."""
    return np.frombuffer(buffer, np.uint8)


def decode_buffer(parts: Any) -> pa.Buffer:
    """The buffer."""
    import pyarrow as pa  # 0.2 s: only where the tree has one

    return pa.py_buffer(parts)


def encode_table(table: pa.Table, _report: Counter[str]) -> Any:
    """Its stream."""
    return _written(table)


def decode_table(parts: Any) -> pa.Table:
    """The table."""
    return _read(parts)


def encode_batch(batch: pa.RecordBatch, _report: Counter[str]) -> Any:
    """Its stream."""
    return _written(_table_of_batch(batch))


def decode_batch(parts: Any) -> pa.RecordBatch:
    """The batch."""
    return _batch_of_table(_read(parts))


def encode_chunked(array: pa.ChunkedArray, _report: Counter[str]) -> Any:
    """The stream of a table that has it as its column."""
    import pyarrow as pa  # loaded already: this is one of its objects

    return _written(pa.table({ONLY: array}))


def decode_chunked(parts: Any) -> pa.ChunkedArray:
    """The chunked array."""
    return _read(parts).column(0)


def encode_array(array: pa.Array, _report: Counter[str]) -> Any:
    """The stream of a table that has it as its column."""
    import pyarrow as pa  # loaded already: this is one of its objects

    return _written(pa.table({ONLY: array}))


def decode_array(parts: Any) -> pa.Array:
    """The array."""
    import pyarrow as pa  # 0.2 s: only where the tree has one

    column = _read(parts).column(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def encode_frame(frame: pd.DataFrame, report: Counter[str]) -> dict[str, Any]:
    """Its columns as a stream, and what else there is of it."""
    table, facts = pandas_frames.encode_frame(frame, report)
    return in_tree(table, facts)


def decode_frame(parts: Any) -> pd.DataFrame:
    """The DataFrame."""
    return pandas_frames.decode_frame(_read(parts["stream"]), parts["facts"])


def encode_series(series: pd.Series[Any], report: Counter[str]) -> dict[str, Any]:
    """Its column as a stream, and what else there is of it."""
    table, facts = pandas_frames.encode_series(series, report)
    return in_tree(table, facts)


def decode_series(parts: Any) -> pd.Series[Any]:
    """The Series."""
    return pandas_frames.decode_series(_read(parts["stream"]), parts["facts"])


def in_tree(table: pa.Table, facts: dict[str, Any]) -> dict[str, Any]:
    """The tree of a frame or series that `as_stream` took apart, whose facts hold more than a description can."""
    return {"stream": Part("", _written(table)), "facts": Part("", facts)}


def as_stream(result: Any, report: Counter[str]) -> tuple[str, pa.Table, dict[str, Any]] | None:
    """The tag, the table and the facts of a result that is a table itself; None if it is none."""
    kind = f"{type(result).__module__}.{type(result).__qualname__}"
    if kind == "pyarrow.lib.Table":
        return "arrow_table", result, {}
    if kind == "pyarrow.lib.RecordBatch":
        return "arrow_batch", _table_of_batch(result), {}
    if kind.startswith("pandas."):
        if kind.endswith(".DataFrame"):
            table, facts = pandas_frames.encode_frame(result, report)
            return "pandas_frame", with_metadata(table, _for_others(result)), facts
        if kind.endswith(".Series"):
            return "pandas_series", *pandas_frames.encode_series(result, report)
    return None


def _for_others(frame: pd.DataFrame) -> Any:
    """What pyarrow itself tells other readers of a DataFrame, so that they find its index."""
    import pyarrow as pa  # loaded already

    if not all(isinstance(label, str) for label in frame.columns) or not frame.columns.is_unique:
        return None
    try:
        return pa.Schema.from_pandas(without_attrs(frame).iloc[:0]).metadata
    except Exception:  # noqa: BLE001  # a courtesy to others: our own reader does not need it
        return None


def from_stream(tag: str, table: pa.Table, facts: dict[str, Any]) -> Any:
    """The result that `as_stream` took apart."""
    table.validate(full=True)
    made: dict[str, Callable[[], Any]] = {
        "arrow_table": lambda: table,
        "arrow_batch": lambda: _batch_of_table(table),
        "pandas_frame": lambda: pandas_frames.decode_frame(table, facts),
        "pandas_series": lambda: pandas_frames.decode_series(table, facts),
    }
    return made[tag]()


def _table_of_batch(batch: pa.RecordBatch) -> pa.Table:
    import pyarrow as pa  # loaded already: this is one of its objects

    return pa.Table.from_batches([batch])


def _batch_of_table(table: pa.Table) -> pa.RecordBatch:
    import pyarrow as pa  # loaded already: this is one of its objects

    batches: list[pa.RecordBatch] = table.to_batches()
    if not batches:
        return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in table.schema], schema=table.schema)
    return pa.concat_batches(batches)
