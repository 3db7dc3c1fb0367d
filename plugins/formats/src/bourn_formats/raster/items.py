"""What a GeoTIFF says of an image besides its grid and bands: the image's properties as GDAL's metadata items.

They are what rasterio gives as ``tags()``, and rioxarray as attributes. A text stands there as it is, ``date`` as ISO
8601 in UTC and once more as TIFF's own DateTime; of other values numbers as Python writes them, the rest as JSON. So
that `bourn.Image.open` gives back what went in, an item ``bourn`` says which are no texts, and which are called
otherwise: GDAL takes ``:`` and ``=`` for the end of a name, and ``a`` and ``A`` for the same one. (A metadata domain
would be the place for it, but GDAL's own copies of a file leave out those that it does not know.)
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bourn.plugin import Image

__all__ = ["items_of"]

READING = "bourn"
"""The item that says how others are to be read: ``{"json": [item, ...], "names": {item: property, ...}}``."""

SAID_OTHERWISE = frozenset({"AREA_OR_POINT", "colormap", "date", READING})

TAKEN = frozenset({"area_or_point", "bidx", "nodata_values", "ns", READING})
"""Names, in small letters, that no property gets: some mean something to GDAL, two are parameters of rasterio's."""

DATETIME = "TIFFTAG_DATETIME"
"""GDAL's name of tag 306, ``YYYY:MM:DD HH:MM:SS`` (TIFF 6.0)."""


def items_of(image: Image) -> dict[str, str]:
    """The properties that can be told as texts, by names that GDAL can hold; in the order of names."""
    items: dict[str, str] = {}
    no_texts, names = [], {}
    date = image.date
    taken = set(TAKEN) if date is None else {*TAKEN, "date"}
    for key, value in image.properties.items():
        text, is_json = (None, False) if key in SAID_OTHERWISE else _told(value)
        name = _name(key, taken)
        if text is None or not name:
            continue
        taken.add(name.casefold())
        items[name] = _clean(text)
        if is_json:
            no_texts.append(name)
        if name != key:
            names[name] = key
    if date is not None:
        items["date"] = date.isoformat()
        if DATETIME.casefold() not in taken:
            items[DATETIME] = date.isoformat(" ", "seconds")[:19].replace("-", ":")
    if no_texts or names:
        items[READING] = json.dumps({"json": sorted(no_texts), "names": dict(sorted(names.items()))})
    return dict(sorted(items.items()))


def _name(key: str, taken: set[str]) -> str:
    """The item's name; empty if nothing is left of it."""
    name = _clean(key).translate({ord(":"): "_", ord("="): "_"}).strip()
    while name.casefold() in taken:
        name += "_"
    return name


def _told(value: Any) -> tuple[str | None, bool]:
    """(its text, whether that is JSON or a number); None for what is nothing, or is no text: bytes."""
    if value is None or isinstance(value, bytes):
        return None, False
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false", True
    if isinstance(value, dt.date | dt.time):
        return value.isoformat(), False
    if isinstance(value, str | int | float | complex | np.generic | dt.timedelta):
        return str(value), isinstance(value, int | float | np.integer | np.floating)
    return json.dumps(value, ensure_ascii=False, default=_listed), True


def _listed(value: Any) -> Any:
    """Inside of a list or mapping: arrays as lists, the rest as its text."""
    return value.tolist() if isinstance(value, np.ndarray | np.number | np.bool_) else _told(value)[0]


def _clean(text: str) -> str:
    """Without what XML does not hold."""
    kept = "".join(letter if letter >= " " or letter in "\t\n" else " " for letter in text)
    return kept.encode("utf-8", "replace").decode("utf-8").translate({0xFFFE: " ", 0xFFFF: " "})
