"""Minimum, maximum, mean and deviation of a band's valid pixels, gathered strip by strip."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["Statistics"]

Array = np.ndarray[Any, Any]

ROWS = 64
"""Of a layer at a time."""


class Statistics:
    """Of the pixels that were added: finite, not masked, not nodata.

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

    def add(self, layer: Array, mask: Array | None, nodata: float | None) -> None:
        """Take a (y, x) layer into account, `mask` True where it is not to be."""
        self.size += layer.size
        least, largest = None, None
        count, mean, squares = 0, 0.0, 0.0
        for start in range(0, layer.shape[0], ROWS):
            rows = layer[start : start + ROWS]
            found = _moments(rows, None if mask is None else mask[start : start + ROWS], nodata)
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


def _moments(layer: Array, mask: Array | None, nodata: float | None) -> tuple[Any, Any, int, float, float] | None:
    """(least, largest, count, mean, sum of squared differences) of what is valid; None if nothing is."""
    valid = None if mask is None or not mask.any() else ~mask
    if nodata is not None and nodata == nodata:  # noqa: PLR0124  # NaN is found below
        missing = layer == np.array(nodata).astype(layer.dtype)
        if missing.any():
            valid = ~missing if valid is None else valid & ~missing
    if layer.dtype.kind == "f":
        finite = np.isfinite(layer)
        if not finite.all():
            valid = finite if valid is None else valid & finite
    values = layer if valid is None else layer[valid]
    if not values.size:
        return None
    wide = values.astype(np.float64).reshape(-1)  # small enough to stay in the cache for what follows
    with np.errstate(over="ignore", invalid="ignore"):  # values near float64's limits have no deviation
        mean = float(np.add.reduce(wide)) / wide.size
        wide -= mean
        # Not np.dot, which would start threads of its own.
        return values.min(), values.max(), wide.size, mean, float(np.einsum("i,i->", wide, wide))


def _text(number: Any) -> str:
    return str(int(number)) if isinstance(number, np.integer) else repr(float(number))
