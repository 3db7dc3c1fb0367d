"""Convert an image's pixels to those of a product, a few rows at a time in reused buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn_catalog.pixels.alpha import Alpha
from bourn_catalog.pixels.band_spec import alpha_of, nodata_of_file
from bourn_catalog.pixels.convert import Converter, converter
from bourn_catalog.pixels.count import Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn_catalog.pixels.band_spec import BandSpec

__all__ = ["ConversionPlan", "Pipeline"]

BLOCK_ROWS = 16
"""Rows that are changed at a time, at most: with their float64 scratch they stay in a core's cache."""

BLOCK_PIXELS = 1 << 17
"""Pixels of one band that are changed at a time, at most, unless a row is longer."""

Array = np.ndarray[Any, Any]


@attrs.frozen(kw_only=True)
class ConversionPlan:
    """Decisions that are made before a pixel is read.

    Attributes
    ----------
    specs : sequence of BandSpec
        The product's bands.
    sources : sequence of (int or None)
        For each the image's band; None where an alpha is made.
    dtypes : sequence of numpy.dtype
        Of the image's bands.
    nodata : sequence of (number or None)
        Of the image's bands, where that is all that says what is masked.
    rescale : bool
    """

    specs: Sequence[BandSpec]
    sources: Sequence[int | None]
    dtypes: Sequence[np.dtype[Any]]
    nodata: Sequence[int | float | complex | None]
    rescale: bool

    @property
    def alpha(self) -> int | None:
        """Which band of the product is the alpha."""
        return alpha_of(self.specs)

    @property
    def masks_file(self) -> bool:
        """Whether the file has a mask beside its alpha, since it has no nodata."""
        return self.alpha is not None and nodata_of_file(self.specs) is None


class Pipeline:
    """One pass over an image; not thread-safe.

    Attributes
    ----------
    counts : sequence of Counts
        One for each band of the product.
    """

    def __init__(self, plan: ConversionPlan, width: int) -> None:
        self._plan = plan
        self._rows = max(1, min(BLOCK_ROWS, BLOCK_PIXELS // width))
        room = self._rows * width
        self._converters: list[Converter | None] = []
        self.counts: list[Counts] = []
        for spec, source in zip(plan.specs, plan.sources, strict=True):
            made = None
            if source is not None:
                nodata: Any = plan.nodata[source]
                made = converter(spec, plan.dtypes[source], rescale=plan.rescale, nodata=nodata, room=room)
            self._converters.append(made)
            self.counts.append(Counts() if made is None else made.counts)
        self._invalid = np.empty((len(plan.specs), room), bool)
        self._place = plan.alpha
        self._alpha: Alpha | None = None
        if self._place is not None:
            source, opaque = plan.sources[self._place], plan.specs[self._place].opaque
            self._alpha = Alpha(
                1 if opaque is None else opaque,
                any_masked=plan.masks_file,
                is_bool=source is not None and plan.dtypes[source].kind == "b",
                counts=self.counts[self._place],
            )
        self._others = [index for index in range(len(plan.specs)) if index != self._place]

    def convert_block(self, pixels: Any, mask: Array | None) -> tuple[Array, Array | None]:
        """(pixels, mask) of the product, of a block of the image of any height.

        Parameters
        ----------
        pixels : (band, y, x) array, or sequence of (y, x) arrays
        mask : (band, y, x) or (y, x) bool array, or None

        Returns
        -------
        (band, y, x) array of the product's dtype
        (y, x) bool array or None
            Where the alpha is transparent, if the file has no nodata.
        """
        height, width = pixels[0].shape
        out = np.empty((len(self._plan.specs), height, width), self._plan.specs[0].dtype)
        clear = np.empty((height, width), bool) if self._plan.masks_file else None
        for start in range(0, height, self._rows):
            rows = slice(start, min(start + self._rows, height))
            self._pass(pixels, mask, rows, out[:, rows])
            if clear is not None:
                np.equal(out[self._place, rows], 0, out=clear[rows])
        return out, clear

    def _pass(self, pixels: Any, mask: Array | None, rows: slice, out: Array) -> None:
        """A few rows, of all bands; the alpha is the last, since it takes what was found of the others."""
        invalid: list[Array | None] = []
        for index, (source, made) in enumerate(zip(self._plan.sources, self._converters, strict=True)):
            if source is None or made is None:
                invalid.append(None)
                continue
            block = pixels[source][rows]
            masked = None if mask is None else (mask if mask.ndim == 2 else mask[source])[rows]  # noqa: PLR2004  # (y, x)
            found = self._invalid[index, : block.size].reshape(block.shape)
            invalid.append(found if made.convert(block, masked, out[index], found) else None)
        if self._alpha is None or self._place is None:
            return
        others = [invalid[index] for index in self._others]
        counts = [self.counts[index] for index in self._others]
        if self._converters[self._place] is None:
            self._alpha.made(out[self._place], others, counts)
        else:
            self._alpha.brought(out[self._place], invalid[self._place], others, counts)
