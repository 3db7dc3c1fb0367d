"""What is lost of one band while its pixels pass, counted exactly."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

__all__ = ["INFORMATION", "LOSSES", "Counts", "counted"]

LOSSES = ("clipped", "infinite", "nodata_clash", "hidden", "collapsed")
"""What is warned of, and refused by ``on_loss="error"``."""

INFORMATION = ("nan", "outside_range", "translucent")
"""What is counted, too."""

FEW_STEPS = 10
"""Values that span fewer stored steps than this, and are not all whole, were hardly meant for an integer."""


@attrs.define(eq=False)
class Counts:
    """Of the valid pixels of one band.

    Attributes
    ----------
    valid : int
    clipped : int
        Beyond the dtype's limits.
    infinite : int
        Masked since they are infinite.
    nodata_clash : int
        Read as nodata.
    hidden : int
        Transparent through another band's mask.
    fractions : int
        Not whole, in a product of integers; counted while the band spans a few stored steps only.
    nan : int
        Masked since they are NaN.
    outside_range : int
        Rescaled, and beyond the physical_range.
    translucent : int
        Of an alpha band: between transparent and opaque.
    """

    valid: int = 0
    clipped: int = 0
    infinite: int = 0
    nodata_clash: int = 0
    hidden: int = 0
    fractions: int = 0
    nan: int = 0
    outside_range: int = 0
    translucent: int = 0
    _low: int | None = None
    _high: int | None = None

    @property
    def few_steps(self) -> bool:
        """Whether what was stored until now spans a few steps only."""
        return self._low is None or self._high is None or self._high - self._low < FEW_STEPS

    @property
    def collapsed(self) -> int:
        """Pixels that were rounded, in a band that spans a few stored steps only; else 0."""
        return self.fractions if self.few_steps else 0

    def span(self, low: int, high: int) -> None:
        """Take stored values from `low` to `high` into account."""
        self._low = low if self._low is None else min(self._low, low)
        self._high = high if self._high is None else max(self._high, high)


def counted(array: np.ndarray[Any, Any]) -> int:
    """How many are True."""
    return int(np.count_nonzero(array))
