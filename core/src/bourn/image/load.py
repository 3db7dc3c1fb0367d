"""Bringing an image's pixels into memory, strip by strip, without holding them twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bourn.image.pixels import ArrayPixels
from bourn.image.strips import read_strips

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn.image.pixels import Pixels

__all__ = ["loaded"]

STRIP_ROWS = 512


def loaded(pixels: Pixels, progress: Callable[[int, int], None] | None = None) -> ArrayPixels:
    """The same pixels in numpy arrays.

    Parameters
    ----------
    pixels : Pixels
    progress : callable, optional
        ``progress(done, total)`` after each strip; what it raises ends the reading.
    """
    shape, dtypes = pixels.shape, pixels.dtypes
    alike = len(set(dtypes)) == 1
    stack = np.empty(shape, dtypes[0]) if alike else None
    layers = () if alike else tuple(np.empty(shape[1:], dtype) for dtype in dtypes)
    mask = None
    for strip in read_strips(pixels, STRIP_ROWS, progress):
        for target, source in zip(stack if stack is not None else layers, strip.pixels, strict=True):
            target[strip.start : strip.stop] = source
        if strip.mask is not None:
            if mask is None:
                mask = np.empty((*strip.mask.shape[:-2], *shape[1:]), bool)
            mask[..., strip.start : strip.stop, :] = strip.mask
    return ArrayPixels(stack=stack, layers=layers, given_mask=mask)
