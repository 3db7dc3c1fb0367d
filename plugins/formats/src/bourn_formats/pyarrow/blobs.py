"""The bytes that tokens point to: laid out one after the other, and not read before they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["ALIGNMENT", "Blob", "BlobSource", "Blobs", "aligned"]

ALIGNMENT = 64
"""Bytes; every blob begins at a multiple of it, as Arrow recommends for its buffers."""


def aligned(address: int) -> int:
    """The next address at which a blob may begin."""
    return -(-address // ALIGNMENT) * ALIGNMENT


@attrs.frozen(kw_only=True)
class Blob:
    """Bytes of known length, whole in memory or made in pieces.

    Attributes
    ----------
    start, length : int
        Where they stand among all bytes.
    whole : buffer or None
        The bytes, contiguous, without a copy.
    pieces : callable
        ``pieces(size)`` gives them as buffers of at most about `size` bytes; a piece is valid until the next.
    """

    start: int
    length: int
    whole: Any
    pieces: Callable[[int], Iterator[Any]]


class Blobs:
    """Blobs in the order in which they are written."""

    def __init__(self) -> None:
        self._blobs: list[Blob] = []
        self._end = 0

    def __iter__(self) -> Iterator[Blob]:
        return iter(self._blobs)

    def add(self, buffer: Any) -> tuple[int, int]:
        """Take a contiguous buffer of bytes; gives its start and length."""
        view = memoryview(buffer).cast("B") if not isinstance(buffer, bytes) else memoryview(buffer)

        def pieces(size: int) -> Iterator[Any]:
            for start in range(0, len(view), size):
                yield view[start : start + size]

        return self._place(len(view), view, pieces)

    def add_made(self, length: int, pieces: Callable[[int], Iterator[Any]]) -> tuple[int, int]:
        """Take bytes that are made in pieces when they are written; gives their start and length."""
        return self._place(length, None, pieces)

    def _place(self, length: int, whole: Any, pieces: Callable[[int], Iterator[Any]]) -> tuple[int, int]:
        start = aligned(self._end)
        self._end = start + length
        if length:
            self._blobs.append(Blob(start=start, length=length, whole=whole, pieces=pieces))
        return start, length


class BlobSource(Protocol):
    """Where the bytes are read again, in the order of their addresses."""

    def take(self, start: int, length: int, *, keep: bool) -> Any:
        """The bytes as a contiguous uint8 array; with `keep` one that may be written to and is nobody else's."""
        ...
