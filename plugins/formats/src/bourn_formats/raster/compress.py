"""A tile's bytes, compressed: by libraries that release the GIL while they work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from bourn_formats.raster.codecs import Codec

__all__ = ["COMPRESSION_TAGS", "compressor", "deflated"]

COMPRESSION_TAGS = {"NONE": 1, "DEFLATE": 8, "ZSTD": 50000}
"""TIFF's numbers (tag 259): 8 is Adobe's of Technical Note 2 to TIFF 6.0, 50000 is libtiff's."""

ISAL_LEVEL = 3
"""ISA-L's highest: as small as libdeflate's 6 behind a predictor, at four times its speed. 0 may make a tile larger."""


def compressor(codec: Codec, level: int | None) -> Callable[[np.ndarray[Any, Any]], bytes]:
    """A function from a contiguous array to its compressed bytes.

    DEFLATE is made by ISA-L, unless a level is asked for: the levels are those of libdeflate, as in GDAL.
    """
    if codec.gdal == "DEFLATE":
        return deflated if level is None else _libdeflate(level)
    if codec.gdal == "ZSTD":
        import pyarrow as pa  # which this distribution needs for its other format; 0.2 s

        zstd = pa.Codec("zstd", compression_level=level or codec.level)
        # As bytes: of its buffers memoryview tells the length that they had before they were cut off (pyarrow 26).
        return lambda tile: zstd.compress(_flat(tile), asbytes=True)
    return lambda tile: tile.tobytes()


def deflated(tile: np.ndarray[Any, Any]) -> bytes:
    """A zlib stream of a contiguous array."""
    from isal import isal_zlib  # a few ms

    made: bytes = isal_zlib.compress(_flat(tile), ISAL_LEVEL)
    return made


def _libdeflate(level: int) -> Callable[[np.ndarray[Any, Any]], bytes]:
    import deflate  # only where a level is asked for

    return lambda tile: bytes(deflate.zlib_compress(_flat(tile), level))


def _flat(tile: np.ndarray[Any, Any]) -> memoryview:
    return tile.reshape(-1).view("u1").data
