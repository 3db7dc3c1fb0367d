"""A block of bands as the pixel-interleaved bytes of a tile, behind a predictor (TIFF 6.0 section 14, Adobe TN3)."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["fill_bits", "fill_tile"]

Array = np.ndarray[Any, Any]


def fill_tile(tile: Array, block: Array, predictor: int) -> None:
    """Put `block` into the upper left of `tile`, as `predictor` wants it; the rest becomes zeros.

    Differences are taken while the bands are interleaved, in one pass through memory instead of two.

    Parameters
    ----------
    tile : (side, side, band) contiguous array of the block's dtype
    block : (band, rows, columns) array
    predictor : int
        1 none, 2 differences to the pixel on the left, 3 those of the floats' bytes, the highest bytes first.
    """
    _, rows, columns = block.shape
    if predictor == 3:  # noqa: PLR2004  # TIFF's number
        _fill_by_bytes(tile, block)
        return
    if rows < tile.shape[0]:
        tile[rows:] = 0
    if columns < tile.shape[1]:
        tile[:rows, columns:] = 0
    for index, layer in enumerate(block):
        if predictor == 1:
            tile[:rows, :columns, index] = layer
        else:
            tile[:rows, 0, index] = layer[:, 0]
            np.subtract(layer[:, 1:], layer[:, :-1], out=tile[:rows, 1:columns, index])


def _fill_by_bytes(tile: Array, block: Array) -> None:
    """Predictor 3: in each row first all highest bytes, then all next ones; each less the one a pixel before."""
    side, _, bands = tile.shape
    size = tile.dtype.itemsize
    _, rows, columns = block.shape
    planes = np.empty((rows, size, side, bands), np.uint8)
    if columns < side:
        planes[:, :, columns:] = 0
    for index, layer in enumerate(block):
        raw = np.ascontiguousarray(layer, layer.dtype.newbyteorder("<")).view(np.uint8).reshape(rows, columns, size)
        for place in range(size):
            planes[:, place, :columns, index] = raw[:, :, size - 1 - place]
    flat = planes.reshape(rows, -1)
    out = tile.view(np.uint8).reshape(side, -1)
    out[:rows, :bands] = flat[:, :bands]
    np.subtract(flat[:, bands:], flat[:, :-bands], out=out[:rows, bands:])
    out[rows:] = 0


def fill_bits(side: int, valid: Array) -> Array:
    """(side, side / 8) uint8: a (rows, columns) bool array as a tile of one bit a pixel, the rest 0."""
    rows, columns = valid.shape
    if valid.shape == (side, side):
        return np.packbits(valid, axis=1)
    full = np.zeros((side, side), bool)
    full[:rows, :columns] = valid
    return np.packbits(full, axis=1)
