"""The format geojson: features as GeoJSON (RFC 7946), in UTF-8, without spaces.

Written by the rules of the format json, with its option ``nan`` and its names on the report: geometries in another CRS
are brought to longitude and latitude, those that cross the antimeridian are cut there, measures are left out. The
exteriors of polygons of a geopandas object run counterclockwise and their holes clockwise, as section 3.1.6 demands;
``winding`` on the report counts the geometries that were turned. Other objects with ``__geo_interface__`` give their
rings as they are. What is no feature, collection of features or geometry is refused.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bourn.plugin import EncodeError, Example, Format, Sink

from bourn_formats.foreign import is_of
from bourn_formats.json.plugin import Options

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GeoJSON"]

TYPES = frozenset({
    "Feature", "FeatureCollection", "GeometryCollection", "LineString", "LinearRing", "MultiLineString", "MultiPoint",
    "MultiPolygon", "Point", "Polygon",
})  # fmt: skip


class GeoJSON(Format[Options]):
    """Features as GeoJSON, for browsers and GIS.

    Read by web maps, QGIS, GDAL and geopandas. Geometries are brought to longitude and latitude, which is all that
    GeoJSON has.
    """

    media_type = "application/geo+json"
    suffix = ".geojson"
    kinds = ("features",)
    examples = (Example("Features for a web map.", format="geojson"),)

    def encode(self, result: Any, options: Options, sink: Sink) -> Mapping[str, Any]:
        """Write the features in pieces."""
        from bourn_formats.json.encoder import encode  # orjson: on first use

        result, turned = _wound(result)
        _check(result)
        report = encode(result, sink, strict=options.nan == "error")
        return {**report, "winding": turned} if turned else report


def _wound(result: Any) -> tuple[Any, int]:
    """Return a geopandas object with its rings in the order of RFC 7946, and how many geometries were turned."""
    frame = is_of(type(result), "geopandas", "GeoDataFrame")
    if not frame and not is_of(type(result), "geopandas", "GeoSeries"):
        return result, 0
    if frame and result.active_geometry_name is None:
        return result, 0
    import shapely  # geopandas has loaded it

    shapes = result.geometry.array if frame else result.array
    wound = shapely.orient_polygons(shapes.to_numpy())
    turned = int((~(shapely.equals_identical(shapes.to_numpy(), wound) | shapely.is_missing(wound))).sum())
    if not turned:
        return result, 0
    series = sys.modules["geopandas"].GeoSeries(wound, index=result.index, crs=result.crs)
    if frame:
        return result.set_geometry(series.rename(result.active_geometry_name)), turned
    return series.rename(result.name), turned


def _check(result: Any) -> None:
    if is_of(type(result), "geopandas", "GeoDataFrame", "GeoSeries"):
        return
    try:
        kind = result.__geo_interface__.get("type")
    except Exception as error:  # third-party code
        raise EncodeError(f"result: its __geo_interface__ raises {type(error).__name__}") from error
    if kind not in TYPES:
        raise EncodeError(f"result: expected a type of GeoJSON, such as 'FeatureCollection', got {kind!r}")
