"""Tokens and bytes as an Arrow stream, in batches of a few MiB, each read once and compressed alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from bourn_formats.pyarrow.blobs import Blob, Blobs, aligned
from bourn_formats.pyarrow.compact import compact_batch
from bourn_formats.pyarrow.streams import batches_of, extension_names, with_metadata

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bourn.plugin import Sink

__all__ = ["KEY", "VERSION", "write_bytes", "write_table"]

KEY = b"bourn"
"""Under which the description stands in the schema's metadata."""

VERSION = 1
"""Of the description."""

PIECE = 4 << 20
"""Bytes of a batch; what is written needs about twice as much memory besides the result."""

SMALL = 1 << 20
"""Bytes; blobs below it share batches."""

LONGEST_DESCRIPTION = 64 << 10
"""Bytes; a longer description stands before the blobs, where it is compressed."""


class _File:
    """A sink as pyarrow wants a file."""

    closed = False

    def __init__(self, sink: Sink) -> None:
        self._write = sink.write

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._write(view)
        return view.nbytes

    def writable(self) -> bool:
        return True

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """The sink is its owner's to close."""


class _Stream:
    """An open Arrow stream, of which `compression` takes its part: lz4 and zstd of buffers, brotli of the whole."""

    def __init__(self, sink: Sink, schema: pa.Schema, compression: str) -> None:
        self._file: Any = pa.PythonFile(_File(sink), mode="w")
        if compression == "brotli":
            self._file = pa.CompressedOutputStream(self._file, "brotli")
        codec = compression if compression in {"lz4", "zstd"} else None
        self.whole = compression == "none"
        options = pa.ipc.IpcWriteOptions(compression=codec, unify_dictionaries=False)
        self._writer = pa.ipc.new_stream(self._file, schema, options=options)
        self.schema = schema

    def batch(self, buffer: Any) -> None:
        held = pa.py_buffer(buffer)
        column = pa.Array.from_buffers(pa.uint8(), held.size, [None, held])
        self._writer.write_batch(pa.RecordBatch.from_arrays([column], schema=self.schema))

    def table(self, table: pa.Table) -> None:
        # None: as it is chunked, zero-copy. Else in pieces, since a batch is compressed before it is written.
        rows = None if self.whole else max(1, PIECE * table.num_rows // max(1, table.nbytes))
        for batch in batches_of(table, rows):
            self._writer.write_batch(compact_batch(batch))

    def close(self) -> None:
        self._writer.close()
        self._file.close()


def write_bytes(tokens: list[Any], blobs: Blobs, compression: str, sink: Sink) -> None:
    """Write a tree: one column of bytes, in which each blob begins at the address that its token names."""
    facts: dict[str, Any] = {"version": VERSION, "compression": compression}
    described = orjson.dumps(tokens)
    if len(described) <= LONGEST_DESCRIPTION:
        facts["tree"], described = tokens, b""
    else:
        # Addresses count from the first one aligned behind it.
        facts["tree_bytes"] = len(described)
        described += bytes(aligned(len(described)) - len(described))
    schema = pa.schema([pa.field("bytes", pa.uint8(), nullable=False)], {KEY: orjson.dumps(facts)})
    stream = _Stream(sink, schema, compression)
    for start in range(0, len(described), PIECE):
        stream.batch(described[start : start + PIECE])
    _write_blobs(blobs, stream)
    stream.close()


def _write_blobs(blobs: Iterable[Blob], stream: _Stream) -> None:
    pending, end = bytearray(), 0
    for blob in blobs:
        pending += bytes(blob.start - end)
        end = blob.start + blob.length
        if blob.length < SMALL:
            for piece in blob.pieces(PIECE):
                pending += memoryview(piece)
            if len(pending) < SMALL:
                continue
        if pending:
            stream.batch(bytes(pending))
            pending.clear()
        if blob.length < SMALL:
            continue
        if stream.whole and blob.whole is not None:
            # One batch, so that it can be read again without a copy.
            stream.batch(blob.whole)
            continue
        for piece in blob.pieces(PIECE):
            stream.batch(piece)
    if pending:
        stream.batch(bytes(pending))


def write_table(tag: str, table: pa.Table, tokens: list[Any], compression: str, sink: Sink) -> None:
    """Write a table with its own columns, so that any reader of Arrow finds them."""
    # A stream that was cut between two of its messages is a stream, too: the number of rows shows it.
    facts = {"version": VERSION, "compression": compression, "table": tag, "rows": table.num_rows, "tree": tokens}
    if (names := extension_names(table.schema)) is not None:
        facts["extensions"] = names
    metadata = {**(table.schema.metadata or {}), KEY: orjson.dumps(facts)}
    stream = _Stream(sink, table.schema.with_metadata(metadata), compression)
    stream.table(with_metadata(table, metadata))
    stream.close()
