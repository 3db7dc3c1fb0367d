"""A cloud optimized GeoTIFF written in one pass: strips in, tiles out, every overview on the way.

The image is read once, strip by strip. Each tile is one job for the pool, in which its pixels stay in the cache: they
are masked, counted, added up, halved into the next resolution's strip, and encoded. Tiles wait in spools, one a
resolution, until all sizes are known; then the file goes to the sink from its first byte to its last.
"""

from __future__ import annotations

import math
from collections import Counter
from concurrent.futures import wait
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from bourn_formats.raster.block import Block, Tally, prepared, seen, tallied
from bourn_formats.raster.compress import compressor, deflated
from bourn_formats.raster.directories import directories
from bourn_formats.raster.layout import header
from bourn_formats.raster.pool import crew
from bourn_formats.raster.predictor import fill_bits, fill_tile
from bourn_formats.raster.reduce import reduced
from bourn_formats.raster.report import report
from bourn_formats.raster.stage import Rows, Stage
from bourn_formats.raster.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.plugin import Image, Sink

    from bourn_formats.raster.profile import Profile

__all__ = ["takes", "write"]

IN_FLIGHT = 1
"""Strips that may still be encoded while the next one is read."""

LARGE_BYTES = 64 << 20
"""Of a lazy image's strip: from there on none is encoded while the next one is computed, since each takes memory."""

SMALL_BYTES = 32 << 20
"""Of a whole image: it is one of many, perhaps, that are written at once."""

Array = np.ndarray[Any, Any]


def takes(profile: Profile) -> bool:
    """Whether such a file can be written here; the others are left to GDAL."""
    if not profile.tiled or profile.codec.gdal not in {"DEFLATE", "ZSTD", "NONE"}:
        return False
    if not profile.overviews or profile.resampler == "nearest":
        return True
    return profile.resampler in {"average", "mode"} and not profile.dtype.startswith("complex")


def write(image: Image, profile: Profile, sink: Sink) -> Mapping[str, Any]:
    """Write `image` as `profile` says; gives the report.

    Memory stays at a few strips of one tile's height. Needs room for the compressed tiles in the folder for temporary
    files, unless they are few.

    Raises
    ------
    EncodeError
        No room is left there.
    """
    with ExitStack() as stack:
        return _Writer(profile, stack).written(image, sink)


class _Writer:
    """One file while it is written."""

    def __init__(self, profile: Profile, stack: ExitStack) -> None:
        self._profile = profile
        small = math.prod(profile.shape) * np.dtype(profile.dtype).itemsize <= SMALL_BYTES
        self._crew = stack.enter_context(crew(small=small))
        self._encode = compressor(profile.codec, profile.level)
        self._tiles: SimpleQueue[Array] = SimpleQueue()
        self._counts: dict[str, Counter[str]] = {"nodata_clash": Counter(), "hidden": Counter()}
        self._statistics = [Statistics() for _ in profile.bands]
        self._in_flight = IN_FLIGHT
        self._empty = np.zeros((), profile.dtype)
        if profile.nodata is not None:
            self._empty = np.array(profile.nodata).astype(profile.dtype)
        self._stages = [Stage(0, *profile.shape[1:], profile)]
        while profile.overviews and (following := self._stages[-1].next(profile)) is not None:
            self._stages.append(following)
        for stage in self._stages:
            stack.callback(stage.spool.close)
        stack.callback(self._stop)  # before the spools are closed

    def written(self, image: Image, sink: Sink) -> Mapping[str, Any]:
        """Write it; gives the report."""
        first = self._stages[0]
        count, _, width = self._profile.shape
        large = count * width * self._profile.blocksize * np.dtype(self._profile.dtype).itemsize > LARGE_BYTES
        self._in_flight = 0 if image.lazy and large else IN_FLIGHT
        for strip in image.strips(self._profile.blocksize):
            pixels = strip.pixels if isinstance(strip.pixels, np.ndarray) else np.stack(strip.pixels)
            self._submit(first, Rows(strip.start, strip.stop, pixels, strip.mask))
            self._settle(first, self._in_flight)
            del strip, pixels  # before the next one is made
        for stage in self._stages:
            self._settle(stage, 0)
        masked = self._profile.masking == "internal"
        found = directories(self._profile, self._stages, self._statistics)
        sink.write(header(found, [stage.spool.size_bytes for stage in self._stages], masked=masked))
        for stage in reversed(self._stages):
            for piece in stage.spool.pieces():
                sink.write(piece)
        return report(self._profile, self._counts)

    def _stop(self) -> None:
        """Wait until no thread works on this file any more, whatever happened; a no-op after success."""
        left = [future for stage in self._stages for _, futures in stage.pending for future in futures]
        wait([future for future in left if not future.cancel()])

    def _submit(self, stage: Stage, rows: Rows) -> None:
        """Have all tiles of a strip encoded, and its pixels halved."""
        above = stage.above
        if stage.index + 1 < len(self._stages):
            self._stages[stage.index + 1].open(stage.down.ready(rows.start), stage.down.ready(rows.stop))
        futures = [self._crew.submit(self._tile, stage, rows, above, columns) for columns in stage.columns()]
        stage.pending.append((rows, futures))
        if stage.index + 1 < len(self._stages):
            stage.keep(rows)

    def _settle(self, stage: Stage, in_flight: int) -> None:
        """Take the tiles of all strips but the last few; what they make whole of the next resolution goes on."""
        while len(stage.pending) > in_flight:
            rows, futures = stage.pending[0]
            for future in futures:
                parts, tally = future.result()
                stage.store(parts)
                self._note(tally)
            stage.pending.popleft()
            if stage.index:
                stage.recycle(rows)
            if stage.index + 1 < len(self._stages):
                following = self._stages[stage.index + 1]
                for whole in following.whole(stage.down.ready(rows.stop)):
                    self._submit(following, whole)
                    self._settle(following, self._in_flight)

    def _note(self, tally: Tally | None) -> None:
        if tally is None:
            return
        for kind, numbers in tally.counts.items():
            for band, number in zip(self._profile.bands, numbers, strict=True):
                if number:
                    self._counts[kind][band] += number
        for mine, theirs in zip(self._statistics, tally.statistics, strict=True):
            mine.join(theirs)

    def _tile(
        self, stage: Stage, rows: Rows, above: Rows | None, columns: tuple[int, int]
    ) -> tuple[list[Any | None], Tally | None]:
        """In a thread of the crew: one tile, encoded and halved."""
        left, right = columns
        further = min(right + stage.across.overlap, stage.across.length)
        block = self._block(stage, rows, above, left, further)
        top = 0 if above is None else above.stop - above.start
        own = Block(
            block.pixels[:, top:, : right - left],
            None if block.invalid is None else block.invalid[:, top:, : right - left],
            {kind: lost[:, top:, : right - left] for kind, lost in block.losses.items()},
        )
        tally = tallied(own, self._profile) if stage.index == 0 else None
        if stage.index + 1 < len(self._stages):
            self._halve(stage, rows, block, columns)
        return self._encoded(own), tally

    def _block(self, stage: Stage, rows: Rows, above: Rows | None, left: int, right: int) -> Block:
        """The pixels of a tile, with those around it that its part of the overview needs."""
        pixels = rows.pixels[:, :, left:right]
        mask = None if rows.mask is None else rows.mask[..., left:right]
        if above is not None:
            pixels = np.concatenate([above.pixels[:, :, left:right], pixels], axis=1)
            if mask is not None and above.mask is not None:
                mask = np.concatenate([above.mask[..., left:right], mask], axis=-2)
        return prepared(pixels, mask, self._profile) if stage.index == 0 else seen(pixels, mask, self._profile)

    def _halve(self, stage: Stage, rows: Rows, block: Block, columns: tuple[int, int]) -> None:
        """Put what the block makes of the next resolution there."""
        down = (stage.down, stage.down.ready(rows.start), stage.down.ready(rows.stop))
        last = columns[1] == stage.across.length
        across = (stage.across, columns[0] // stage.across.step, stage.across.target if last else columns[1] // 2)
        if down[1] == down[2] or across[1] == across[2]:
            return
        small, masked = reduced(block.pixels, block.invalid, down, across, self._profile)
        self._stages[stage.index + 1].place(down[1], across[1], small, masked)

    def _encoded(self, block: Block) -> list[Any | None]:
        """The tile, and that of the mask; None where it is left out since it is empty."""
        side = self._profile.blocksize
        empty = self._is_empty(block.pixels)
        if self._profile.masking != "internal":
            return [None if empty else self._compressed(block.pixels)]
        if empty and block.invalid is not None and block.invalid.all():
            return [None, None]
        valid = np.ones(block.pixels.shape[1:], bool) if block.invalid is None else ~block.invalid[0]
        return [self._compressed(block.pixels), deflated(fill_bits(side, valid))]

    def _is_empty(self, pixels: Array) -> bool:
        """Whether all is what a reader sees where there is no tile: nodata, or 0, which -0.0 is not."""
        if self._empty != self._empty:  # NaN
            return bool(np.isnan(pixels).all())
        if pixels[0, 0, 0] != self._empty:
            return False
        return bool((pixels == self._empty).all()) and not (pixels.dtype.kind in "fc" and np.signbit(pixels.real).any())

    def _compressed(self, pixels: Array) -> Any:
        try:
            tile = self._tiles.get_nowait()
        except Empty:
            side = self._profile.blocksize
            tile = np.empty((side, side, len(pixels)), self._profile.dtype)
        fill_tile(tile, pixels, self._profile.predictor)
        made = self._encode(tile)
        self._tiles.put(tile)
        return made
