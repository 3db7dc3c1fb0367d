"""An overview level while the file is written: strips being filled, tiles being encoded, the spool."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bourn_formats.geotiff.cog.downsampling import Axis
from bourn_formats.geotiff.cog.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from bourn_formats.geotiff.cog.profile import Profile

__all__ = ["OverviewLevel", "Rows"]

Array = np.ndarray[Any, Any]


class Rows(NamedTuple):
    """Some rows of a level.

    Attributes
    ----------
    start, stop : int
        `stop` is exclusive.
    pixels : (band, stop - start, x) array
    mask : (band, stop - start, x) or (stop - start, x) bool array, or None
        True where masked.
    """

    start: int
    stop: int
    pixels: Array
    mask: Array | None


class OverviewLevel:
    """One level; level 0 is the full resolution.

    Attributes
    ----------
    index : int
    y_axis, x_axis : Axis
    spool : Spool
        The encoded tiles.
    above : Rows or None
        The last rows of the previous strip, if overview pixels need them.
    pending : deque of (Rows, futures)
        Strips whose tiles are being encoded.
    offsets, sizes : (part, tile) int64 array
        Of tiles (part 0) and mask tiles (part 1) in the spool; -1 and 0 for sparse tiles.
    """

    def __init__(self, index: int, height: int, width: int, profile: Profile) -> None:
        several = profile.resampler != "nearest"
        self.index = index
        self.y_axis, self.x_axis = Axis(height, several), Axis(width, several)
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

    def next(self, profile: Profile) -> OverviewLevel | None:
        """Return the next smaller level; None if this one is a single tile."""
        if max(self.y_axis.length, self.x_axis.length) <= self._side:
            return None
        return OverviewLevel(self.index + 1, self.y_axis.target, self.x_axis.target, profile)

    def columns(self) -> Iterator[tuple[int, int]]:
        """Yield the first column and the end of each tile of a strip."""
        width = self.x_axis.length
        for start in range(0, width, self._side):
            yield start, min(start + self._side, width)

    def keep_last_rows(self, rows: Rows) -> None:
        """Keep the last rows if overview pixels span two strips."""
        if not self.y_axis.overlap or rows.stop >= self.y_axis.length:
            self.above = None
            return
        # A copy, so that the strip can be freed.
        mask = None if rows.mask is None else rows.mask[..., -2:, :].copy()
        self.above = Rows(rows.stop - 2, rows.stop, rows.pixels[:, -2:].copy(), mask)

    def allocate(self, start: int, stop: int) -> None:
        """Allocate the strips of the rows `start` to `stop`."""
        for index in range(start // self._side, -(-stop // self._side)):
            if index not in self._filling:
                self._filling[index] = self._new_strip(index * self._side)

    def _new_strip(self, start: int) -> Rows:
        height = min(self._side, self.y_axis.length - start)
        if self._spare and self._spare[-1].pixels.shape[1] == height:
            return self._spare.pop()._replace(start=start, stop=start + height)
        shape = (height, self.x_axis.length)
        mask = np.empty(shape, bool) if self._masked else None
        return Rows(start, start + height, np.empty((self._bands, *shape), self._dtype), mask)

    def write(self, start: int, column: int, pixels: Array, masked: Array | None) -> None:
        """Copy a block into allocated strips; threads may write different blocks at the same time."""
        stop = start + pixels.shape[1]
        for index in range(start // self._side, -(-stop // self._side)):
            rows = self._filling[index]
            low, high = max(start, rows.start), min(stop, rows.stop)
            target = np.s_[..., low - rows.start : high - rows.start, column : column + pixels.shape[2]]
            source = np.s_[..., low - start : high - start, :]
            rows.pixels[target] = pixels[source]
            if rows.mask is not None:
                rows.mask[target] = False if masked is None else masked[source]

    def complete_strips(self, stop: int) -> Iterator[Rows]:
        """Remove and yield the strips that are complete when all rows before `stop` are written."""
        for index in sorted(self._filling):
            if self._filling[index].stop <= stop:
                yield self._filling.pop(index)

    def recycle(self, rows: Rows) -> None:
        """Reuse the arrays of a strip that is encoded: fresh memory is slow."""
        if not self._spare:
            self._spare.append(rows)

    def store(self, parts: list[Any | None]) -> None:
        """Append the next tile and its mask tile, each with leader and trailer; None for a sparse tile."""
        for part, data in enumerate(parts):
            if data is None:
                continue
            size = len(data)
            self.offsets[part, self._count] = self.spool.size_bytes + 4
            self.sizes[part, self._count] = size
            # The trailer repeats the last four bytes.
            self.spool.append(size.to_bytes(4, "little"), data, bytes(memoryview(data)[-4:]))
        self._count += 1
