"""The way of an image's pixels into a product: strip by strip, a few rows at a time, in buffers that are reused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn_catalog.pixels.alpha import Alpha
from bourn_catalog.pixels.convert import Converter, converter
from bourn_catalog.pixels.count import Counts
from bourn_catalog.pixels.rule import alpha_of, nodata_of_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn_catalog.pixels.rule import Rule

__all__ = ["Course", "Passage"]

BLOCK_ROWS = 16
"""Rows that are changed at a time, at most: with their float64 scratch they stay in a core's cache."""

BLOCK_PIXELS = 1 << 17
"""Pixels of one band that are changed at a time, at most, unless a row is longer."""

Array = np.ndarray[Any, Any]


@attrs.frozen(kw_only=True)
class Course:
    """What is decided before a pixel is read.

    Attributes
    ----------
    rules : sequence of Rule
        The product's bands.
    sources : sequence of (int or None)
        For each the image's band; None where an alpha is made.
    dtypes : sequence of numpy.dtype
        Of the image's bands.
    nodata : sequence of (number or None)
        Of the image's bands, where that is all that says what is masked.
    rescale : bool
    """

    rules: Sequence[Rule]
    sources: Sequence[int | None]
    dtypes: Sequence[np.dtype[Any]]
    nodata: Sequence[int | float | complex | None]
    rescale: bool

    @property
    def alpha(self) -> int | None:
        """Which band of the product is the alpha."""
        return alpha_of(self.rules)

    @property
    def masks_file(self) -> bool:
        """Whether the file has a mask beside its alpha, since it has no nodata."""
        return self.alpha is not None and nodata_of_file(self.rules) is None


class Passage:
    """One reading of an image; not for two threads at once.

    Attributes
    ----------
    counts : sequence of Counts
        One for each band of the product.
    """

    def __init__(self, course: Course, width: int) -> None:
        self._course = course
        self._rows = max(1, min(BLOCK_ROWS, BLOCK_PIXELS // width))
        room = self._rows * width
        self._converters: list[Converter | None] = []
        self.counts: list[Counts] = []
        for rule, source in zip(course.rules, course.sources, strict=True):
            made = None
            if source is not None:
                nodata: Any = course.nodata[source]
                made = converter(rule, course.dtypes[source], rescale=course.rescale, nodata=nodata, room=room)
            self._converters.append(made)
            self.counts.append(Counts() if made is None else made.counts)
        self._invalid = np.empty((len(course.rules), room), bool)
        self._place = course.alpha
        self._alpha: Alpha | None = None
        if self._place is not None:
            source, opaque = course.sources[self._place], course.rules[self._place].opaque
            self._alpha = Alpha(
                1 if opaque is None else opaque,
                any_masked=course.masks_file,
                is_bool=source is not None and course.dtypes[source].kind == "b",
                counts=self.counts[self._place],
            )
        self._others = [index for index in range(len(course.rules)) if index != self._place]

    def passed(self, pixels: Any, mask: Array | None) -> tuple[Array, Array | None]:
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
        out = np.empty((len(self._course.rules), height, width), self._course.rules[0].dtype)
        clear = np.empty((height, width), bool) if self._course.masks_file else None
        for start in range(0, height, self._rows):
            rows = slice(start, min(start + self._rows, height))
            self._pass(pixels, mask, rows, out[:, rows])
            if clear is not None:
                np.equal(out[self._place, rows], 0, out=clear[rows])
        return out, clear

    def _pass(self, pixels: Any, mask: Array | None, rows: slice, out: Array) -> None:
        """A few rows, of all bands; the alpha is the last, since it takes what was found of the others."""
        invalid: list[Array | None] = []
        for index, (source, made) in enumerate(zip(self._course.sources, self._converters, strict=True)):
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
