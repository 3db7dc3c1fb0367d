"""Tables of pyarrow and pandas as Arrow's own bytes; what pandas has besides, as facts in the tree.

A table that is the whole result is written as it is (`as_stream`), so that any reader of Arrow sees its columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from bourn_formats.foreign import without_attrs
from bourn_formats.pyarrow import pandas_frames
from bourn_formats.pyarrow.streams import ONLY, read_stream, stream_of, with_metadata, without_unused
from bourn_formats.pyarrow.tokens import Part

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    import pandas as pd

__all__ = [
    "as_stream",
    "decode_array",
    "decode_batch",
    "decode_buffer",
    "decode_chunked",
    "decode_frame",
    "decode_scalar",
    "decode_schema",
    "decode_series",
    "decode_table",
    "encode_array",
    "encode_batch",
    "encode_buffer",
    "encode_chunked",
    "encode_frame",
    "encode_scalar",
    "encode_schema",
    "encode_series",
    "encode_table",
    "from_stream",
    "in_tree",
]


def encode_buffer(buffer: pa.Buffer, _report: Counter[str]) -> Any:
    """Its bytes."""
    return np.frombuffer(buffer, np.uint8)


def decode_buffer(parts: Any) -> pa.Buffer:
    """The buffer."""
    return pa.py_buffer(parts)


def encode_table(table: pa.Table, report: Counter[str]) -> Any:
    """Its stream."""
    return stream_of(without_unused(table, report))


def decode_table(parts: Any) -> pa.Table:
    """The table."""
    return read_stream(parts)


def encode_batch(batch: pa.RecordBatch, report: Counter[str]) -> Any:
    """Its stream."""
    return stream_of(without_unused(_table_of_batch(batch), report))


def decode_batch(parts: Any) -> pa.RecordBatch:
    """The batch."""
    return _batch_of_table(read_stream(parts))


def encode_chunked(array: pa.ChunkedArray, report: Counter[str]) -> Any:
    """The stream of a table that has it as its column."""
    return stream_of(without_unused(pa.table({ONLY: array}), report))


def decode_chunked(parts: Any) -> pa.ChunkedArray:
    """The chunked array."""
    return read_stream(parts).column(0)


def encode_array(array: pa.Array, report: Counter[str]) -> Any:
    """The stream of a table that has it as its column."""
    return stream_of(without_unused(pa.table({ONLY: array}), report))


def decode_array(parts: Any) -> pa.Array:
    """The array."""
    column = read_stream(parts).column(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def encode_scalar(scalar: pa.Scalar, report: Counter[str]) -> Any:
    """The stream of an array of it alone."""
    try:
        array = pa.array([scalar], scalar.type)
    except pa.ArrowException as cause:
        msg = f"a scalar of Arrow's type {scalar.type} (use as_py())"
        raise ValueError(msg) from cause
    return encode_array(array, report)


def decode_scalar(parts: Any) -> pa.Scalar:
    """The scalar."""
    return decode_array(parts)[0]


def encode_schema(schema: pa.Schema, _report: Counter[str]) -> Any:
    """The stream of a table without rows."""
    return stream_of(schema.empty_table())


def decode_schema(parts: Any) -> pa.Schema:
    """The schema."""
    return read_stream(parts).schema


def encode_frame(frame: pd.DataFrame, report: Counter[str]) -> dict[str, Any]:
    """Its columns as a stream, and what else there is of it."""
    table, facts = pandas_frames.encode_frame(frame, report)
    return in_tree(table, facts)


def decode_frame(parts: Any) -> pd.DataFrame:
    """The DataFrame."""
    return pandas_frames.decode_frame(read_stream(parts["stream"]), parts["facts"])


def encode_series(series: pd.Series[Any], report: Counter[str]) -> dict[str, Any]:
    """Its column as a stream, and what else there is of it."""
    table, facts = pandas_frames.encode_series(series, report)
    return in_tree(table, facts)


def decode_series(parts: Any) -> pd.Series[Any]:
    """The Series."""
    return pandas_frames.decode_series(read_stream(parts["stream"]), parts["facts"])


def in_tree(table: pa.Table, facts: dict[str, Any]) -> dict[str, Any]:
    """The tree of a frame or series that `as_stream` took apart, whose facts hold more than a description can."""
    return {"stream": Part("", stream_of(table)), "facts": Part("", facts)}


def as_stream(result: Any, report: Counter[str]) -> tuple[str, pa.Table, dict[str, Any]] | None:
    """The tag, the table and the facts of a result that is a table itself; None if it is none."""
    kind = f"{type(result).__module__}.{type(result).__qualname__}"
    if kind == "pyarrow.lib.Table":
        return "arrow_table", without_unused(result, report), {}
    if kind == "pyarrow.lib.RecordBatch":
        return "arrow_batch", without_unused(_table_of_batch(result), report), {}
    if kind.startswith("pandas."):
        if kind.endswith(".DataFrame"):
            table, facts = pandas_frames.encode_frame(result, report)
            return "pandas_frame", with_metadata(table, _for_others(result)), facts
        if kind.endswith(".Series"):
            return "pandas_series", *pandas_frames.encode_series(result, report)
    return None


def _for_others(frame: pd.DataFrame) -> Any:
    """What pyarrow itself tells other readers of a DataFrame, so that they find its index."""
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
    return pa.Table.from_batches([batch])


def _batch_of_table(table: pa.Table) -> pa.RecordBatch:
    batches: list[pa.RecordBatch] = table.to_batches()
    if not batches:
        return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in table.schema], schema=table.schema)
    return pa.concat_batches(batches)
