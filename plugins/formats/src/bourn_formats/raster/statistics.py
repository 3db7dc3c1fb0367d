"""Minimum, maximum, mean and deviation of a band's valid pixels, gathered strip by strip."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np

__all__ = ["Statistics"]

Array = np.ndarray[Any, Any]

PIECE = 1 << 16
"""Values that are added up at a time: as float64 they stay in a core's cache."""

DOT = 1 << 13
"""Values in one call of BLAS: it starts threads of its own from 10,000."""

_ONES = np.ones(DOT)

_threads = threading.local()


class Statistics:
    """Of the pixels that were added: finite, and not masked.

    The mean and the sum of squared differences of strips are joined as by Chan, Golub and LeVeque (1983), which
    loses no digits where the mean is far from 0.
    """

    def __init__(self) -> None:
        self.count = 0
        self.size = 0
        self._least: Any = None
        self._largest: Any = None
        self._mean = 0.0
        self._squares = 0.0

    def add(self, layer: Array, mask: Array | None) -> None:
        """Take a (y, x) layer into account, `mask` True where it is not to be."""
        self.size += layer.size
        least, largest = None, None
        count, mean, squares = 0, 0.0, 0.0
        height = max(1, PIECE // layer.shape[1])
        for start in range(0, layer.shape[0], height):
            part = np.s_[start : start + height]
            found = _moments(layer[part], None if mask is None else mask[part])
            if found is None:
                continue
            low, high, number, middle, spread = found
            least = low if least is None else min(least, low)
            largest = high if largest is None else max(largest, high)
            mean, squares = _joined((count, mean, squares), (number, middle, spread))
            count += number
        self._join(count, least, largest, mean, squares)

    def join(self, other: Statistics) -> None:
        """Take all that another one was told into account."""
        self.size += other.size
        self._join(other.count, other._least, other._largest, other._mean, other._squares)

    def _join(self, count: int, least: Any, largest: Any, mean: float, squares: float) -> None:
        if not count:
            return
        self._least = least if self._least is None else min(self._least, least)
        self._largest = largest if self._largest is None else max(self._largest, largest)
        self._mean, self._squares = _joined((self.count, self._mean, self._squares), (count, mean, squares))
        self.count += count

    def tags(self) -> dict[str, str]:
        """As GDAL's metadata items; without a valid pixel only that there is none."""
        percent = {"STATISTICS_VALID_PERCENT": f"{100 * self.count / max(1, self.size):.4g}"}
        deviation = math.sqrt(max(0.0, self._squares) / max(1, self.count))
        if not self.count or not (math.isfinite(self._mean) and math.isfinite(deviation)):
            return percent
        return {
            "STATISTICS_MINIMUM": _text(self._least),
            "STATISTICS_MAXIMUM": _text(self._largest),
            "STATISTICS_MEAN": _text(self._mean),
            "STATISTICS_STDDEV": _text(deviation),
            **percent,
        }


def _joined(one: tuple[int, float, float], two: tuple[int, float, float]) -> tuple[float, float]:
    """(mean, sum of squared differences) of two sets, each given as (count, mean, sum of squared differences)."""
    total = one[0] + two[0]
    shift = two[1] - one[1]
    return one[1] + shift * two[0] / total, one[2] + two[2] + shift * shift * one[0] * two[0] / total


def _moments(layer: Array, mask: Array | None) -> tuple[Any, Any, int, float, float] | None:
    """(least, largest, count, mean, sum of squared differences) of what is valid; None if nothing is."""
    valid = None if mask is None or not mask.any() else ~mask
    if layer.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            finite = bool(np.isfinite(np.add.reduce(layer, axis=None)))
        if not finite:  # some are not, or their sum is too large
            valid = np.isfinite(layer) if valid is None else valid & np.isfinite(layer)
    if layer.dtype.kind in "iu" and layer.dtype.itemsize <= 2:  # noqa: PLR2004  # bytes
        return _exact_moments(layer, valid)
    values = layer if valid is None else layer[valid]
    if not values.size:
        return None
    least, largest, count = np.minimum.reduce(values, axis=None), np.maximum.reduce(values, axis=None), values.size
    wide = _scratch(values.size)
    np.copyto(wide.reshape(values.shape), values)
    with np.errstate(over="ignore", invalid="ignore"):  # values near float64's limits have no deviation
        mean = float(np.add.reduce(wide)) / count
        wide -= mean
        return least, largest, count, mean, _dot(wide)


def _exact_moments(layer: Array, valid: Array | None) -> tuple[Any, Any, int, float, float] | None:
    """The same, of integers of at most 16 bits, whose sums are exact.

    In the place of what is not valid stands a value that is, to be taken off the sums again: that is three times as
    fast as picking out the valid ones.
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
    least, largest = np.minimum.reduce(layer, axis=None), np.maximum.reduce(layer, axis=None)
    return least, largest, count, total / count, (squares * count - total * total) / count


def _sums(values: Array) -> tuple[int, int]:
    """The sum, and that of squares, of a (y, x) array: exact in any order, as these are integers below 2^53."""
    total, squares = 0.0, 0.0
    step = min(values.shape[1], DOT)
    height = DOT // step
    for left in range(0, values.shape[1], step):
        for top in range(0, values.shape[0], height):
            part = values[top : top + height, left : left + step]
            wide = _scratch(part.size)
            np.copyto(wide.reshape(part.shape), part)
            total += np.dot(wide, _ONES[: part.size])  # by BLAS, twice as fast as a reduction
            squares += np.dot(wide, wide)
    return int(total), int(squares)


def _dot(values: Array) -> float:
    """The sum of squares."""
    total = 0.0
    for start in range(0, values.size, DOT):
        part = values[start : start + DOT]
        total += float(np.dot(part, part))
    return total


def _scratch(size: int) -> Array:
    """(size,) float64, this thread's own: fresh memory for each piece would cost more than all the sums."""
    held: Array | None = getattr(_threads, "held", None)
    if held is None or held.size < size:
        held = _threads.held = np.empty(max(size, PIECE))
    return held[:size]


def _text(number: Any) -> str:
    return str(int(number)) if isinstance(number, np.integer) else repr(float(number))
