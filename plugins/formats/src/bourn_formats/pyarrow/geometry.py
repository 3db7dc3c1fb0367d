"""Geometries of shapely and odc-geo, and geopandas' frames of them, as WKB with what it does not say.

WKB: ISO/IEC 13249-3, with Z and M as shapely writes it; it has no CRS, and no rings that are closed lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bourn_formats.foreign import without_attrs
from bourn_formats.pyarrow.tokens import Part

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

__all__ = [
    "crs_text_of",
    "decode_affine",
    "decode_crs",
    "decode_frame",
    "decode_geobox",
    "decode_geometry",
    "decode_series",
    "decode_shape",
    "encode_affine",
    "encode_crs",
    "encode_frame",
    "encode_geobox",
    "encode_geometry",
    "encode_series",
    "encode_shape",
    "is_crs_text",
]

# PROJ would look for files in texts such as "+init=...". WKT begins with a keyword and a bracket.
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}:[A-Za-z0-9_-]{1,32}")
_WKT = re.compile(r"[A-Z]{3,32}\s*\[")


def encode_affine(affine: Any, _report: Counter[str]) -> list[float]:
    """The six numbers of a transform, in rasterio's order."""
    return [float(number) for number in tuple(affine)[:6]]


def decode_affine(numbers: Any) -> Any:
    """The transform of six numbers."""
    from affine import Affine  # where the tree has a grid only

    return Affine(*numbers)


def encode_crs(crs: Any, _report: Counter[str]) -> str:
    """``EPSG:32613`` or the like where that is all of it, else WKT."""
    return crs_text_of(crs, str(crs), decode_crs)


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


def decode_crs(text: Any) -> Any:
    """The CRS of a code or of WKT."""
    from odc.geo.crs import CRS  # where the tree has a grid only

    if not is_crs_text(text):
        msg = "neither the code of a CRS nor WKT"
        raise ValueError(msg)
    return CRS(text)


def encode_geobox(geobox: Any, report: Counter[str]) -> dict[str, Any]:
    """CRS, transform and shape (y, x)."""
    crs = None if geobox.crs is None else encode_crs(geobox.crs, report)
    return {"crs": crs, "transform": encode_affine(geobox.affine, report), "shape": [int(n) for n in geobox.shape]}


def decode_geobox(parts: Any) -> Any:
    """The grid of CRS, transform and shape."""
    from odc.geo.geobox import GeoBox  # where the tree has a grid only

    crs = None if parts["crs"] is None else decode_crs(parts["crs"])
    return GeoBox(tuple(parts["shape"]), decode_affine(parts["transform"]), crs)


_RING = "LinearRing"


def encode_shape(shape: Any, _report: Counter[str]) -> dict[str, Any]:
    """A shapely geometry as WKB; a ring is a line there."""
    import shapely  # loaded already: this is one of its objects

    return {"wkb": shapely.to_wkb(shape, include_srid=True), "ring": shape.geom_type == _RING}


def decode_shape(parts: Any) -> Any:
    """The geometry."""
    import shapely  # only where the tree has one

    made = shapely.from_wkb(bytes(parts["wkb"]))
    return shapely.LinearRing(made.coords) if parts["ring"] else made


def encode_geometry(geometry: Any, report: Counter[str]) -> dict[str, Any]:
    """A geometry of odc-geo: shapely's, and its CRS."""
    return {
        "shape": encode_shape(geometry.geom, report),
        "crs": None if geometry.crs is None else encode_crs(geometry.crs, report),
    }


def decode_geometry(parts: Any) -> Any:
    """The geometry."""
    from odc.geo.geom import Geometry  # only where the tree has one

    crs = None if parts["crs"] is None else decode_crs(parts["crs"])
    return Geometry(decode_shape(parts["shape"]), crs)


def encode_frame(frame: Any, _report: Counter[str]) -> dict[str, Any]:
    """A GeoDataFrame: the DataFrame with WKB in its columns of geometries, their CRS, and which one is active."""
    import geopandas as gpd  # loaded already: this is one of its objects
    import pandas as pd  # the same

    plain = without_attrs(frame)
    columns = {}
    for label, dtype in list(plain.dtypes.items()):
        if dtype.name == "geometry":
            shapes = gpd.GeoSeries(plain[label])
            columns[label] = _crs_text(shapes.crs)
            plain[label] = pd.Series(shapes.to_wkb(), plain.index, object)
    return {
        "frame": Part("", plain),
        "attrs": Part(".attrs", dict(frame.attrs)),
        "columns": columns,
        "active": frame.active_geometry_name,
        "unique": not frame.flags.allows_duplicate_labels,
    }


def decode_frame(parts: Any) -> Any:
    """The GeoDataFrame."""
    import geopandas as gpd  # 0.5 s: only where the tree has one

    frame = parts["frame"]
    for label, crs in parts["columns"].items():
        frame[label] = gpd.GeoSeries.from_wkb(frame[label], crs=_crs(crs))
    made = gpd.GeoDataFrame(frame)
    if parts["active"] is not None:
        made = made.set_geometry(parts["active"])
    made.attrs = parts["attrs"]
    made.flags.allows_duplicate_labels = not parts["unique"]
    return made


def encode_series(series: Any, _report: Counter[str]) -> dict[str, Any]:
    """A GeoSeries as the Series of its WKB, and its CRS."""
    import pandas as pd  # loaded already: geopandas' are its objects

    plain = pd.Series(series.to_wkb(), series.index, object, series.name)
    return {"series": Part("", plain), "attrs": Part(".attrs", dict(series.attrs)), "crs": _crs_text(series.crs)}


def decode_series(parts: Any) -> Any:
    """The GeoSeries."""
    import geopandas as gpd  # 0.5 s: only where the tree has one

    made = gpd.GeoSeries.from_wkb(parts["series"], crs=_crs(parts["crs"]))
    made.name, made.attrs = parts["series"].name, parts["attrs"]
    return made


def _crs_text(crs: Any) -> str | None:
    return None if crs is None else crs_text_of(crs, crs.to_string(), type(crs))


def _crs(text: Any) -> Any:
    if text is None:
        return None
    if not is_crs_text(text):
        msg = "neither the code of a CRS nor WKT"
        raise ValueError(msg)
    from pyproj import CRS  # only where the tree has one

    return CRS(text)
