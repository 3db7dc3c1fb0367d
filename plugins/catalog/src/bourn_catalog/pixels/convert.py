"""A band's pixels as the product stores them: rescaled, converted, filled beneath the mask, a few rows at a time.

Every step works in place in small buffers that stay in a core's cache: fresh memory for a whole array costs many times
what the arithmetic does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bourn_catalog.pixels.count import Counts, counted

if TYPE_CHECKING:
    from bourn_catalog.pixels.band_spec import BandSpec

__all__ = ["Converter", "converter"]

Array = np.ndarray[Any, Any]

FLOAT32_OVERFLOW = 2.0**128 - 2.0**103
"""From here on IEEE's nearest float32 is infinite."""


def converter(spec: BandSpec, dtype: np.dtype[Any], *, rescale: bool, nodata: float | None, room: int) -> Converter:
    """What turns pixels of `dtype` into those of `spec`.

    Parameters
    ----------
    spec : BandSpec
    dtype : numpy.dtype
        Of the image's band.
    rescale : bool
        Whether it is asked for; only data with both ranges are.
    nodata : number or None
        Of the image's band, where nothing else says what is masked.
    room : int
        Pixels of the largest block.
    """
    rescales = rescale and spec.rescales
    if dtype.kind in "biu" and not rescales:
        return _Integers(spec, dtype, nodata, room)
    return _Floats(spec, dtype, nodata, room, rescales=rescales)


class Converter:
    """One band of one reading; not for two threads at once.

    Attributes
    ----------
    counts : Counts
    """

    def __init__(self, spec: BandSpec, dtype: np.dtype[Any], nodata: float | None, room: int) -> None:
        self.counts = Counts()
        self._rule = spec
        self._dtype = dtype
        self._room = room
        self._nodata = None if nodata is None else np.array(nodata).astype(dtype)
        # NaN is masked anyway, and no pixel of an alpha reads as nodata.
        clashes = spec.nodata is not None and spec.nodata == spec.nodata and not spec.is_alpha  # NaN
        self._clash = np.array(spec.nodata).astype(spec.dtype) if clashes else None
        self._fill = np.array(spec.fill).astype(spec.dtype)
        self._extremes: tuple[Any, Any] | None = None
        self._largest = 2.0**64  # of integers

    def convert(self, pixels: Array, mask: Array | None, out: Array, invalid: Array) -> bool:
        """Put the pixels of a block, as they are stored, into `out`.

        Parameters
        ----------
        pixels : (y, x) array of the image's dtype
        mask : (y, x) bool array or None
        out : (y, x) array of the product's dtype
        invalid : (y, x) bool array
            Set to where there is nothing valid, if there is such a pixel at all.

        Returns
        -------
        bool
            Whether there is, so that `invalid` says where.
        """
        some = self._invalid(pixels, mask, invalid)
        valid = ~invalid if some else None
        number = pixels.size if valid is None else counted(valid)
        self.counts.valid += number
        if number:
            self._store(pixels, valid, out)
            if self._clash is not None:
                clash = out == self._clash
                self.counts.nodata_clash += counted(clash if valid is None else clash & valid)
        if some:
            np.copyto(out, self._fill, where=invalid)
        return some

    def _invalid(self, pixels: Array, mask: Array | None, invalid: Array) -> bool:
        """Whether any pixel is invalid; then `invalid` says which, and those that the mask did not know are counted."""
        some = mask is not None and bool(mask.any())
        if some:
            assert mask is not None
            np.copyto(invalid, mask)
        if self._nodata is not None:
            found = pixels == self._nodata
            if found.any():
                some = _joined(invalid, found, some)
        if pixels.dtype.kind != "f":
            return some
        # NaN and infinities show in the extremes.
        low, high = np.min(pixels), np.max(pixels)
        if np.isfinite(low) and np.isfinite(high):
            self._extremes = low.item(), high.item()  # beside Python's floats these are not rounded
            self._largest = float(max(abs(low), abs(high)))
            return some
        self._extremes, self._largest = None, math.inf
        nan, infinite = np.isnan(pixels), np.isinf(pixels)
        news = ~invalid if some else np.True_
        self.counts.nan += counted(nan & news)
        self.counts.infinite += counted(infinite & news)
        return _joined(invalid, nan | infinite, some)

    def _store(self, pixels: Array, valid: Array | None, out: Array) -> None:
        """Put the pixels into `out`, and count what is lost of those that are valid; None: all are."""
        raise NotImplementedError


def _joined(invalid: Array, found: Array, some: bool) -> bool:
    if some:
        invalid |= found
    else:
        np.copyto(invalid, found)
    return True


class _Integers(Converter):
    """Integers and bool that are not rescaled: they never pass through a float of ours."""

    def __init__(self, spec: BandSpec, dtype: np.dtype[Any], nodata: float | None, room: int) -> None:
        super().__init__(spec, dtype, nodata, room)
        self._limits: tuple[int, int] | None = None
        if dtype.kind != "b" and spec.dtype.kind != "f":
            have, want = np.iinfo(dtype), np.iinfo(spec.dtype)
            limits = max(int(have.min), int(want.min)), min(int(have.max), int(want.max))
            if limits != (have.min, have.max):
                self._limits = limits
                self._whole = np.empty(room, dtype.newbyteorder("="))

    def _store(self, pixels: Array, valid: Array | None, out: Array) -> None:
        if self._limits is None:
            np.copyto(out, pixels, casting="unsafe")  # to float: IEEE's nearest
            return
        low, high = self._limits
        beyond = (pixels < low) | (pixels > high)
        self.counts.clipped += counted(beyond if valid is None else beyond & valid)
        whole = self._whole[: pixels.size].reshape(pixels.shape)
        np.clip(pixels, low, high, out=whole)
        np.copyto(out, whole, casting="unsafe")


class _Floats(Converter):
    """Floats, and whatever is rescaled: in float64, in one buffer."""

    def __init__(
        self, spec: BandSpec, dtype: np.dtype[Any], nodata: float | None, room: int, *, rescales: bool
    ) -> None:
        super().__init__(spec, dtype, nodata, room)
        # A long double is kept as it is until it is stored; everything else float64 holds.
        working = np.result_type(dtype, np.float64) if dtype.kind == "f" else np.dtype(np.float64)
        self._wide = np.empty(room, working.newbyteorder("="))
        self._overflow: Any = FLOAT32_OVERFLOW
        if spec.dtype.itemsize == 8:  # noqa: PLR2004  # bytes: 2^1024 - 2^970, which is infinite but for a long double
            with np.errstate(over="ignore"):
                self._overflow = np.ldexp(1 - self._wide.dtype.type(2) ** -54, 1024)
        self._ranges: tuple[float, float, float, float] | None = None
        if rescales:
            assert spec.physical_range is not None
            assert spec.data_range is not None
            self._ranges = *map(float, spec.physical_range), *map(float, spec.data_range)  # type: ignore[assignment]
        self._slack = _slack_of(dtype)

    def _store(self, pixels: Array, valid: Array | None, out: Array) -> None:
        if self._ranges is None and out.dtype == self._dtype.newbyteorder("="):
            np.copyto(out, pixels)
            return
        wide = self._wide[: pixels.size].reshape(pixels.shape)
        np.copyto(wide, pixels)
        with np.errstate(over="ignore", invalid="ignore"):  # what is masked may be anything
            if self._ranges is not None:
                self._rescale(pixels, valid, wide)
            if out.dtype.kind == "f":
                self._as_floats(wide, valid, out)
            else:
                self._as_integers(wide, valid, out)

    def _rescale(self, pixels: Array, valid: Array | None, wide: Array) -> None:
        """From physical to stored values, in the order of operations that the product's spec has."""
        assert self._ranges is not None
        p0, p1, d0, d1 = self._ranges
        self._count_outside(pixels, valid, min(p0, p1), max(p0, p1))
        wide -= p0
        wide *= d1 - d0
        wide /= p1 - p0
        wide += d0
        largest = (self._largest + abs(p0)) * abs(d1 - d0)
        if math.isfinite(largest) and math.isfinite(largest / abs(p1 - p0) + abs(d0)):
            return
        over = ~np.isfinite(wide) if valid is None else ~np.isfinite(wide) & valid
        if over.any():
            # A step between overflowed, which the result need not: the same by 2^-600, where such values lose nothing.
            x = np.ldexp(pixels[over].astype(wide.dtype), -600) - np.ldexp(p0, -600)
            wide[over] = np.ldexp(x * ((d1 - d0) / (p1 - p0)) + np.ldexp(d0, -600), 600)

    def _count_outside(self, pixels: Array, valid: Array | None, low: float, high: float) -> None:
        """Those beyond the physical range: what they become is beyond the data range, before it is rounded."""
        if pixels.dtype.kind == "f":
            if self._extremes is not None and self._extremes[0] >= low and self._extremes[1] <= high:
                return
            # As float64: a Python float would be rounded to the pixels' own dtype.
            outside = (pixels < np.float64(low)) | (pixels > np.float64(high))
        else:
            if pixels.dtype.kind == "b":
                pixels = pixels.view(np.uint8)  # numpy compares integers with any Python int, but not these
            outside = (pixels < math.ceil(low)) | (pixels > math.floor(high))
        self.counts.outside_range += counted(outside if valid is None else outside & valid)

    def _as_floats(self, wide: Array, valid: Array | None, out: Array) -> None:
        """IEEE's nearest; what would become infinite stays at the limit."""
        most = float(np.finfo(out.dtype).max)
        low, high = np.min(wide), np.max(wide)  # NaN if any is
        if not (low >= -most and high <= most):
            beyond = np.abs(wide) >= self._overflow
            self.counts.clipped += counted(beyond if valid is None else beyond & valid)
            np.clip(wide, -most, most, out=wide)
        np.copyto(out, wide, casting="unsafe")

    def _not_whole(self, wide: Array, whole: Array) -> Array:
        """Values that are not integers; of rescaled values, those that differ by more than their precision."""
        if self._ranges is None:
            found: Array = wide != whole
            return found
        p0, p1, d0, d1 = self._ranges
        terms = abs(p0 * ((d1 - d0) / (p1 - p0))) + 2 * abs(d0) + 1
        return np.abs(wide - whole) > self._slack * (np.abs(wide) + terms)  # type: ignore[no-any-return]  # an array

    def _as_integers(self, wide: Array, valid: Array | None, out: Array) -> None:
        """Half to even, no further than the dtype's limits."""
        counts = self.counts
        fractions = None
        if counts.few_steps:
            whole = np.rint(wide)
            fractions = counted(self._not_whole(wide, whole) if valid is None else self._not_whole(wide, whole) & valid)
        np.rint(wide, out=wide)
        limits = np.iinfo(out.dtype)
        values = wide if valid is None else wide[valid]
        low, high = values.min(), values.max()
        if low < limits.min or high > limits.max:
            counts.clipped += counted((values < limits.min) | (values > limits.max))
        if valid is not None:
            np.copyto(wide, 0, where=~valid)  # NaN has no integer
        if low < limits.min or high > limits.max:
            np.clip(wide, limits.min, limits.max, out=wide)
        if fractions is not None:
            counts.fractions += fractions
            counts.span(*(int(min(max(value, limits.min), limits.max)) for value in (low, high)))
        np.copyto(out, wide, casting="unsafe")


def _slack_of(dtype: np.dtype[Any]) -> float:
    """How far, as a part of it, a rescaled value may be from the integer that it once was."""
    return max(2.0**-48, float(np.finfo(dtype).eps)) if dtype.kind == "f" else 2.0**-48
