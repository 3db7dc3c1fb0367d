"""Convert the properties of an image to metadata tags (GDAL's metadata items).

rasterio returns them as ``tags()``, rioxarray as attributes. A str is stored as it is, ``date`` as ISO 8601 in UTC and
as TIFF's DateTime, numbers as Python writes them, everything else as JSON. For `bourn.Image.open` a tag ``bourn`` lists
which tags are not text, and which have another name than their property: GDAL ends names at ``:`` and ``=`` and ignores
case. (It is not a metadata domain, because GDAL drops unknown domains when it copies a file.)
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bourn.plugin import Image

__all__ = ["metadata_of"]

READING = "bourn"
"""Tag that describes the others: ``{"json": [tag, ...], "names": {tag: property, ...}}``."""

STORED_ELSEWHERE = frozenset({"AREA_OR_POINT", "colormap", "date", READING})

TAKEN = frozenset({"area_or_point", "bidx", "nodata_values", "ns", READING})
"""Reserved names in lower case: some have a meaning in GDAL, two are parameters of rasterio's methods."""

DATETIME = "TIFFTAG_DATETIME"
"""GDAL's name of tag 306, ``YYYY:MM:DD HH:MM:SS`` (TIFF 6.0)."""


def metadata_of(image: Image) -> dict[str, str]:
    """Return the tags sorted by name; None and bytes are left out."""
    tags: dict[str, str] = {}
    as_json, names = [], {}
    date = image.date
    taken = set(TAKEN) if date is None else {*TAKEN, "date"}
    for key, value in image.properties.items():
        text, is_json = (None, False) if key in STORED_ELSEWHERE else _text_of(value)
        name = _name(key, taken)
        if text is None or not name:
            continue
        taken.add(name.casefold())
        tags[name] = _clean(text)
        if is_json:
            as_json.append(name)
        if name != key:
            names[name] = key
    if date is not None:
        tags["date"] = date.isoformat()
        if DATETIME.casefold() not in taken:
            tags[DATETIME] = date.isoformat(" ", "seconds")[:19].replace("-", ":")
    if as_json or names:
        tags[READING] = json.dumps({"json": sorted(as_json), "names": dict(sorted(names.items()))})
    return dict(sorted(tags.items()))


def _name(key: str, taken: set[str]) -> str:
    """Return the name of a property's tag; empty if no valid character is left."""
    name = _clean(key).translate({ord(":"): "_", ord("="): "_"}).strip()
    while name.casefold() in taken:
        name += "_"
    return name


def _text_of(value: Any) -> tuple[str | None, bool]:
    """Return (text, whether it is JSON or a number); (None, False) for None and bytes."""
    if value is None or isinstance(value, bytes):
        return None, False
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false", True
    if isinstance(value, dt.date | dt.time):
        return value.isoformat(), False
    if isinstance(value, str | int | float | complex | np.generic | dt.timedelta):
        return str(value), isinstance(value, int | float | np.integer | np.floating)
    return json.dumps(value, ensure_ascii=False, default=_for_json), True


def _for_json(value: Any) -> Any:
    """Convert values in lists and mappings for JSON: arrays to lists, others to text."""
    return value.tolist() if isinstance(value, np.ndarray | np.number | np.bool_) else _text_of(value)[0]


def _clean(text: str) -> str:
    """Replace characters that XML does not allow."""
    kept = "".join(letter if letter >= " " or letter in "\t\n" else " " for letter in text)
    return kept.encode("utf-8", "replace").decode("utf-8").translate({0xFFFE: " ", 0xFFFF: " "})
