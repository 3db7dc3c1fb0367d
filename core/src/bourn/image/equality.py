"""When two images are the same: their facts, and their pixels strip by strip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bourn.image.nodata import same_value

if TYPE_CHECKING:
    from bourn.image.strips import Strip

__all__ = ["same", "same_strip"]


def same(one: Any, other: Any) -> bool:
    """Equal, NaN being equal to NaN, in mappings, lists and tuples too; 1 is not True."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return type(one) is type(other) and same_value(one, other)


def same_strip(one: Strip, other: Strip) -> bool:
    """Whether two strips hold the same pixels, NaN being equal to NaN, and the same mask; none is one of False."""
    if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one.pixels, other.pixels, strict=True)):
        return False
    masks = [np.False_ if strip.mask is None else strip.mask for strip in (one, other)]
    return bool((masks[0] == masks[1]).all())
