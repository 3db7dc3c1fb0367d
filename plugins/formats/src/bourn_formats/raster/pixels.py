"""An image's strips as the file's pixels: dtypes that TIFF has, masks applied, everything counted on the way."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bourn_formats.raster.block import meant
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
        pixels = np.ascontiguousarray(pixels, dtype=profile.dtype)
        mask = None if strip.mask is None else np.broadcast_to(strip.mask, pixels.shape)
        valid = None
        if profile.masking == "nodata" and mask is not None:
            pixels = self._marked(pixels, mask)
        elif profile.masking == "internal":
            mask, valid = self._joined(pixels, mask)
        self._observe(pixels, mask)
        return FileStrip(strip.start, pixels, valid)

    def _marked(self, pixels: Array, mask: Array) -> Array:
        """With the nodata value where masked; valid pixels that have it are counted."""
        nodata = np.array(self._profile.nodata).astype(pixels.dtype)
        for band, layer, masked in zip(self._profile.bands, pixels, mask, strict=True):
            clash = int(np.count_nonzero((layer == nodata) & ~masked))
            if clash:
                self.counts["nodata_clash"][band] += clash
        return np.where(meant(mask, pixels.shape, self._profile), nodata, pixels) if mask.any() else pixels

    def _joined(self, pixels: Array, mask: Array | None) -> tuple[Array, Array]:
        """The mask of each band, and the one of the file: a pixel masked in any band never reads as valid."""
        own = np.zeros(pixels.shape, bool) if mask is None else mask
        layers = []
        for layer, masked, value in zip(pixels, own, self._profile.missing, strict=True):
            if value is not None:
                masked = masked | ((layer == value) if value == value else (layer != layer))  # noqa: PLR0124, PLW2901  # NaN
            layers.append(masked)
        everywhere = np.logical_or.reduce(layers)
        for band, masked in zip(self._profile.bands, layers, strict=True):
            hidden = int(np.count_nonzero(everywhere & ~masked))
            if hidden:
                self.counts["hidden"][band] += hidden
        return np.broadcast_to(everywhere, pixels.shape), np.where(everywhere, 0, 255).astype(np.uint8)

    def _observe(self, pixels: Array, mask: Array | None) -> None:
        if pixels.dtype.kind == "c":
            return
        nodata = self._profile.nodata
        for index, layer in enumerate(pixels):
            if nodata is not None and self._profile.plain[index]:
                self.statistics[index].add(layer, None, None)
            else:
                self.statistics[index].add(layer, None if mask is None else mask[index], nodata)
