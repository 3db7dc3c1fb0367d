"""Options of the formats png, jpeg and webp."""

from __future__ import annotations

import attrs
from bourn.plugin import option

from bourn_pictures.colormaps import COLORMAPS

__all__ = ["JPEGOptions", "PNGOptions", "PictureOptions", "WebPOptions"]


@attrs.frozen
class PictureOptions:
    """Options that all pictures have."""

    size: int = option(default=1024, ge=1, le=16_383, unit="pixels", help="The longer side, at most; never enlarged.")
    bands: list[str] = option(
        factory=list,
        max_length=3,
        help="One band, or those shown as red, green and blue. By default the bands called red, green and blue, "
        "else the first one that is not a mask.",
        examples=[["nir", "red", "green"]],
    )
    percentiles: list[float] = option(
        factory=lambda: [2.0, 98.0],
        ge=0,
        le=100,
        min_length=2,
        max_length=2,
        help="The percentiles of each band, over the valid pixels, that are shown as darkest and brightest.",
    )
    range: list[float] | None = option(
        default=None,
        min_length=2,
        max_length=2,
        help="The values shown as darkest and brightest, instead of percentiles.",
        examples=[[0, 3000]],
    )
    colormap: str = option(default="grey", choices=sorted(COLORMAPS), help="The colors of a single band.")


@attrs.frozen
class PNGOptions(PictureOptions):
    """Options of the format png."""

    level: int = option(default=6, ge=1, le=9, help="Compression level: 9 is smallest and slowest.")


@attrs.frozen
class JPEGOptions(PictureOptions):
    """Options of the format jpeg."""

    quality: int = option(default=85, ge=1, le=100, help="Quality: 100 is largest.")
    background: list[int] = option(
        factory=lambda: [255, 255, 255],
        ge=0,
        le=255,
        min_length=3,
        max_length=3,
        help="Red, green and blue of masked pixels: JPEG has no transparency.",
    )


@attrs.frozen
class WebPOptions(PictureOptions):
    """Options of the format webp."""

    quality: int = option(default=80, ge=1, le=100, help="Quality: 100 is largest.")
    lossless: bool = option(default=False, help="Whether the colors are kept exactly; the quality then has no effect.")
