"""An image's strips as the file's pixels, from the top to the bottom, for whoever writes them one after another."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bourn_formats.raster.block import add_up, counted, prepared
from bourn_formats.raster.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bourn.plugin import Image

    from bourn_formats.raster.profile import Profile

__all__ = ["FileStrip", "Passage"]

STRIP_BYTES = 32 << 20
"""Of pixels in one strip, unless a row of tiles is more."""

TILE = 512
"""Rows of a strip are a multiple or a part of it."""

Array = np.ndarray[Any, Any]


class FileStrip(NamedTuple):
    """Some rows as they stand in the file.

    Attributes
    ----------
    start : int
    pixels : (band, rows, x) array
    valid : (rows, x) uint8 array or None
        The file's mask: 255 where valid.
    """

    start: int
    pixels: Array
    valid: Array | None


class Passage:
    """The way of an image's pixels into a file; read its counts when all strips have passed.

    Attributes
    ----------
    counts : dict of Counter
        ``nodata_clash``: valid, but equal to nodata. ``hidden``: valid, but masked in another band, and the
        file has one mask for all. By band.
    statistics : list of Statistics
        One a band, over valid pixels.
    """

    def __init__(self, image: Image, profile: Profile) -> None:
        self._image = image
        self._profile = profile
        self.counts: dict[str, Counter[str]] = {"nodata_clash": Counter(), "hidden": Counter()}
        self.statistics = [Statistics() for _ in profile.bands]

    def strips(self) -> Iterator[FileStrip]:
        """From the top to the bottom."""
        count, _, width = self._profile.shape
        row_bytes = count * width * np.dtype(self._profile.dtype).itemsize
        rows = TILE
        while rows > 16 and rows * row_bytes > STRIP_BYTES:  # noqa: PLR2004  # a tile's height is a multiple of 16
            rows //= 2
        for strip in self._image.strips(rows):
            yield self._passed(strip)

    def _passed(self, strip: Any) -> FileStrip:
        profile = self._profile
        pixels = strip.pixels if isinstance(strip.pixels, np.ndarray) else np.stack(strip.pixels)
        block = prepared(np.ascontiguousarray(pixels, dtype=profile.dtype), strip.mask, profile)
        for kind, numbers in counted(block).items():
            self.counts[kind].update({band: n for band, n in zip(profile.bands, numbers, strict=True) if n})
        add_up(block, self.statistics)
        valid = None
        if profile.masking == "internal":
            valid = np.full(block.pixels.shape[1:], 255, np.uint8)
            if block.invalid is not None:
                valid[block.invalid[0]] = 0
        return FileStrip(strip.start, block.pixels, valid)
