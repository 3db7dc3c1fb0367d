"""Downsampling to the next overview level by nearest, average or mode, with the pixels that GDAL gives.

GDAL's COG driver halves lengths and drops the remainder: `n` pixels give ``m = n // 2``, at least 1, so that a pixel of
the overview is ``n / m`` wide: 2 where `n` is even, and up to 3 where it is odd (gcore/overview.cpp). Pixel `i` covers
``2 i + i / m`` to ``2 i + 2 + (i + 1) / m``: up to three pixels of the source, the outer ones in part.

Masked pixels take no part in an average or a mode; where no pixel is valid the result is masked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

if TYPE_CHECKING:
    from bourn_formats.geotiff.cog.profile import Profile

__all__ = ["Axis", "Span", "average", "downsample", "mode", "nearest"]

Array = np.ndarray[Any, Any]


@attrs.frozen
class Axis:
    """One axis of an overview level and of the next smaller one.

    Attributes
    ----------
    length : int
        Source pixels.
    several : bool
        Whether a pixel is made of several source pixels (average, mode), not of one (nearest).
    """

    length: int
    several: bool

    @property
    def target(self) -> int:
        """Number of overview pixels."""
        return max(1, self.length // 2)

    @property
    def odd(self) -> bool:
        """Whether an overview pixel covers up to three source pixels."""
        return self.length > 1 and self.length % 2 == 1

    @property
    def step(self) -> int:
        """Source pixels from one overview pixel to the next."""
        return 1 if self.length == 1 else 2

    @property
    def overlap(self) -> int:
        """Source pixels of the next block that the last overview pixel of a block needs."""
        return 1 if self.odd and self.several else 0

    def ready(self, stop: int) -> int:
        """Return how many overview pixels the first `stop` source pixels are enough for."""
        if stop >= self.length:
            return self.target
        return max(0, (stop - self.overlap) // 2)

    def nearest(self, start: int, stop: int) -> Array:
        """Return the source index of each overview pixel, (stop - start,) int: its corner, rounded as GDAL does."""
        return (0.5 + np.arange(start, stop) * (self.length / self.target)).astype(np.intp)

    def weights(self, start: int, stop: int) -> list[Array]:
        """Return the weights of the source pixels in an overview pixel: one (stop - start,) float64 array each."""
        index = np.arange(start, stop)
        whole = np.ones(stop - start)
        if not self.odd:
            return [whole] * self.step
        ratio = self.length / self.target
        return [1 - (index * ratio - 2 * index), whole, 1 - (2 * index + 3 - (index + 1) * ratio)]


Span = tuple[Axis, int, int]
"""Overview pixels along an axis: the axis, the first pixel, and the one after the last."""


def downsample(
    pixels: Array, invalid: Array | None, rows: Span, columns: Span, profile: Profile
) -> tuple[Array, Array | None]:
    """Return the pixels of the next overview level, and its (y, x) mask (True where masked) or None.

    Follows GDAL's `GetMaskFlags`: an alpha band ignores the mask; without nodata and mask, pixels
    with alpha 0 are masked in the other bands.
    """
    if profile.resampler == "nearest":
        small = nearest(pixels, rows, columns)
        return small, None if invalid is None else nearest(invalid, rows, columns)[0]
    if profile.alpha is None:
        return _downsample_bands(pixels, invalid, rows, columns, profile)
    others = np.delete(pixels, profile.alpha, axis=0)
    alpha = pixels[profile.alpha : profile.alpha + 1]
    transparent = alpha == 0
    if profile.nodata is None and profile.masking != "internal":
        invalid = transparent if transparent.any() else None
    elif invalid is not None and len(invalid) > 1:  # one per band
        invalid = np.delete(invalid, profile.alpha, axis=0)
    small, none = _downsample_bands(others, invalid, rows, columns, profile)
    downsampled_alpha = _downsample_alpha(alpha, transparent, rows, columns, profile)
    return np.insert(small, profile.alpha, downsampled_alpha[0], axis=0), none


def _downsample_alpha(alpha: Array, transparent: Array, rows: Span, columns: Span, profile: Profile) -> Array:
    """Return the mean of the pixels that are not transparent; 0 where all are (GDAL would write the nodata value)."""
    if profile.resampler == "mode":
        return mode(alpha, None, rows, columns)[0]
    small, none = average(alpha, transparent if transparent.any() else None, rows, columns, exact=False)
    if profile.nodata is not None and not profile.plain[profile.alpha or 0]:
        small = _avoid_nodata(small, np.array(profile.nodata).astype(alpha.dtype))
    if none is not None:
        small[none] = 0
    return small


def _downsample_bands(
    pixels: Array, invalid: Array | None, rows: Span, columns: Span, profile: Profile
) -> tuple[Array, Array | None]:
    """Downsample without regard to an alpha; pixels without valid source pixels become nodata, or 0."""
    empty = np.array(0 if profile.nodata is None else profile.nodata).astype(pixels.dtype)
    if profile.resampler == "mode":
        small, none = mode(pixels, invalid, rows, columns)
    else:
        exact = profile.nodata is not None or profile.masking == "internal"
        small, none = average(pixels, invalid, rows, columns, exact=exact)
        if profile.nodata is not None:
            small = _avoid_nodata(small, empty)
    if none is None:
        return small, None
    np.copyto(small, empty, where=none)
    return small, none[0]


def _avoid_nodata(small: Array, nodata: Array) -> Array:
    """Replace means that equal nodata by the next higher value, or the next lower one at the limit of the dtype.

    GDAL does so for uint8 and uint16 (`GDALResampleChunk_AverageOrRMS` in gcore/overview.cpp); for other integers it
    compares the mean before rounding, so that some means become nodata.
    """
    same = small == nodata
    if not same.any():
        return small
    if small.dtype.kind == "f":
        other = np.nextafter(nodata, np.array(np.inf, small.dtype))
    else:
        other = nodata + 1 if nodata < np.iinfo(small.dtype).max else nodata - 1
    np.copyto(small, other.astype(small.dtype), where=same)
    return small


def nearest(block: Array, rows: Span, columns: Span) -> Array:
    """Return (..., rows, columns): for each overview pixel the source pixel at its rounded corner.

    Parameters
    ----------
    block : (..., y, x) array
        Starts at the first source pixel of the first overview pixel.
    rows, columns : Span
        Overview pixels.
    """
    for dimension, (axis, start, stop) in ((-2, rows), (-1, columns)):
        if axis.odd:
            taken = axis.nearest(start, stop) - 2 * start
            block = np.take(block, taken, axis=dimension)
        elif axis.step > 1:
            block = block[..., ::2] if dimension == -1 else block[..., ::2, :]
    return block


def average(
    block: Array,
    invalid: Array | None,
    rows: Span,
    columns: Span,
    *,
    exact: bool,
) -> tuple[Array, Array | None]:
    """Return the means of the valid pixels, and True where there is none (None if nothing is masked).

    Parameters
    ----------
    block : (band, y, x) integers or floats
    invalid : (band or 1, y, x) bool array or None
    exact : bool
        Whether floats are summed as float64 even where nothing is masked, so that a mean does not depend on a mask
        elsewhere in the block. Without nodata and mask GDAL sums float32, and so does this function.
    """
    plain = not (rows[0].odd or columns[0].odd) and rows[0].step == columns[0].step == 2  # noqa: PLR2004  # a half
    if plain and invalid is None and not (exact and block.dtype.kind == "f"):
        return _mean_of_four(block), None
    return _weighted(block, invalid, rows, columns)


def _mean_of_four(block: Array) -> Array:
    """Return the means of 2 x 2 pixels; for integers exact, rounded half away from zero."""
    dtype = block.dtype
    if dtype.kind == "f":
        quarter = dtype.type(0.25)
        left, right = block[..., ::2] * quarter, block[..., 1::2] * quarter
        left += right
        made: Array = left[:, ::2] + left[:, 1::2]
        return made
    if dtype.itemsize == 8:  # noqa: PLR2004  # bytes: sums overflow, so quarters and remainders are added apart
        parts = [block[:, y::2, x::2] for y in (0, 1) for x in (0, 1)]
        total = sum((part & 3 for part in parts[1:]), parts[0] & 3)
        whole = sum((part >> 2 for part in parts[1:]), parts[0] >> 2)
        below = (whole + (total >> 2)) < 0
        return (whole + ((total + 2 - below) >> 2)).astype(dtype)
    wide = {"u": {1: np.uint16, 2: np.uint32, 4: np.uint64}, "i": {1: np.int16, 2: np.int32, 4: np.int64}}
    total = np.add(block[:, ::2], block[:, 1::2], dtype=wide[dtype.kind][dtype.itemsize])  # rows are contiguous
    total = total[..., ::2] + total[..., 1::2]
    if dtype.kind == "i":
        total -= total < 0
    total += 2
    total >>= 2
    return total.astype(dtype)


def _weighted(block: Array, invalid: Array | None, rows: Span, columns: Span) -> tuple[Array, Array | None]:
    """Return weighted means in float64, summed in GDAL's order."""
    down, across = (axis.weights(start, stop) for axis, start, stop in (rows, columns))
    shape = (block.shape[0], down[0].size, across[0].size)
    total, weight = np.zeros(shape), np.zeros(shape if invalid is None else (invalid.shape[0], *shape[1:]))
    for y, of_row in enumerate(down):
        line = np.zeros(shape)
        share = np.zeros(weight.shape)
        for x, of_column in enumerate(across):
            part = np.s_[..., y :: rows[0].step, x :: columns[0].step]
            values = block[part][:, : shape[1], : shape[2]]
            if invalid is None:
                line += values * of_column
                share += of_column
                continue
            masked = invalid[part][:, : shape[1], : shape[2]]
            line += np.where(masked, 0, values) * of_column
            share += ~masked * of_column
        total += line * of_row[:, None]
        weight += share * of_row[:, None]
    none = None if invalid is None else weight == 0
    if none is not None:
        weight[none] = 1
    total /= weight
    return _rounded(total, block.dtype), none


def _rounded(means: Array, dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "f":
        with np.errstate(over="ignore"):  # means of infinities and of the largest floats
            return means.astype(dtype)
    if dtype.kind == "i" and dtype.itemsize <= 2:  # noqa: PLR2004  # bytes: GDAL's means of these dtypes are float32
        means = means.astype(np.float32)
    means += np.copysign(0.5, means)
    limits = np.iinfo(dtype)
    if dtype.itemsize == 8:  # noqa: PLR2004  # bytes; 2^63 - 1 is not a float64: values rounded up to 2^63 become the maximum
        made = np.trunc(means)
        high = made >= float(limits.max)
        return np.where(high, limits.max, np.where(high, 0, made).astype(dtype))
    return means.astype(dtype)  # towards zero


def mode(block: Array, invalid: Array | None, rows: Span, columns: Span) -> tuple[Array, Array | None]:
    """Return the most frequent valid value, the first of equally frequent ones, and True where none is valid."""
    shape = (rows[2] - rows[1], columns[2] - columns[1])
    places = [(y, x) for y in range(_width(rows[0])) for x in range(_width(columns[0]))]

    def part(array: Array, place: tuple[int, int]) -> Array:
        found: Array = array[..., place[0] :: rows[0].step, place[1] :: columns[0].step][..., : shape[0], : shape[1]]
        return found

    values = [part(block, place) for place in places]
    valid = None if invalid is None else [~part(invalid, place) for place in places]
    best = values[0].copy()
    most = np.ones(best.shape, np.uint8) if valid is None else np.broadcast_to(valid[0], best.shape).astype(np.uint8)
    for index in range(1, len(values)):
        same = np.ones(best.shape, np.uint8)
        for earlier in range(index):
            equal = values[index] == values[earlier]
            same += equal if valid is None else equal & valid[earlier]
        better = same > most
        if valid is not None:
            better &= valid[index]
        np.copyto(best, values[index], where=better)
        np.copyto(most, same, where=better)
    return best, None if invalid is None else most == 0


def _width(axis: Axis) -> int:
    return 3 if axis.odd else axis.step
