"""Tables as Arrow streams of their visible values, with the same extension types whatever libraries are loaded."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from bourn_formats.pyarrow.compact import compact_batch, compact_dictionaries
from bourn_formats.pyarrow.tokens import MissingLibrary

if TYPE_CHECKING:
    from collections import Counter

__all__ = [
    "ONLY",
    "all_of",
    "batches_of",
    "extension_names",
    "read_stream",
    "stream_of",
    "stream_of_array",
    "with_extensions",
    "with_metadata",
    "without_unused",
]

EXTENSION, EXTENSION_DATA = b"ARROW:extension:name", b"ARROW:extension:metadata"
"""Keys of a field's metadata by which Arrow's streams name an extension type."""

REGISTERING = {"pandas": "pandas.core.arrays.arrow.extension_types", "geoarrow": "geoarrow.pyarrow"}
"""By the first part of an extension type's name: the module that registers it."""

ONLY = "values"
"""The name of an array's column."""


def without_unused(table: pa.Table, report: Counter[str]) -> pa.Table:
    """The table without values of dictionaries that no row has; counted."""
    table, dropped = compact_dictionaries(table)
    if dropped:
        report["dictionary"] += dropped
    return table


def stream_of(table: pa.Table) -> Any:
    """The bytes of its stream, with the names of extension types where it has any."""
    written = _bytes_of(table)
    names = extension_names(table.schema)
    return written if names is None else {"bytes": written, "extensions": names}


def stream_of_array(array: pa.Array | pa.ChunkedArray) -> Any:
    """The stream of a table that has the array as its column."""
    return stream_of(pa.table({ONLY: array}))


def _bytes_of(table: pa.Table) -> np.ndarray[Any, Any]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in batches_of(table):
            writer.write_batch(compact_batch(batch))
    return np.frombuffer(sink.getvalue(), np.uint8)


def extension_names(schema: pa.Schema) -> list[str] | None:
    """The extension types that were registered; None for a schema without any, be they registered or not."""
    registered, unregistered = _extensions(schema)
    return sorted(registered) if registered or unregistered else None


def _extensions(schema: pa.Schema) -> tuple[set[str], set[str]]:
    """Names of the extension types of all fields, nested ones too: those that are registered, and the others."""
    registered, unregistered = set(), set()
    fields = list(schema)
    while fields:
        field = fields.pop()
        kind = field.type
        if EXTENSION in (field.metadata or {}):
            unregistered.add(field.metadata[EXTENSION].decode("utf-8", "replace"))
        if hasattr(kind, "extension_name"):
            registered.add(kind.extension_name)
            kind = kind.storage_type
        fields += [kind.field(place) for place in range(kind.num_fields)]
    return registered, unregistered


def with_extensions(table: pa.Table, names: Any) -> pa.Table:
    """The table with the extension types that it had, whatever libraries are loaded.

    Raises
    ------
    MissingLibrary
        No library registers one of them.
    ValueError
        The table has no values of one of them: the data is damaged.
    """
    if names is None:
        return table
    if not isinstance(names, list) or not {*names} <= set.union(*_extensions(table.schema)):
        msg = f"the stream has no values of the extension types {names!r:.200}"
        raise ValueError(msg)
    missing = set(names) - set(extension_names(table.schema) or ())
    for library in {name.partition(".")[0] for name in missing} & set(REGISTERING):
        import_module(REGISTERING[library])
    if missing:
        table = all_of(pa.ipc.open_stream(pa.py_buffer(_bytes_of(table))))
    missing = set(names) - set(extension_names(table.schema) or ())
    if missing:
        which = ", ".join(map(repr, sorted(missing)))
        msg = f"the result has values of the extension type {which}, which no loaded library registers: import it"
        raise MissingLibrary(msg)
    for place, field in enumerate(table.schema):
        kind = field.type
        if hasattr(kind, "extension_name") and kind.extension_name not in names:
            chunks = [chunk.storage for chunk in table.column(place).chunks]
            metadata = {**(field.metadata or {}), EXTENSION: kind.extension_name, EXTENSION_DATA: _serialized(kind)}
            plain = pa.field(field.name, kind.storage_type, field.nullable, metadata)
            table = table.set_column(place, plain, pa.chunked_array(chunks, kind.storage_type))
    return table


def _serialized(kind: Any) -> bytes:
    return bytes(kind.__arrow_ext_serialize__())


def all_of(reader: pa.RecordBatchReader) -> pa.Table:
    """The whole table; `read_all` forgets the rows of one without columns."""
    return pa.Table.from_batches(list(reader), reader.schema)


def batches_of(table: pa.Table, rows: int | None = None) -> list[pa.RecordBatch]:
    """At least one, of at most so many rows: a stream has categories before a batch, and none without any."""
    batches: list[pa.RecordBatch] = table.to_batches(max_chunksize=rows)
    if batches or not table.num_columns:
        return batches
    first = [column.chunk(0) if column.num_chunks else pa.array([], column.type) for column in table.columns]
    return [pa.RecordBatch.from_arrays(first, schema=table.schema)]


def with_metadata(table: pa.Table, metadata: Any) -> pa.Table:
    """The table with other metadata; `replace_schema_metadata` forgets the rows of one without columns, too."""
    if table.num_columns:
        return table.replace_schema_metadata(metadata)
    batches = [batch.replace_schema_metadata(metadata) for batch in table.to_batches()]
    return pa.Table.from_batches(batches, table.schema.with_metadata(metadata))


def read_stream(written: Any) -> pa.Table:
    """The table of a stream that `stream_of` wrote."""
    stream, names = (written["bytes"], written["extensions"]) if isinstance(written, dict) else (written, None)
    table = with_extensions(all_of(pa.ipc.open_stream(pa.py_buffer(stream))), names)
    # Anybody's bytes: offsets that lead out of their buffers must be found before they are followed.
    table.validate(full=True)
    return table
