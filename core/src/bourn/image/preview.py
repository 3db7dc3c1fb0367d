"""An image at fewer pixels, each the nearest one of the image; of a file no others are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn.image.file_pixels import FilePixels
from bourn.image.pixels import ArrayPixels
from bourn.image.strips import read_strips

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bourn.image.pixels import Pixels

__all__ = ["decimate"]

STRIP_ROWS = 512


def decimate(pixels: Pixels, size: tuple[int, int], progress: Callable[[int, int], None] | None) -> Pixels:
    """Return the pixels at (height, width); those of a file in memory, dask arrays still to be computed."""
    if isinstance(pixels, FilePixels):
        return _array_pixels(*pixels.decimated(size))
    _, height, width = pixels.shape
    rows, columns = _centers(height, size[0]), _centers(width, size[1])
    if isinstance(pixels, ArrayPixels):
        return attrs.evolve(
            pixels,
            stack=None if pixels.stack is None else _take(pixels.stack, rows, columns),
            layers=tuple(_take(layer, rows, columns) for layer in pixels.layers),
            given_mask=None if pixels.given_mask is None else _take(pixels.given_mask, rows, columns),
        )
    return _from_strips(pixels, rows, columns, progress)


def _centers(length: int, count: int) -> NDArray[np.intp]:
    """Return the indices nearest to the centers of `count` equal parts."""
    return ((2 * np.arange(count, dtype=np.int64) + 1) * length // (2 * count)).astype(np.intp)


def _take(array: Any, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Any:
    if isinstance(array, np.ndarray):
        return array[..., rows[:, None], columns]
    return array[..., rows, :][..., columns]  # dask takes one list of indices at a time


def _from_strips(
    pixels: Pixels, rows: NDArray[np.intp], columns: NDArray[np.intp], progress: Callable[[int, int], None] | None
) -> Pixels:
    """Read strip by strip: pixels that are changed or reprojected while they are read."""
    found: list[list[Any]] = []
    masks: list[Any] = []
    for strip in read_strips(pixels, STRIP_ROWS, progress):
        own = rows[(rows >= strip.start) & (rows < strip.stop)] - strip.start
        layers = strip.pixels if isinstance(strip.pixels, tuple) else (strip.pixels,)
        found.append([_take(layer, own, columns) for layer in layers])
        masks.append(None if strip.mask is None else _take(strip.mask, own, columns))
    layers = tuple(np.concatenate(parts, axis=-2) for parts in zip(*found, strict=True))
    mask: Any = None if masks[0] is None else np.concatenate(masks, axis=-2)
    return _array_pixels(layers[0] if layers[0].ndim == 3 else layers, mask)  # noqa: PLR2004  # (band, y, x)


def _array_pixels(pixels: Any, mask: Any) -> ArrayPixels:
    if isinstance(pixels, tuple):
        return ArrayPixels(layers=pixels, given_mask=mask)
    return ArrayPixels(stack=pixels, given_mask=mask)
