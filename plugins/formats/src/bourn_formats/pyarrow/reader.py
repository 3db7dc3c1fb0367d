"""An Arrow stream as tokens and bytes again; it may be anybody's, and nothing in it is trusted."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa

from bourn_formats.pyarrow.blobs import aligned
from bourn_formats.pyarrow.decoder import restore
from bourn_formats.pyarrow.streams import all_of, with_extensions, with_metadata
from bourn_formats.pyarrow.tables import from_stream
from bourn_formats.pyarrow.tokens import MissingLibrary, missing_library
from bourn_formats.pyarrow.writer import KEY, SMALL, VERSION

__all__ = ["read"]

_CONTINUATION = b"\xff\xff\xff\xff"
_END = _CONTINUATION + bytes(4)
"""The first bytes of every Arrow stream; no brotli stream begins so."""


class _Bytes:
    """The bytes of a stream's batches, taken in the order of their addresses; a batch that was passed is dropped."""

    def __init__(self, reader: pa.RecordBatchReader, *, share: bool) -> None:
        self._reader = reader
        self._share = share
        self._base = 0
        self._start = 0
        self._held: Any = np.empty(0, np.uint8)

    def begin_behind(self, length: int) -> None:
        """From now on addresses count from behind the first `length` bytes."""
        self._base = aligned(length)

    def _next(self) -> None:
        self._start += self._held.size
        column = self._reader.read_next_batch().column(0)
        # Its length is what the stream says; a slice of the buffer never leads out of it.
        held = np.frombuffer(column.buffers()[1], np.uint8) if len(column) else np.empty(0, np.uint8)
        self._held = held[column.offset : column.offset + len(column)]

    def take(self, start: int, length: int, *, keep: bool) -> Any:
        """The bytes as a contiguous uint8 array; with `keep` one that is nobody else's.

        It can be written to unless it is large and the stream not compressed: then it is a view of what was read.
        """
        if type(start) is not int or type(length) is not int or start < 0 or length < 0:
            msg = "no address"
            raise ValueError(msg)
        if not length:
            return np.empty(0, np.uint8)
        start += self._base
        if start < self._start:
            msg = "bytes are asked for out of order"
            raise ValueError(msg)
        while start >= self._start + self._held.size:
            self._next()
        first = start - self._start
        if first + length <= self._held.size:
            view = self._held[first : first + length]
            return view.copy() if keep and not (self._share and length >= SMALL) else view
        taken = np.empty(length, np.uint8)
        done = 0
        while True:
            piece = self._held[first : first + length - done]
            taken[done : done + piece.size] = piece
            done += piece.size
            if done == length:
                return taken
            self._next()
            first = 0


def _opened(source: BinaryIO) -> pa.RecordBatchReader:
    first = source.read(len(_CONTINUATION))
    if source.seekable():
        source.seek(-len(first), io.SEEK_CUR)
    else:
        source = io.BytesIO(first + source.read())
    if first == _CONTINUATION:
        _check_end(source)
        return pa.ipc.open_stream(source)
    return pa.ipc.open_stream(pa.CompressedInputStream(source, "brotli"))


def _check_end(source: BinaryIO) -> None:
    """A stream that was cut between two of its messages can be read; only its end mark tells that it is whole."""
    here = source.tell()
    source.seek(0, io.SEEK_END)
    source.seek(max(here, source.tell() - len(_END)))
    whole = source.read() == _END
    source.seek(here)
    if not whole:
        msg = "the stream has no end mark, so it was cut off"
        raise ValueError(msg)


def read(source: BinaryIO) -> Any:
    """The result that was written.

    Raises
    ------
    ValueError
        These bytes are no result that was written as pyarrow, or they are damaged.
    MissingLibrary
        The result holds objects of a library that is not installed.
    """
    try:
        return _read(_opened(source))
    except OSError as error:
        if isinstance(error, pa.ArrowException) or error.errno is None:
            raise _invalid(error) from error
        raise
    except MissingLibrary:
        raise
    except ModuleNotFoundError as cause:
        raise missing_library(cause, "a table") from cause
    except Exception as cause:  # whatever numpy, pandas, xarray or PROJ say to bytes that are anybody's
        raise _invalid(cause) from cause


def _invalid(cause: BaseException) -> ValueError:
    return ValueError(f"these bytes are not a result written as pyarrow, or damaged ({type(cause).__name__}: {cause})")


def _read(reader: pa.RecordBatchReader) -> Any:
    metadata = dict(reader.schema.metadata or {})
    facts = orjson.loads(metadata.pop(KEY))
    if facts["version"] != VERSION:
        msg = f"version {facts['version']!r} of the description, expected {VERSION}"
        raise ValueError(msg)
    if "table" in facts:
        table = with_metadata(all_of(reader), metadata or None)
        if table.num_rows != facts["rows"]:
            msg = f"it has {table.num_rows} rows of {facts['rows']}, so it was cut off"
            raise ValueError(msg)
        table = with_extensions(table, facts.get("extensions"))
        return from_stream(facts["table"], table, restore(facts["tree"], _Bytes(reader, share=False)))
    if reader.schema.types != [pa.uint8()]:
        msg = f"expected one column of uint8, got {reader.schema.types}"
        raise ValueError(msg)
    source = _Bytes(reader, share=facts["compression"] == "none")
    if "tree" in facts:
        return restore(facts["tree"], source)
    length = facts["tree_bytes"]
    tokens = orjson.loads(bytes(source.take(0, length, keep=False)))
    source.begin_behind(length)
    return restore(tokens, source)
