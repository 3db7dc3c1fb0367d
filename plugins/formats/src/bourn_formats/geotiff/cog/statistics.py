"""Minimum, maximum, mean and standard deviation of a band's valid pixels, gathered block by block."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np

__all__ = ["Statistics"]

Array = np.ndarray[Any, Any]

PIECE = 1 << 16
"""Values summed at a time: as float64 they stay in a core's cache."""

DOT = 1 << 13
"""Values per call of BLAS: it starts threads of its own from 10,000."""

_ONES = np.ones(DOT)

_threads = threading.local()


class Statistics:
    """Statistics of the added pixels that are finite and not masked.

    Means and sums of squared differences are combined by the formula of Chan, Golub and LeVeque (1983), which loses no
    digits where the mean is far from 0.
    """

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self._minimum: Any = None
        self._maximum: Any = None
        self._mean = 0.0
        self._squares = 0.0

    def add(self, layer: Array, mask: Array | None) -> None:
        """Add the pixels of a (y, x) layer where `mask` is not True."""
        self.size += layer.size
        minimum, maximum = None, None
        count, mean, squares = 0, 0.0, 0.0
        height = max(1, PIECE // layer.shape[1])
        for start in range(0, layer.shape[0], height):
            part = np.s_[start : start + height]
            found = _moments(layer[part], None if mask is None else mask[part])
            if found is None:
                continue
            low, high, number, middle, spread = found
            minimum = low if minimum is None else min(minimum, low)
            maximum = high if maximum is None else max(maximum, high)
            mean, squares = _combine((count, mean, squares), (number, middle, spread))
            count += number
        self._join(count, minimum, maximum, mean, squares)

    def join(self, other: Statistics) -> None:
        """Add the pixels of `other`."""
        self.size += other.size
        self._join(other.count, other._minimum, other._maximum, other._mean, other._squares)

    def _join(self, count: int, minimum: Any, maximum: Any, mean: float, squares: float) -> None:
        if not count:
            return
        self._minimum = minimum if self._minimum is None else min(self._minimum, minimum)
        self._maximum = maximum if self._maximum is None else max(self._maximum, maximum)
        self._mean, self._squares = _combine((self.count, self._mean, self._squares), (count, mean, squares))
        self.count += count

    def tags(self) -> dict[str, str]:
        """Return GDAL's metadata tags; without a valid pixel only STATISTICS_VALID_PERCENT."""
        percent = {"STATISTICS_VALID_PERCENT": f"{100 * self.count / max(1, self.size):.4g}"}
        deviation = math.sqrt(max(0.0, self._squares) / max(1, self.count))
        if not self.count or not (math.isfinite(self._mean) and math.isfinite(deviation)):
            return percent
        return {
            "STATISTICS_MINIMUM": _text(self._minimum),
            "STATISTICS_MAXIMUM": _text(self._maximum),
            "STATISTICS_MEAN": _text(self._mean),
            "STATISTICS_STDDEV": _text(deviation),
            **percent,
        }


def _combine(one: tuple[int, float, float], two: tuple[int, float, float]) -> tuple[float, float]:
    """Return (mean, sum of squared differences) of two sets of (count, mean, sum of squared differences)."""
    total = one[0] + two[0]
    shift = two[1] - one[1]
    return one[1] + shift * two[0] / total, one[2] + two[2] + shift * shift * one[0] * two[0] / total


def _moments(layer: Array, mask: Array | None) -> tuple[Any, Any, int, float, float] | None:
    """Return (minimum, maximum, count, mean, sum of squared differences) of the valid pixels, or None."""
    valid = None if mask is None or not mask.any() else ~mask
    if layer.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            finite = bool(np.isfinite(np.add.reduce(layer, axis=None)))
        if not finite:  # some are not finite, or their sum overflows
            valid = np.isfinite(layer) if valid is None else valid & np.isfinite(layer)
    if layer.dtype.kind in "iu" and layer.dtype.itemsize <= 2:  # noqa: PLR2004  # bytes
        return _exact_moments(layer, valid)
    values = layer if valid is None else layer[valid]
    if not values.size:
        return None
    minimum, maximum, count = np.minimum.reduce(values, axis=None), np.maximum.reduce(values, axis=None), values.size
    wide = _buffer(values.size)
    np.copyto(wide.reshape(values.shape), values)
    with np.errstate(over="ignore", invalid="ignore"):  # no deviation near float64's limits
        mean = float(np.add.reduce(wide)) / count
        wide -= mean
        return minimum, maximum, count, mean, _dot(wide)


def _exact_moments(layer: Array, valid: Array | None) -> tuple[Any, Any, int, float, float] | None:
    """Return the same for integers of at most 16 bits, whose sums are exact.

    Invalid pixels are replaced by a valid value, which is subtracted from the sums: three times as fast as
    selecting the valid pixels.
    """
    count, over, value = layer.size, 0, 0
    if valid is not None:
        count = int(np.count_nonzero(valid))
        if not count:
            return None
        over, value = layer.size - count, layer[np.unravel_index(np.argmax(valid), layer.shape)]
        layer = np.where(valid, layer, value)
        value = int(value)
    total, squares = _sums(layer)
    total, squares = total - over * value, squares - over * value * value
    minimum, maximum = np.minimum.reduce(layer, axis=None), np.maximum.reduce(layer, axis=None)
    return minimum, maximum, count, total / count, (squares * count - total * total) / count


def _sums(values: Array) -> tuple[int, int]:
    """Return the sum and the sum of squares of a (y, x) array; exact, since both are integers below 2^53."""
    total, squares = 0.0, 0.0
    step = min(values.shape[1], DOT)
    height = DOT // step
    for left in range(0, values.shape[1], step):
        for top in range(0, values.shape[0], height):
            part = values[top : top + height, left : left + step]
            wide = _buffer(part.size)
            np.copyto(wide.reshape(part.shape), part)
            total += np.dot(wide, _ONES[: part.size])  # BLAS is twice as fast as a reduction
            squares += np.dot(wide, wide)
    return int(total), int(squares)


def _dot(values: Array) -> float:
    """Return the sum of squares."""
    total = 0.0
    for start in range(0, values.size, DOT):
        part = values[start : start + DOT]
        total += float(np.dot(part, part))
    return total


def _buffer(size: int) -> Array:
    """Return a (size,) float64 buffer of this thread: fresh memory for each piece costs more than the sums."""
    held: Array | None = getattr(_threads, "buffer", None)
    if held is None or held.size < size:
        held = _threads.buffer = np.empty(max(size, PIECE))
    return held[:size]


def _text(number: Any) -> str:
    return str(int(number)) if isinstance(number, np.integer) else repr(float(number))
