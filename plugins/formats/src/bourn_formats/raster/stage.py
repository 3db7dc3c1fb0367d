"""One resolution while the file is made: strips that fill up, tiles that are being encoded, what waits in the spool."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bourn_formats.raster.halving import Halving
from bourn_formats.raster.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from bourn_formats.raster.profile import Profile

__all__ = ["Rows", "Stage"]

Array = np.ndarray[Any, Any]


class Rows(NamedTuple):
    """Some rows of a resolution.

    Attributes
    ----------
    start, stop : int
        `stop` not among them.
    pixels : (band, stop - start, x) array
    mask : (band, stop - start, x) or (stop - start, x) bool array, or None
        True where masked; None if it has no mask.
    """

    start: int
    stop: int
    pixels: Array
    mask: Array | None


class Stage:
    """One resolution.

    Attributes
    ----------
    index : int
        0 is the image itself.
    down, across : Halving
        The axes.
    spool : Spool
        The tiles that are ready.
    above : Rows or None
        The last rows of the strip before, if pixels of the overview need them.
    pending : deque of (Rows, futures)
        Strips whose tiles are being encoded.
    """

    def __init__(self, index: int, height: int, width: int, profile: Profile) -> None:
        spreads = profile.resampler != "nearest"
        self.index = index
        self.down, self.across = Halving(height, spreads), Halving(width, spreads)
        self.spool = Spool()
        self.above: Rows | None = None
        self.pending: deque[tuple[Rows, list[Future[Any]]]] = deque()
        self._side = profile.blocksize
        self._bands, self._dtype = profile.shape[0], np.dtype(profile.dtype)
        self._masked = profile.masking == "internal"
        tiles = -(-height // self._side) * -(-width // self._side)
        parts = 2 if self._masked else 1
        self.offsets = np.full((parts, tiles), -1, np.int64)
        self.sizes = np.zeros((parts, tiles), np.int64)
        self._count = 0
        self._filling: dict[int, Rows] = {}
        self._filled = 0
        self._spare: list[Rows] = []

    def next(self, profile: Profile) -> Stage | None:
        """The next lower resolution; None if this one is one tile."""
        if max(self.down.length, self.across.length) <= self._side:
            return None
        return Stage(self.index + 1, self.down.target, self.across.target, profile)

    def columns(self) -> Iterator[tuple[int, int]]:
        """The columns of each tile of a strip."""
        width = self.across.length
        for start in range(0, width, self._side):
            yield start, min(start + self._side, width)

    def keep(self, rows: Rows) -> None:
        """Remember the last rows, in case pixels of the overview lie across two strips."""
        if not self.down.overlap or rows.stop >= self.down.length:
            self.above = None
            return
        # A copy: what the strip is a view of may be large, and is done with.
        mask = None if rows.mask is None else rows.mask[..., -2:, :].copy()
        self.above = Rows(rows.stop - 2, rows.stop, rows.pixels[:, -2:].copy(), mask)

    def open(self, start: int, stop: int) -> None:
        """Make room for the rows `start` to `stop`."""
        for index in range(start // self._side, -(-stop // self._side)):
            if index not in self._filling:
                self._filling[index] = self._room(index * self._side)

    def _room(self, start: int) -> Rows:
        height = min(self._side, self.down.length - start)
        if self._spare and self._spare[-1].pixels.shape[1] == height:
            return self._spare.pop()._replace(start=start, stop=start + height)
        shape = (height, self.across.length)
        mask = np.empty(shape, bool) if self._masked else None
        return Rows(start, start + height, np.empty((self._bands, *shape), self._dtype), mask)

    def place(self, start: int, column: int, pixels: Array, masked: Array | None) -> None:
        """Put a block of pixels where it belongs; there must be room for it. Several threads may, at unlike places."""
        stop = start + pixels.shape[1]
        for index in range(start // self._side, -(-stop // self._side)):
            rows = self._filling[index]
            low, high = max(start, rows.start), min(stop, rows.stop)
            here = np.s_[..., low - rows.start : high - rows.start, column : column + pixels.shape[2]]
            there = np.s_[..., low - start : high - start, :]
            rows.pixels[here] = pixels[there]
            if rows.mask is not None:
                rows.mask[here] = False if masked is None else masked[there]

    def whole(self, stop: int) -> Iterator[Rows]:
        """The strips that are whole now that all rows before `stop` are there."""
        for index in sorted(self._filling):
            if self._filling[index].stop <= stop:
                yield self._filling.pop(index)

    def recycle(self, rows: Rows) -> None:
        """Take the arrays of a strip that nobody reads any more: fresh memory is slow."""
        if not self._spare:
            self._spare.append(rows)

    def store(self, parts: list[Any | None]) -> None:
        """Append the next tile, and that of its mask: its leader, the tile, its trailer; None where it is left out."""
        for part, data in enumerate(parts):
            if data is None:
                continue
            size = len(data)
            self.offsets[part, self._count] = self.spool.size_bytes + 4
            self.sizes[part, self._count] = size
            # The last four bytes once more; what is shorter than that can't be compressed.
            self.spool.append(size.to_bytes(4, "little"), data, bytes(memoryview(data)[-4:]))
        self._count += 1
