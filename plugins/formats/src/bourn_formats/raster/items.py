"""What a GeoTIFF says of an image besides its grid and bands: the image's properties as GDAL's metadata items.

They are what rasterio gives as ``tags()``, and rioxarray as attributes. A text stands there as it is, ``date`` as ISO
8601 in UTC and once more as TIFF's own DateTime; of other values numbers as Python writes them, the rest as JSON. In
names GDAL takes ``:`` and ``=`` for the end of them: these become ``_``.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bourn.plugin import Image

__all__ = ["items_of"]

SAID_OTHERWISE = frozenset({"AREA_OR_POINT", "colormap", "date"})

DATETIME = "TIFFTAG_DATETIME"
"""GDAL's name of tag 306, ``YYYY:MM:DD HH:MM:SS`` (TIFF 6.0)."""


def items_of(image: Image) -> dict[str, str]:
    """The properties that can be told as texts, by names that GDAL can hold; in the order of names."""
    items: dict[str, str] = {}
    if image.date is not None:
        items["date"] = image.date.isoformat()
        items[DATETIME] = image.date.strftime("%Y:%m:%d %H:%M:%S")
    for key, value in image.properties.items():
        name = _clean(key).translate({ord(":"): "_", ord("="): "_"}).strip()
        text = None if key in SAID_OTHERWISE else _text(value)
        if name and text is not None:
            items[name] = _clean(text)
    return dict(sorted(items.items()))


def _text(value: Any) -> str | None:
    """None for what is nothing, or is no text: bytes."""
    if value is None or isinstance(value, bytes):
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, str | int | float | complex | np.generic | dt.timedelta):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=_listed)


def _listed(value: Any) -> Any:
    """Inside of a list or mapping: arrays as lists, the rest as its text."""
    return value.tolist() if isinstance(value, np.ndarray | np.number | np.bool_) else _text(value)


def _clean(text: str) -> str:
    """Without what XML does not hold."""
    kept = "".join(letter if letter >= " " or letter in "\t\n" else " " for letter in text)
    return kept.encode("utf-8", "replace").decode("utf-8").translate({0xFFFE: " ", 0xFFFF: " "})
