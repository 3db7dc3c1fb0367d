"""Write a COG in one pass: strips in, tiles out, every overview on the way.

The image is read once, strip by strip. Each tile is one function call of the executor, in which its pixels stay in the
cache: they are masked, counted, summed, downsampled into a strip of the next level, and encoded. Tiles wait in
one spool per level until all sizes are known; then the file goes to the sink from its first byte to its last.
"""

from __future__ import annotations

import math
from collections import Counter
from concurrent.futures import wait
from contextlib import ExitStack
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bourn_formats.geotiff.cog.block import Block, BlockSummary, apply_mask, read_block, summarize
from bourn_formats.geotiff.cog.directories import make_directories
from bourn_formats.geotiff.cog.downsampling import downsample
from bourn_formats.geotiff.cog.header import serialize_header
from bourn_formats.geotiff.cog.level import OverviewLevel, Rows
from bourn_formats.geotiff.cog.metadata import verify_header
from bourn_formats.geotiff.cog.statistics import Statistics
from bourn_formats.geotiff.cog.threads import tile_executor
from bourn_formats.geotiff.cog.tiles import COMPRESSION_TAGS, compressor, deflate, fill_bits, fill_tile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bourn_formats.geotiff.cog.profile import Profile

__all__ = ["Sink", "Strip", "can_write", "write_cog"]

IN_FLIGHT = 1
"""Strips that may still be encoded while the next one is read."""

LARGE_BYTES = 64 << 20
"""Size of a strip of lazy pixels from which it is encoded before the next one is computed, to save memory."""

SMALL_BYTES = 32 << 20
"""Size up to which an image is small: many of them may be written at the same time."""

Array = np.ndarray[Any, Any]


class Strip(Protocol):
    """Some rows of an image.

    Attributes
    ----------
    start, stop : int
        `stop` is exclusive; a multiple of the blocksize except for the last strip.
    pixels : (band, stop - start, x) array, or sequence of (stop - start, x) arrays
    mask : (band, stop - start, x) or (stop - start, x) bool array, or None
        True where masked.
    """

    @property
    def start(self) -> int: ...  # noqa: D102  # above

    @property
    def stop(self) -> int: ...  # noqa: D102

    @property
    def pixels(self) -> Any: ...  # noqa: D102

    @property
    def mask(self) -> Any: ...  # noqa: D102


class Sink(Protocol):
    """A binary file, or anything with its `write`."""

    def write(self, data: Any, /) -> Any: ...  # noqa: D102


def can_write(profile: Profile) -> bool:
    """Whether compression and resampler of `profile` are supported here."""
    if profile.compression not in COMPRESSION_TAGS:
        return False
    if not profile.overviews or profile.resampler == "nearest":
        return True
    return profile.resampler in {"average", "mode"} and not profile.dtype.startswith("complex")


def write_cog(strips: Iterable[Strip], profile: Profile, sink: Sink, *, lazy: bool = False) -> dict[str, Counter[str]]:
    """Write an image as a cloud optimized GeoTIFF.

    Memory stays at a few strips of one tile's height. Compressed tiles that exceed a few MiB go to the folder for
    temporary files.

    Parameters
    ----------
    strips : iterable of Strip
        From the top to the bottom, each as high as a tile (the last one may be lower).
    profile : Profile
        One that `can_write` accepts.
    sink : file-like
    lazy : bool
        Whether making a strip takes as much memory as its pixels.

    Returns
    -------
    dict of Counter
        Lost valid pixels by band: ``nodata_clash`` (equal to nodata) and ``hidden`` (masked in another band).

    Raises
    ------
    NoSpace
        No space is left in the folder for temporary files.
    HeaderMismatch
        GDAL reads another CRS, transform or nodata value from the header.
    """
    with ExitStack() as stack:
        return _Writer(profile, stack).write(strips, sink, lazy=lazy)


class _Writer:
    """The state of one file while it is written."""

    def __init__(self, profile: Profile, stack: ExitStack) -> None:
        self._profile = profile
        small = math.prod(profile.shape) * np.dtype(profile.dtype).itemsize <= SMALL_BYTES
        self._executor = stack.enter_context(tile_executor(small=small))
        self._compress_tile = compressor(profile.compression, profile.level)
        self._tiles: SimpleQueue[Array] = SimpleQueue()
        self._counts: dict[str, Counter[str]] = {"nodata_clash": Counter(), "hidden": Counter()}
        self._statistics = [Statistics() for _ in profile.bands]
        self._in_flight = IN_FLIGHT
        self._empty = np.zeros((), profile.dtype)
        if profile.nodata is not None:
            self._empty = np.array(profile.nodata).astype(profile.dtype)
        self._levels = [OverviewLevel(0, *profile.shape[1:], profile)]
        while profile.overviews and (following := self._levels[-1].next(profile)) is not None:
            self._levels.append(following)
        for level in self._levels:
            stack.callback(level.spool.close)
        stack.callback(self._cancel)  # before the spools are closed

    def write(self, strips: Iterable[Strip], sink: Sink, *, lazy: bool) -> dict[str, Counter[str]]:
        """Write the file and return the counts of lost pixels."""
        first = self._levels[0]
        count, _, width = self._profile.shape
        large = count * width * self._profile.blocksize * np.dtype(self._profile.dtype).itemsize > LARGE_BYTES
        self._in_flight = 0 if lazy and large else IN_FLIGHT
        for strip in strips:
            pixels = strip.pixels if isinstance(strip.pixels, np.ndarray) else np.stack(strip.pixels)
            self._submit(first, Rows(strip.start, strip.stop, pixels, strip.mask))
            self._collect(first, self._in_flight)
            del strip, pixels  # before the next one is made
        for level in self._levels:
            self._collect(level, 0)
        masked = self._profile.masking == "internal"
        directories = make_directories(self._profile, self._levels, self._statistics)
        header = serialize_header(directories, [level.spool.size_bytes for level in self._levels], masked=masked)
        verify_header(header, self._profile)
        sink.write(header)
        for level in reversed(self._levels):
            for piece in level.spool.pieces():
                sink.write(piece)
        return self._counts

    def _cancel(self) -> None:
        """Wait until no thread works on this file, also after an error; does nothing after success."""
        left = [future for level in self._levels for _, futures in level.pending for future in futures]
        wait([future for future in left if not future.cancel()])

    def _submit(self, level: OverviewLevel, rows: Rows) -> None:
        """Start encoding and downsampling all tiles of a strip."""
        above = level.above
        if level.index + 1 < len(self._levels):
            following = self._levels[level.index + 1]
            following.allocate(level.y_axis.ready(rows.start), level.y_axis.ready(rows.stop))
        futures = [
            self._executor.submit(self._process_tile, level, rows, above, columns) for columns in level.columns()
        ]
        level.pending.append((rows, futures))
        if level.index + 1 < len(self._levels):
            level.keep_last_rows(rows)

    def _collect(self, level: OverviewLevel, in_flight: int) -> None:
        """Spool the tiles of all strips but the last few, and submit the strips of the next level they complete."""
        while len(level.pending) > in_flight:
            rows, futures = level.pending[0]
            for future in futures:
                parts, summary = future.result()
                level.store(parts)
                self._add(summary)
            level.pending.popleft()
            if level.index:
                level.recycle(rows)
            if level.index + 1 < len(self._levels):
                following = self._levels[level.index + 1]
                for strip in following.complete_strips(level.y_axis.ready(rows.stop)):
                    self._submit(following, strip)
                    self._collect(following, self._in_flight)

    def _add(self, summary: BlockSummary | None) -> None:
        if summary is None:
            return
        for kind, numbers in summary.counts.items():
            for band, number in zip(self._profile.bands, numbers, strict=True):
                if number:
                    self._counts[kind][band] += number
        for total, statistics in zip(self._statistics, summary.statistics, strict=True):
            total.join(statistics)

    def _process_tile(
        self, level: OverviewLevel, rows: Rows, above: Rows | None, columns: tuple[int, int]
    ) -> tuple[list[Any | None], BlockSummary | None]:
        """Encode and downsample one tile; called by the executor."""
        left, right = columns
        further = min(right + level.x_axis.overlap, level.x_axis.length)
        block = self._block(level, rows, above, left, further)
        top = 0 if above is None else above.stop - above.start
        own = Block(
            block.pixels[:, top:, : right - left],
            None if block.invalid is None else block.invalid[:, top:, : right - left],
            {kind: lost[:, top:, : right - left] for kind, lost in block.losses.items()},
        )
        summary = summarize(own, self._profile) if level.index == 0 else None
        if level.index + 1 < len(self._levels):
            self._downsample(level, rows, block, columns)
        return self._encode(own), summary

    def _block(self, level: OverviewLevel, rows: Rows, above: Rows | None, left: int, right: int) -> Block:
        """Return the pixels of a tile, with those around it that its overview pixels need."""
        pixels = rows.pixels[:, :, left:right]
        mask = None if rows.mask is None else rows.mask[..., left:right]
        if above is not None:
            pixels = np.concatenate([above.pixels[:, :, left:right], pixels], axis=1)
            if mask is not None and above.mask is not None:
                mask = np.concatenate([above.mask[..., left:right], mask], axis=-2)
        if level.index == 0:
            return apply_mask(pixels, mask, self._profile)
        return read_block(pixels, mask, self._profile)

    def _downsample(self, level: OverviewLevel, rows: Rows, block: Block, columns: tuple[int, int]) -> None:
        """Write the overview pixels of a block to the next level."""
        y_axis, x_axis = level.y_axis, level.x_axis
        y_span = (y_axis, y_axis.ready(rows.start), y_axis.ready(rows.stop))
        last = columns[1] == x_axis.length
        x_span = (x_axis, columns[0] // x_axis.step, x_axis.target if last else columns[1] // 2)
        if y_span[1] == y_span[2] or x_span[1] == x_span[2]:
            return
        pixels, masked = downsample(block.pixels, block.invalid, y_span, x_span, self._profile)
        self._levels[level.index + 1].write(y_span[1], x_span[1], pixels, masked)

    def _encode(self, block: Block) -> list[Any | None]:
        """Return the encoded tile, and its mask tile; None for a sparse tile."""
        side = self._profile.blocksize
        empty = self._is_empty(block.pixels)
        if self._profile.masking != "internal":
            return [None if empty else self._encode_pixels(block.pixels)]
        if empty and block.invalid is not None and block.invalid.all():
            return [None, None]
        valid = np.ones(block.pixels.shape[1:], bool) if block.invalid is None else ~block.invalid[0]
        return [self._encode_pixels(block.pixels), deflate(fill_bits(side, valid))]

    def _is_empty(self, pixels: Array) -> bool:
        """Whether all pixels are what readers return for a sparse tile: nodata, or 0 (not -0.0)."""
        if self._empty != self._empty:  # NaN
            return bool(np.isnan(pixels).all())
        if pixels[0, 0, 0] != self._empty:
            return False
        return bool((pixels == self._empty).all()) and not (pixels.dtype.kind in "fc" and np.signbit(pixels.real).any())

    def _encode_pixels(self, pixels: Array) -> Any:
        try:
            tile = self._tiles.get_nowait()
        except Empty:
            side = self._profile.blocksize
            tile = np.empty((side, side, len(pixels)), self._profile.dtype)
        fill_tile(tile, pixels, self._profile.predictor)
        data = self._compress_tile(tile)
        self._tiles.put(tile)
        return data
