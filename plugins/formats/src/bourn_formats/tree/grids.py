"""Grids of odc-geo as plain trees: a CRS as its authority's code or as WKT, never as a name of a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

__all__ = [
    "affine_apart",
    "affine_together",
    "crs_apart",
    "crs_text_of",
    "crs_together",
    "geobox_apart",
    "geobox_together",
    "is_crs_text",
]

# PROJ would look for files in texts such as "+init=...". WKT begins with a keyword and a bracket.
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}:[A-Za-z0-9_-]{1,32}")
_WKT = re.compile(r"[A-Z]{3,32}\s*\[")


def affine_apart(affine: Any, _report: Counter[str]) -> list[float]:
    """The six numbers of a transform, in rasterio's order."""
    return [float(number) for number in tuple(affine)[:6]]


def affine_together(numbers: Any) -> Any:
    """The transform of six numbers."""
    from affine import Affine  # where the tree has a grid only

    return Affine(*numbers)


def crs_apart(crs: Any, _report: Counter[str]) -> str:
    """``EPSG:32613`` or the like where that is all of it, else WKT."""
    return crs_text_of(crs, str(crs), crs_together)


def crs_text_of(crs: Any, text: str, made: Callable[[str], Any]) -> str:
    """``EPSG:32613`` if `text` is such a code, else the WKT of a CRS, of which `made` makes it again."""
    if _CODE.fullmatch(text):
        return text
    wkt = crs.to_wkt()
    if made(wkt) != crs:
        msg = "a CRS that WKT does not hold exactly"
        raise ValueError(msg)
    return str(wkt)


def is_crs_text(text: Any) -> bool:
    """Whether it is a code or WKT, which PROJ does not take for the name of a file."""
    return isinstance(text, str) and bool(_CODE.fullmatch(text) or _WKT.match(text))


def crs_together(text: Any) -> Any:
    """The CRS of a code or of WKT."""
    from odc.geo.crs import CRS  # where the tree has a grid only

    if not is_crs_text(text):
        msg = "neither the code of a CRS nor WKT"
        raise ValueError(msg)
    return CRS(text)


def geobox_apart(geobox: Any, report: Counter[str]) -> dict[str, Any]:
    """CRS, transform and shape (y, x)."""
    crs = None if geobox.crs is None else crs_apart(geobox.crs, report)
    return {"crs": crs, "transform": affine_apart(geobox.affine, report), "shape": [int(n) for n in geobox.shape]}


def geobox_together(parts: Any) -> Any:
    """The grid of CRS, transform and shape."""
    from odc.geo.geobox import GeoBox  # where the tree has a grid only

    crs = None if parts["crs"] is None else crs_together(parts["crs"])
    return GeoBox(tuple(parts["shape"]), affine_together(parts["transform"]), crs)
