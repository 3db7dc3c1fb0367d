"""Features as GeoJSON (RFC 7946), which knows one CRS: longitude and latitude on WGS 84."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bourn_formats.foreign import geo_interface_of, is_of, without_attrs
from bourn_formats.visitor.tables import pandas_values
from bourn_formats.wording import key_path

if TYPE_CHECKING:
    from bourn_formats.visitor.output import Counting

__all__ = ["geojson_of"]

WGS84 = 4326


def geojson_of(obj: Any, out: Counting) -> Any:
    """GeoJSON of an object with ``__geo_interface__``; one whose CRS is known is brought to longitude and latitude.

    Raises
    ------
    ValueError
        With what it is that can't be written.
    """
    kind = type(obj)
    out.count("geojson")
    if is_of(kind, "geopandas", "GeoDataFrame"):
        if not any(dtype.name == "geometry" for dtype in obj.dtypes):
            msg = "a GeoDataFrame without a geometry (use pandas.DataFrame() on it, or set_geometry()),"
            raise ValueError(msg)
        return _without_rings(_frame(obj, out).to_geo_dict(na="keep"), out)
    if is_of(kind, "geopandas", "GeoSeries"):
        obj = _on_wgs84(obj, out)
    elif is_of(kind, "odc.geo.geom", "Geometry"):
        obj = _geometry(obj, out)
    return _without_rings(geo_interface_of(obj), out)


def _without_rings(part: Any, out: Counting) -> Any:
    """GeoJSON whose LinearRings, a type that it does not have (RFC 7946, section 1.4), are LineStrings."""
    if not isinstance(part, dict):
        return part
    if part.get("type") == "LinearRing":
        out.count("ring")
        return {**part, "type": "LineString"}
    below = [key for key in ("features", "geometries") if isinstance(part.get(key), list | tuple)]
    changed = {key: [_without_rings(item, out) for item in part[key]] for key in below}
    if isinstance(part.get("geometry"), dict):
        changed["geometry"] = _without_rings(part["geometry"], out)
    return {**part, **changed} if changed else part


def _frame(frame: Any, out: Counting) -> Any:
    geometries = [label for label, dtype in frame.dtypes.items() if dtype.name == "geometry"]
    frame = sys.modules["geopandas"].GeoDataFrame(without_attrs(frame), geometry=frame.active_geometry_name)
    for label in frame.columns.difference(geometries, sort=False):
        frame[label] = _plain(frame[label], out)
    for label in geometries:
        frame[label] = _on_wgs84(frame[label], out)
    return frame


def _plain(series: Any, out: Counting) -> Any:
    """The values as objects: NaN stays, as a number that is none, whatever is missing is None."""
    import pandas as pd  # loaded already: geopandas' are its objects

    values = pandas_values(series, key_path(series.name, 0), 0, len(series), out)
    made = pd.Series(index=series.index, dtype=object)
    made[:] = list(values)
    return made


def _on_wgs84(series: Any, out: Counting) -> Any:
    if series.crs is None or series.crs.to_epsg() == WGS84:
        return series
    out.count("crs")
    try:
        return series.to_crs(f"EPSG:{WGS84}")
    except Exception as cause:  # of pyproj: a CRS of another body, or of no place
        msg = f"a geometry in the CRS {series.crs.name!r}, which has no way to longitude and latitude,"
        raise ValueError(msg) from cause


def _geometry(geometry: Any, out: Counting) -> Any:
    if geometry.crs is None or geometry.crs.epsg == WGS84:
        return geometry
    import shapely  # loaded already: odc-geo's is one of its objects
    from pyproj import Transformer  # the same

    out.count("crs")
    transform = Transformer.from_crs(geometry.crs.proj, WGS84, always_xy=True).transform
    return shapely.transform(geometry.geom, transform, interleaved=False)
