"""Options of the format geotiff."""

from __future__ import annotations

from typing import Literal

import attrs
from bourn.plugin import option

from bourn_formats.geotiff.codecs import TILE_STEP

__all__ = ["Options"]


def _fits_tile(value: int) -> str | None:
    return f"expected a multiple of {TILE_STEP}, got {value}" if value % TILE_STEP else None


@attrs.frozen
class Options:
    """Options of the format geotiff."""

    compression: str = option(
        default="DEFLATE",
        choices=["DEFLATE", "LZW", "ZSTD", "JPEG", "WEBP", "LERC", "none"],
        help="Compression. JPEG and WEBP are lossy, the others lossless.",
    )
    level: int | None = option(
        default=None, ge=1, le=22, help="Compression level: 1 to 12 for DEFLATE, 1 to 22 for ZSTD."
    )
    overviews: bool = option(default=True, help="Whether to add overviews to images larger than one block.")
    tiled: bool = option(default=True, help="False for a striped GeoTIFF, which is not cloud optimized.")
    overview_resampler: str = option(
        default="nearest",
        choices=["nearest", "average", "bilinear", "cubic", "mode"],
        help="Resampling of overviews; only nearest and mode for classes and masks.",
    )
    colors: Literal["auto", "rgb", "none"] = option(
        default="auto",
        help="Which bands are colors: auto takes what is known of them and the names red, green, blue; rgb the first "
        "three bands, whatever their names; none makes all bands grey.",
    )
    blocksize: int = option(
        default=512,
        ge=64,
        le=8192,
        unit="pixels",
        check=_fits_tile,
        help="Height and width of a tile, a multiple of 16; less for images that are smaller.",
    )
