"""Minimum, maximum, mean and deviation of a band's valid pixels, gathered strip by strip."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["Statistics"]

Array = np.ndarray[Any, Any]


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
        """Take a (y, x) layer into account."""
        self.size += layer.size
        valid = None if mask is None else ~mask
        if nodata is not None and nodata == nodata:  # noqa: PLR0124  # NaN is found below
            equal = layer != np.array(nodata).astype(layer.dtype)
            valid = equal if valid is None else valid & equal
        if layer.dtype.kind == "f":
            finite = np.isfinite(layer)
            if not finite.all():
                valid = finite if valid is None else valid & finite
        values = layer.reshape(-1) if valid is None or valid.all() else layer[valid]
        if not values.size:
            return
        least, largest = values.min(), values.max()
        self._least = least if self._least is None else min(self._least, least)
        self._largest = largest if self._largest is None else max(self._largest, largest)
        mean = float(values.mean(dtype=np.float64))
        squares = float(values.var(dtype=np.float64, mean=np.float64(mean))) * values.size
        total = self.count + values.size
        shift = mean - self._mean
        self._mean += shift * values.size / total
        self._squares += squares + shift * shift * self.count * values.size / total
        self.count = total

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


def _text(number: Any) -> str:
    return str(int(number)) if isinstance(number, np.integer) else repr(float(number))
