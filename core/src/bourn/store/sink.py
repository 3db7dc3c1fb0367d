"""Where an object's bytes go in: counted and hashed as they pass."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StoreSink"]

PIECE_BYTES = 1024 * 1024
"""Small writes are gathered up to this size, big ones cut to it: a piece is hashed and written while in cache."""


class StoreSink:
    """Takes the bytes of one object, forward only, in pieces of any size.

    A big buffer (of an array, say) goes to its place as it is, without a copy.

    Parameters
    ----------
    put : callable
        Writes one piece, all of it.
    """

    def __init__(self, put: Callable[[memoryview], object]) -> None:
        self._put = put
        self._waiting = bytearray()
        self._hash = hashlib.sha256()
        self._sha256: str | None = None
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        """How many bytes were taken so far."""
        return self._size_bytes

    @property
    def sha256(self) -> str:
        """The digest of all bytes, in hex; known once the sink is finished."""
        if self._sha256 is None:
            msg = "the digest is known after the with block"
            raise RuntimeError(msg)
        return self._sha256

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Take the bytes of a C-contiguous buffer; gives their number."""
        if self._sha256 is not None:
            msg = "write to a finished sink"
            raise ValueError(msg)
        view = memoryview(data)
        if not view.nbytes:  # such a view refuses to be cast
            return 0
        if view.format != "B" or view.ndim != 1:
            view = view.cast("B")
        self._size_bytes += view.nbytes
        if len(self._waiting) + view.nbytes < PIECE_BYTES:
            self._waiting += view
        else:
            self._flush()
            for start in range(0, view.nbytes, PIECE_BYTES):
                self._pass(view[start : start + PIECE_BYTES])
        return view.nbytes

    def finish(self) -> None:
        """Pass on what waits; afterwards the digest is known and nothing more is taken."""
        if self._sha256 is None:
            self._flush()
            self._sha256 = self._hash.hexdigest()

    def _flush(self) -> None:
        if self._waiting:
            self._pass(memoryview(self._waiting))
            self._waiting = bytearray()

    def _pass(self, piece: memoryview) -> None:
        self._hash.update(piece)
        self._put(piece)
