"""What a raster file says of itself, GDAL's metadata items, as an image's properties.

Items are texts. One called ``bourn`` may say which of the others are none: a JSON mapping of ``json``, a list of those
that are JSON or a number as Python writes it, and ``names``, from items to the properties that they are, where GDAL
can't hold the name. So says the format geotiff.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from bourn.image.date import utc
from bourn.image.properties import plain_copy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.errors import Problem

__all__ = ["properties_of"]

READING = "bourn"

DATETIME = "TIFFTAG_DATETIME"
"""GDAL's name of tag 306: when a file was made, by TIFF 6.0; or the date once more."""

SAID_OTHERWISE = frozenset({READING, "AREA_OR_POINT", "NODATA_VALUES"})
"""By the grid, and by the mask: the latter would make another one of a file of other bands."""

NOT_FINITE = frozenset({"nan", "inf", "-inf"})
"""As Python writes them; JSON has no such numbers."""


def properties_of(items: Mapping[str, str]) -> dict[str, Any]:
    """The properties that a file's metadata items are; what is wrong about ``bourn`` is not heeded.

    Examples
    --------
    >>> properties_of({"cloud": "12.5", "x_y": "7", "bourn": '{"json": ["cloud"], "names": {"x_y": "x:y"}}'})
    {'cloud': 12.5, 'x:y': '7'}
    """
    reading = _of_kind(_value(items.get(READING, "")), dict)
    no_texts, names = (_of_kind(reading.get(key), kind) for key, kind in (("json", list), ("names", dict)))
    stated = {item: text for item, text in items.items() if item not in SAID_OTHERWISE}
    claimed = Counter(str(names.get(item, item)) for item in stated)
    properties: dict[str, Any] = {}
    for item, text in stated.items():
        name = names.get(item)
        if not isinstance(name, str) or claimed[name] > 1 or name in {"colormap", "date"}:
            name = item
        properties[name] = _value(text) if item in no_texts else text
    if "date" in properties:
        _date(properties)
    return properties


def _date(properties: dict[str, Any]) -> None:
    """As a datetime; under another name if it is none. TIFF's own goes if it says the same."""
    text = properties.pop("date")
    try:
        date = utc(text)
    except ValueError:
        properties.setdefault("DATE", text)  # by which GDAL knows it too
        return
    properties["date"] = date
    if properties.get(DATETIME) == date.isoformat(" ", "seconds")[:19].replace("-", ":"):
        del properties[DATETIME]


def _value(text: str) -> Any:
    """What JSON, or a number, says; the text itself if it is neither, since somebody has changed the item."""
    try:
        return float(text) if text in NOT_FINITE else _plain(json.loads(text))
    except (ValueError, RecursionError):
        return text


def _plain(value: Any) -> Any:
    """The value itself.

    Raises
    ------
    ValueError
        It is nested deeper than a property may be, or holds what is not text.
    """
    problems: list[Problem] = []
    plain_copy({"value": value}, "", problems)
    if problems:
        raise ValueError
    json.dumps(value, ensure_ascii=False).encode("utf-8")  # lone surrogates are not text
    return value


def _of_kind(value: Any, kind: type[Any]) -> Any:
    """A list or mapping; an empty one of whatever else."""
    return value if isinstance(value, kind) else kind()
