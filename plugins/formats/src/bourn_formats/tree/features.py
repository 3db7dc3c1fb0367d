"""Geometries of shapely and odc-geo, and geopandas' frames of them, as WKB with what it does not say.

WKB: ISO/IEC 13249-3, with Z and M as shapely writes it; it has no CRS, and no rings that are closed lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn_formats.foreign import without_attrs
from bourn_formats.tree.fault import Placed
from bourn_formats.tree.grids import crs_apart, crs_text_of, crs_together, is_crs_text

if TYPE_CHECKING:
    from collections import Counter

__all__ = [
    "frame_apart",
    "frame_together",
    "geometry_apart",
    "geometry_together",
    "series_apart",
    "series_together",
    "shape_apart",
    "shape_together",
]

_RING = "LinearRing"


def shape_apart(shape: Any, _report: Counter[str]) -> dict[str, Any]:
    """A shapely geometry as WKB; a ring is a line there."""
    import shapely  # loaded already: this is one of its objects

    return {"wkb": shapely.to_wkb(shape, include_srid=True), "ring": shape.geom_type == _RING}


def shape_together(parts: Any) -> Any:
    """The geometry."""
    import shapely  # only where the tree has one

    made = shapely.from_wkb(bytes(parts["wkb"]))
    return shapely.LinearRing(made.coords) if parts["ring"] else made


def geometry_apart(geometry: Any, report: Counter[str]) -> dict[str, Any]:
    """A geometry of odc-geo: shapely's, and its CRS."""
    return {
        "shape": shape_apart(geometry.geom, report),
        "crs": None if geometry.crs is None else crs_apart(geometry.crs, report),
    }


def geometry_together(parts: Any) -> Any:
    """The geometry."""
    from odc.geo.geom import Geometry  # only where the tree has one

    crs = None if parts["crs"] is None else crs_together(parts["crs"])
    return Geometry(shape_together(parts["shape"]), crs)


def frame_apart(frame: Any, _report: Counter[str]) -> dict[str, Any]:
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
        "frame": Placed("", plain),
        "attrs": Placed(".attrs", dict(frame.attrs)),
        "columns": columns,
        "active": frame.active_geometry_name,
        "unique": not frame.flags.allows_duplicate_labels,
    }


def frame_together(parts: Any) -> Any:
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


def series_apart(series: Any, _report: Counter[str]) -> dict[str, Any]:
    """A GeoSeries as the Series of its WKB, and its CRS."""
    import pandas as pd  # loaded already: geopandas' are its objects

    plain = pd.Series(series.to_wkb(), series.index, object, series.name)
    return {"series": Placed("", plain), "attrs": Placed(".attrs", dict(series.attrs)), "crs": _crs_text(series.crs)}


def series_together(parts: Any) -> Any:
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
