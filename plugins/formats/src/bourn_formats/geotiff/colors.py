"""Colors of an image: red, green and blue bands, an alpha band, a palette."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn.plugin import Image

__all__ = ["alpha_of", "colormap_of", "colors_of", "is_alpha_tagged", "is_rgb"]

RGB = ("red", "green", "blue")

DTYPES = ("uint8", "uint16")
"""Dtypes in which readers expect colors."""


def colors_of(image: Image) -> list[str | None]:
    """Return per band the color in its bandinfo, such as ``red``; None where there is none."""
    return [image.bandinfo[band].get("color") for band in image.bands]


def is_rgb(image: Image, dtype: str, asked: str = "auto") -> bool:
    """Whether the bands are red, green and blue by their colors or names, optionally followed by an alpha."""
    if dtype not in DTYPES or asked == "none":
        return False
    if asked == "rgb":
        return len(image.bands) >= len(RGB)
    names = tuple(str(image.bandinfo[band].get("color", band)).casefold() for band in image.bands)
    if names[:3] != RGB:
        return False
    return len(names) == len(RGB) or (len(names) == len(RGB) + 1 and alpha_of(image, dtype) == len(RGB))


def alpha_of(image: Image, dtype: str) -> int | None:
    """Return the index of the alpha band: the one with an ``opaque`` value, or ``alpha`` after red, green and blue."""
    for index, band in enumerate(image.bands):
        if image.bandinfo[band].get("opaque") is not None and len(image.bands) > 1:
            return index
    named = dtype in DTYPES and tuple(map(str.casefold, image.bands)) == (*RGB, "alpha")
    return len(RGB) if named else None


def is_alpha_tagged(image: Image, alpha: int | None, dtype: str, *, rgb: bool) -> bool:
    """Whether readers understand the alpha: uint8 or uint16, and opaque at the maximum of the dtype.

    Most readers show nothing of an alpha of 0 and 1. The first band of a TIFF that is not RGB is its grey.
    """
    if alpha is None or dtype not in DTYPES or alpha < (len(RGB) if rgb else 1):
        return False
    opaque = image.bandinfo[image.bands[alpha]].get("opaque")
    return opaque is None or opaque == np.iinfo(dtype).max


def colormap_of(image: Image, dtype: str) -> list[tuple[int, int, int]] | None:
    """Return the palette of a single band of classes: ``properties["colormap"]``, red, green and blue by value."""
    given = image.properties.get("colormap")
    if given is None or len(image.bands) != 1 or dtype not in DTYPES:
        return None
    if image.bandinfo[image.bands[0]]["kind"] != "class":
        return None
    room = int(np.iinfo(dtype).max) + 1
    if not isinstance(given, list | tuple) or not 1 <= len(given) <= room:
        return None
    found = [_color(entry) for entry in given]
    return None if None in found else [entry for entry in found if entry is not None]


def _color(entry: Any) -> tuple[int, int, int] | None:
    if not isinstance(entry, list | tuple) or len(entry) not in {3, 4}:
        return None
    parts: Sequence[Any] = entry[:3]
    if not all(isinstance(part, int) and 0 <= part <= 255 for part in parts):  # noqa: PLR2004  # a byte
        return None
    return (parts[0], parts[1], parts[2])
