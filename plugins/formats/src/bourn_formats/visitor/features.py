"""Features as GeoJSON (RFC 7946), which knows one CRS: longitude and latitude on WGS 84."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from bourn_formats.foreign import geo_interface_of, is_of, without_attrs
from bourn_formats.visitor.tables import pandas_values
from bourn_formats.wording import key_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn_formats.visitor.output import Counting

__all__ = ["geojson_of"]

WGS84 = 4326

HALF_GLOBE = 180.0
"""In degrees of longitude: neighbouring points of a line are never farther apart but across the antimeridian."""

STEPS = 100
"""Into how many parts a geometry is divided to find out whether it crosses the antimeridian."""


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
    elif isinstance(obj, getattr(sys.modules.get("shapely"), "Geometry", ())):
        (obj,) = _finite(_without_measures([obj], out))
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
    series = type(series)(_without_measures(series.array, out), index=series.index, name=series.name, crs=series.crs)
    if series.crs is None or series.crs.to_epsg() == WGS84:
        _finite(series.array)
        return series
    out.count("crs")
    try:
        moved = series.to_crs(f"EPSG:{WGS84}")
    except Exception as cause:  # of pyproj: a CRS of another body, or of no place
        msg = f"a geometry in the CRS {series.crs.name!r}, which has no way to longitude and latitude,"
        raise ValueError(msg) from cause

    def to_lonlat(geometries: Any) -> Any:
        return type(series)(geometries, crs=series.crs).to_crs(f"EPSG:{WGS84}").array

    return type(series)(
        _cut(series.array, _finite(moved.array), to_lonlat, out), index=series.index, name=series.name, crs=WGS84
    )


def _geometry(geometry: Any, out: Counting) -> Any:
    import shapely  # loaded already: odc-geo's is one of its objects

    (shape,) = _without_measures([geometry.geom], out)
    if geometry.crs is None or geometry.crs.epsg == WGS84:
        _finite([shape])
        return shape
    from pyproj import Transformer  # the same

    out.count("crs")
    transform = Transformer.from_crs(geometry.crs.proj, WGS84, always_xy=True).transform

    def to_lonlat(geometries: Any) -> Any:
        return shapely.transform(geometries, transform, interleaved=False)

    (moved,) = _cut([shape], _finite([to_lonlat(shape)]), to_lonlat, out)
    return moved


def _without_measures(geometries: Any, out: Counting) -> Any:
    """The geometries without M: the third number of a position is its altitude (RFC 7946, section 3.1.1)."""
    import shapely  # loaded already: the geometries are its objects

    shapes = np.asarray(geometries, object)
    measured = shapely.has_m(shapes)
    if not measured.any():
        return shapes
    out.count("measure", int(measured.sum()))
    shapes = shapes.copy()
    for has_z in (False, True):
        chosen = measured & (shapely.has_z(shapes) == has_z)
        shapes[chosen] = shapely.from_wkb(shapely.to_wkb(shapes[chosen], output_dimension=2 + has_z))
    return shapes


def _finite(geometries: Any) -> Any:
    """The geometries, if all their coordinates are numbers that JSON has; a point that a CRS does not hold has none."""
    import shapely  # loaded already: the geometries are its objects

    shapes = np.asarray(geometries, object)
    if not np.isfinite(shapely.get_coordinates(shapes)).all():
        msg = "a geometry whose coordinates are not all finite, in longitude and latitude,"
        raise ValueError(msg)
    return geometries


def _cut(before: Any, after: Any, to_lonlat: Callable[[Any], Any], out: Counting) -> Any:
    """The geometries, those that cross the antimeridian cut there (RFC 7946, section 3.1.9)."""
    import shapely  # loaded already: the geometries are its objects

    shapes = np.array(after, object)
    bounds = shapely.bounds(shapes)
    with np.errstate(invalid="ignore"):  # empty ones have none
        (wide,) = np.nonzero(bounds[:, 2] - bounds[:, 0] > HALF_GLOBE)
    crossing = [place for place in wide if _crosses(before[place], to_lonlat)]
    for place in crossing:
        import antimeridian  # where something is to be cut

        cut = antimeridian.fix_shape(shapes[place], fix_winding=True)
        shapes[place] = shapely.geometry.shape(cut)
    if crossing:
        out.count("antimeridian", len(crossing))
    return shapes


def _crosses(geometry: Any, to_lonlat: Callable[[Any], Any]) -> bool:
    """Whether it reaches from one side of the antimeridian to the other; not so one that is as wide as the globe."""
    import shapely  # loaded already: the geometries are its objects

    if geometry.geom_type not in {"Polygon", "MultiPolygon", "LineString", "MultiLineString"}:
        return False  # points are not cut
    west, south, east, north = shapely.bounds(geometry)
    dense = shapely.get_parts(shapely.segmentize(geometry, max(east - west, north - south) / STEPS))
    lines = shapely.get_rings(dense) if geometry.geom_type.endswith("Polygon") else dense
    longitudes = (shapely.get_coordinates(to_lonlat(line))[:, 0] for line in lines)
    return any((np.abs(np.diff(each)) > HALF_GLOBE).any() for each in longitudes)
