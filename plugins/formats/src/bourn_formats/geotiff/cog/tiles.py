"""Encode tiles: pixel-interleaved bytes, a predictor (TIFF 6.0 section 14, Adobe TN3), and compression.

The libraries used release the GIL while they compress.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COMPRESSION_TAGS", "compressor", "deflate", "fill_bits", "fill_tile"]

Array = np.ndarray[Any, Any]

COMPRESSION_TAGS = {"NONE": 1, "DEFLATE": 8, "ZSTD": 50000}
"""Values of the Compression tag (259): 8 is from Adobe's TIFF Technical Note 2, 50000 is libtiff's."""

ISAL_LEVEL = 3
"""ISA-L's highest level: as small as libdeflate 6 behind a predictor, four times as fast. Level 0 may expand tiles."""

ZSTD_LEVEL = 3
"""Default level of ZSTD."""


def fill_tile(tile: Array, block: Array, predictor: int) -> None:
    """Copy `block` to the upper left of `tile` with `predictor` applied, and fill the rest with zeros.

    Differences are computed while bands are interleaved: one pass through memory instead of two.

    Parameters
    ----------
    tile : (side, side, band) contiguous array of the block's dtype
    block : (band, rows, columns) array
    predictor : int
        1: none, 2: differences to the pixel on the left, 3: the same for the bytes of floats, highest bytes first.
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
    """Apply predictor 3: per row all highest bytes, then all next ones, each minus the one of the pixel before."""
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
    """Return a (rows, columns) bool array as a tile of one bit per pixel, (side, side / 8) uint8, the rest 0."""
    rows, columns = valid.shape
    if valid.shape == (side, side):
        return np.packbits(valid, axis=1)
    full = np.zeros((side, side), bool)
    full[:rows, :columns] = valid
    return np.packbits(full, axis=1)


def compressor(compression: str, level: int | None) -> Callable[[Array], bytes]:
    """Return a function that compresses a contiguous array.

    DEFLATE uses ISA-L, or libdeflate where `level` is given: its levels are those of GDAL.
    """
    if compression == "DEFLATE":
        return deflate if level is None else _libdeflate(level)
    if compression == "ZSTD":
        import pyarrow as pa  # 0.2 s

        zstd = pa.Codec("zstd", compression_level=level or ZSTD_LEVEL)
        # As bytes: the memoryview of a buffer has the length before it was truncated (pyarrow 26).
        return lambda tile: zstd.compress(_flat(tile), asbytes=True)
    return lambda tile: tile.tobytes()


def deflate(tile: Array) -> bytes:
    """Compress a contiguous array as a zlib stream."""
    from isal import isal_zlib  # a few ms

    made: bytes = isal_zlib.compress(_flat(tile), ISAL_LEVEL)
    return made


def _libdeflate(level: int) -> Callable[[Array], bytes]:
    import deflate as libdeflate  # only for a given level

    return lambda tile: bytes(libdeflate.zlib_compress(_flat(tile), level))


def _flat(tile: Array) -> memoryview:
    return tile.reshape(-1).view("u1").data
