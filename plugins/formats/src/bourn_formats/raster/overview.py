"""A block of an overview from a block of the next higher resolution: nearest, average, mode, as GDAL defines them.

Masked pixels take no part in an average or a mode; where none is valid the result is masked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bourn_formats.raster.halving import Halving, Span

__all__ = ["average", "mode", "nearest"]

Array = np.ndarray[Any, Any]


def nearest(block: Array, rows: Span, columns: Span) -> Array:
    """(..., rows, columns): of each pixel that one of the source in which its corner lies, rounded.

    Parameters
    ----------
    block : (..., y, x) array
        Begins where the first pixel does.
    rows, columns : Span
        Pixels of the overview.
    """
    for axis, (halving, start, stop) in ((-2, rows), (-1, columns)):
        if halving.odd:
            taken = halving.nearest(start, stop) - 2 * start
            block = np.take(block, taken, axis=axis)
        elif halving.step > 1:
            block = block[..., ::2] if axis == -1 else block[..., ::2, :]
    return block


def average(
    block: Array,
    invalid: Array | None,
    rows: Span,
    columns: Span,
    *,
    exact: bool,
) -> tuple[Array, Array | None]:
    """(the means of the valid pixels, where there is none).

    Parameters
    ----------
    block : (band, y, x) integers or floats
    invalid : (band or 1, y, x) bool array or None
    exact : bool
        Whether floats are added up in float64 also where nothing is masked. Then a result does not depend on whether
        some other pixel of its block is masked; without a mask in the file GDAL adds up float32, and so do we.
    """
    plain = not (rows[0].odd or columns[0].odd) and rows[0].step == columns[0].step == 2  # noqa: PLR2004  # a half
    if plain and invalid is None and not (exact and block.dtype.kind == "f"):
        return _of_four(block), None
    return _weighted(block, invalid, rows, columns)


def _of_four(block: Array) -> Array:
    """Means of 2 x 2 pixels; those of integers are exact and rounded half away from zero."""
    dtype = block.dtype
    if dtype.kind == "f":
        quarter = dtype.type(0.25)
        left, right = block[..., ::2] * quarter, block[..., 1::2] * quarter
        left += right
        made: Array = left[:, ::2] + left[:, 1::2]
        return made
    if dtype.itemsize == 8:  # noqa: PLR2004  # bytes: sums would not fit, so quarters and remainders apart
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
    """Means in float64, by weights, of any number of pixels; added up in GDAL's order."""
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
        with np.errstate(over="ignore"):  # the mean of float32 is a float32, but for infinities
            return means.astype(dtype)
    if dtype.kind == "i" and dtype.itemsize <= 2:  # noqa: PLR2004  # bytes: GDAL's means of these are float32
        means = means.astype(np.float32)
    means += np.copysign(0.5, means)
    limits = np.iinfo(dtype)
    if dtype.itemsize == 8:  # noqa: PLR2004  # bytes; float64 has no 2^63 - 1: what is rounded up to 2^63 comes back down
        made = np.trunc(means)
        high = made >= float(limits.max)
        return np.where(high, limits.max, np.where(high, 0, made).astype(dtype))
    return means.astype(dtype)  # towards zero


def mode(block: Array, invalid: Array | None, rows: Span, columns: Span) -> tuple[Array, Array | None]:
    """(the value that most of the valid pixels have, where there is none); of several that one which has it first."""
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


def _width(halving: Halving) -> int:
    return 3 if halving.odd else halving.step
