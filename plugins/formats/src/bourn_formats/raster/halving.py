"""Which pixels of one resolution make those of the next lower one, along an axis: GDAL's rule.

The COG driver halves lengths and drops the remainder: of `n` pixels come `m = n // 2`, at least 1, so that a pixel
of the overview is `n / m` wide: 2 if `n` is even, and a little more, or 3, if it is odd (gcore/overview.cpp). Pixel `i`
then begins at `2 i + i / m` and ends at `2 i + 2 + (i + 1) / m`: three pixels are in it, the outer ones in part.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

__all__ = ["Halving", "Span"]

Array = np.ndarray[Any, Any]


@attrs.frozen
class Halving:
    """One axis of a resolution and of the next lower one.

    Attributes
    ----------
    length : int
        Pixels of the source.
    spreads : bool
        Whether a pixel may need three of the source (average, mode), not only one (nearest).
    """

    length: int
    spreads: bool

    @property
    def target(self) -> int:
        """Pixels of the overview."""
        return max(1, self.length // 2)

    @property
    def odd(self) -> bool:
        """Whether three pixels of the source are in one of the overview."""
        return self.length > 1 and self.length % 2 == 1

    @property
    def step(self) -> int:
        """Pixels of the source from one of the overview to the next."""
        return 1 if self.length == 1 else 2

    @property
    def overlap(self) -> int:
        """Pixels of the next block that the last pixel of a block needs."""
        return 1 if self.odd and self.spreads else 0

    def ready(self, stop: int) -> int:
        """How many pixels of the overview can be made of the first `stop` of the source."""
        if stop >= self.length:
            return self.target
        return max(0, (stop - self.overlap) // 2)

    def nearest(self, start: int, stop: int) -> Array:
        """(stop - start,) int: the pixel of the source for each of these of the overview; GDAL rounds its corner."""
        return (0.5 + np.arange(start, stop) * (self.length / self.target)).astype(np.intp)

    def weights(self, start: int, stop: int) -> list[Array]:
        """One (stop - start,) float64 array for each pixel of the source that is in one of the overview."""
        index = np.arange(start, stop)
        whole = np.ones(stop - start)
        if not self.odd:
            return [whole] * self.step
        ratio = self.length / self.target
        return [1 - (index * ratio - 2 * index), whole, 1 - (2 * index + 3 - (index + 1) * ratio)]


Span = tuple[Halving, int, int]
"""Pixels of an overview along an axis: its halving, the first one, and the one after the last."""
