"""Limits of TIFF and its compressions: levels, dtypes, numbers of bands (GDAL's GTiff and COG driver pages).

Imports nothing heavy, since requests are checked by it before anything is computed.
"""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bourn_formats.geotiff.options import Options

__all__ = [
    "CITATION_ONLY",
    "CODECS",
    "KEEPING",
    "TILE_STEP",
    "Codec",
    "by_gdal_reason",
    "color_problems",
    "compression_problems",
    "fit_blocksize",
    "oversize",
    "written_dtype",
]  # fmt: skip

KEEPING = ("nearest", "mode")
"""Resamplers that create no new values: the only ones for classes and masks."""

CITATION_ONLY = (
    "GeoTIFF can store the CRS {name!r} as WKT only, which GDAL does not write; "
    "{reason} is written by GDAL: choose DEFLATE, ZSTD or none, tiled, with nearest, average or mode overviews"
)
"""Why a CRS can't be stored in a file that GDAL writes."""

TILE_STEP = 16
"""Pixels: height and width of a TIFF tile are multiples of it."""

MOST_BANDS = (1 << 16) - 1
"""SamplesPerPixel (tag 277) has 16 bits."""

MOST_TILE_BYTES = (1 << 31) - 1
"""Largest uncompressed tile that GDAL reads; a tile is held in memory as a whole."""


@attrs.frozen(kw_only=True)
class Codec:
    """One compression.

    Attributes
    ----------
    levels : (int, int) or None
        Lowest and highest.
    level : int or None
        Default.
    dtypes : sequence of str or None
        Supported ones; None for any.
    bands : sequence of int or None
        Supported numbers of bands; None for any.
    predicts : bool
        Whether it supports a predictor.
    lossy : bool
        Whether it changes pixels, so that nodata values would move.
    """

    levels: tuple[int, int] | None = None
    level: int | None = None
    dtypes: Sequence[str] | None = None
    bands: Sequence[int] | None = None
    predicts: bool = False
    lossy: bool = False


CODECS = {
    # libdeflate 1 is 2.5 times as fast as GDAL's default 6, and as small behind a predictor.
    "DEFLATE": Codec(levels=(1, 12), level=1, predicts=True),
    "LZW": Codec(predicts=True),
    "ZSTD": Codec(levels=(1, 22), level=3, predicts=True),
    "JPEG": Codec(dtypes=("uint8",), bands=(1, 2, 3, 4), lossy=True),
    "WEBP": Codec(dtypes=("uint8",), bands=(3, 4), lossy=True),
    "LERC": Codec(dtypes=("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")),
    "NONE": Codec(),
}
"""By name in capitals, which is also GDAL's."""


def written_dtype(dtype: str) -> str:
    """Return the dtype in the file: TIFF readers know neither bool nor float16."""
    return {"bool": "uint8", "float16": "float32"}.get(dtype, dtype)


def fit_blocksize(blocksize: int, shape: Sequence[int] | None) -> int:
    """Return the side of a tile that is no larger than a (band, y, x) image needs; `shape` is None where unknown."""
    if shape is None:
        return blocksize
    return min(blocksize, -(-max(shape[-2:]) // TILE_STEP) * TILE_STEP)


def by_gdal_reason(options: Options) -> str | None:
    """Return the option because of which GDAL writes the file, such as ``compression='LZW'``; None if we write it."""
    if not options.tiled:
        return "tiled=False"
    if options.compression.upper() not in {"DEFLATE", "ZSTD", "NONE"}:
        return f"compression={options.compression!r}"
    if options.overviews and options.overview_resampler not in {"nearest", "average", "mode"}:
        return f"overview_resampler={options.overview_resampler!r}"
    return None


def compression_problems(name: str, dtype: str | None, count: int | None, bands: Sequence[str] | None) -> Iterator[str]:
    """Yield why a compression can't hold such pixels; arguments are None where unknown."""
    codec = CODECS[name]
    if dtype is not None and codec.dtypes is not None and dtype not in codec.dtypes:
        others = ", ".join(other for other, one in CODECS.items() if one.dtypes is None or dtype in one.dtypes)
        yield f"{name} holds {', '.join(codec.dtypes)} only, the image is {dtype}; these hold it: {others}"
    if count is not None and codec.bands is not None and count not in codec.bands:
        numbers = " or ".join(map(str, codec.bands))
        yield f"{name} holds {numbers} bands, the image has {count}"
    if name == "JPEG" and bands is not None and tuple(map(str.casefold, bands)) == ("red", "green", "blue", "alpha"):
        yield "JPEG holds no alpha band (its mask takes the place of it): leave it out, or take WEBP or DEFLATE"


def color_problems(colors: str, dtype: str | None, count: int | None) -> Iterator[str]:
    """Yield why the first three bands can't be red, green and blue; arguments are None where unknown."""
    if colors != "rgb":
        return
    if count is not None and count < 3:  # noqa: PLR2004  # red, green, blue
        yield f"rgb needs three bands, the image has {count}"
    if dtype is not None and dtype not in {"uint8", "uint16"}:
        yield f"readers take uint8 and uint16 for colors, the image is {dtype}"


def oversize(count: int | None, dtype: str | None, blocksize: int | None) -> Iterator[tuple[str, str]]:
    """Yield (option, problem) for too many bands or too large tiles; arguments are None where unknown or striped."""
    if count is None or dtype is None:
        return
    item_bytes = int(dtype.lstrip(ascii_lowercase)) // 8  # without numpy, for a request is checked before it is loaded
    size = 0 if blocksize is None else count * blocksize**2 * item_bytes
    if count > MOST_BANDS:
        yield "", f"a TIFF holds {MOST_BANDS} bands at most, the image has {count}"
    elif size > MOST_TILE_BYTES:
        many = f"{count} bands take {size} bytes in a tile of {blocksize} x {blocksize} pixels"
        yield "blocksize", f"{many}, of {MOST_TILE_BYTES} at most: take a smaller blocksize, or fewer bands"
