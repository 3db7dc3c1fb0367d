"""The one way in which an image's pixels are read block by block: strips of whole rows, from the top."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bourn.image.pixels import Pixels
    from bourn.image.row_reader import RowReader

__all__ = ["Strip", "gathered", "read_strips"]

BEAT_SECONDS = 0.05
"""How often somebody hears of the reading between two strips."""


class Strip(NamedTuple):
    """Some rows of an image.

    Attributes
    ----------
    start, stop : int
        The rows, `stop` not among them.
    pixels : (band, stop - start, x) array, or tuple of (stop - start, x) arrays
        In memory; a tuple, one array a band, where the bands are of unlike dtypes. Not to be written to: they may
        be the caller's own.
    mask : (band, stop - start, x) or (stop - start, x) bool array, or None
        True where masked; not to be written to either.
    """

    start: int
    stop: int
    pixels: Any
    mask: Any


def read_strips(pixels: Pixels, rows: int, progress: Callable[[int, int], None] | None) -> Iterator[Strip]:
    """Strips of `rows` rows each, the last one lower, every chunk or block of the source being read once.

    `progress` is called after each strip; and now and then in between, while chunks of dask arrays are computed, so
    that it can end the reading however large a row of them is.
    """
    _, height, _ = pixels.shape
    total = -(-height // rows)
    beat = None if progress is None else _Beat(progress, total)
    readers = pixels.readers(rows, beat)
    for done, start in enumerate(range(0, height, rows), 1):
        stop = min(start + rows, height)
        yield Strip(start, stop, *pixels.assembled(gathered(readers, start, stop)))
        if beat is not None:
            beat.tell(done)


class _Beat:
    """Says how far the reading is, at each strip and now and then in between."""

    def __init__(self, progress: Callable[[int, int], None], total: int) -> None:
        self._progress = progress
        self._done, self._total = 0, total
        self._reported = time.monotonic()

    def tell(self, done: int) -> None:
        self._done = done
        self._reported = time.monotonic()
        self._progress(done, self._total)

    def __call__(self) -> None:
        if time.monotonic() - self._reported >= BEAT_SECONDS:
            self.tell(self._done)


def gathered(readers: Sequence[RowReader], start: int, stop: int) -> list[Any]:
    """The rows `start` to `stop` of all parts of an image, in their order."""
    parts: list[Any] = [None] * sum(len(reader.indices) for reader in readers)
    for reader in readers:
        found = list(reader.rows(start, stop))
        for index in reversed(reader.indices):
            parts[index] = found.pop()  # and no name keeps it while the next one is read
    return parts
