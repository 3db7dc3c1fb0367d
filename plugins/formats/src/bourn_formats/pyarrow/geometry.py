"""Grids and CRSs of odc-geo, geometries of shapely and odc-geo, and geopandas' frames of them, as plain trees.

A geometry is WKB (ISO/IEC 13249-3, with Z, M and the SRID as shapely writes them). What WKB does not hold is kept
beside it: rings that are closed lines, points whose coordinates are NaN, the grid of a fixed precision.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bourn_formats.foreign import without_attrs
from bourn_formats.pyarrow.tokens import Part, Unsupported
from bourn_formats.wording import key_path

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

__all__ = [
    "decode_affine",
    "decode_crs",
    "decode_frame",
    "decode_geobox",
    "decode_geometry",
    "decode_projection",
    "decode_series",
    "decode_shape",
    "encode_affine",
    "encode_crs",
    "encode_frame",
    "encode_geobox",
    "encode_geometry",
    "encode_projection",
    "encode_series",
    "encode_shape",
]

# PROJ would look for files in texts such as "+init=...". WKT begins with a keyword and a bracket, PROJJSON with a
# brace.
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}:[A-Za-z0-9_-]{1,32}")
_WKT = re.compile(r"\s*[A-Za-z]\w{2,31}\s*[\[(]")

POINT, RING, MULTIPOINT, COLLECTION = 0, 2, 4, 7
"""Types of geometries by shapely's number."""


def encode_affine(affine: Any, _report: Counter[str]) -> list[float]:
    """The six numbers of a transform, in rasterio's order."""
    return [float(number) for number in tuple(affine)[:6]]


def decode_affine(numbers: Any) -> Any:
    """The transform of six numbers."""
    from affine import Affine  # where the tree has a grid only

    return Affine(*numbers)


def encode_crs(crs: Any, _report: Counter[str]) -> str:
    """A CRS of odc-geo as text."""
    return _crs_text(crs.proj, str(crs), lambda text: decode_crs(text).proj)


def decode_crs(text: Any) -> Any:
    """The CRS of a code, WKT or PROJJSON."""
    from odc.geo.crs import CRS  # where the tree has a grid only

    return CRS(_checked_crs_text(text))


def encode_projection(crs: Any, _report: Counter[str]) -> str:
    """A CRS of pyproj as text."""
    return _crs_text(crs, crs.srs, type(crs))


def decode_projection(text: Any) -> Any:
    """The CRS of a code, WKT or PROJJSON."""
    from pyproj import CRS  # only where the tree has one

    return CRS(_checked_crs_text(text))


def _crs_text(crs: Any, given: str, made: Callable[[str], Any]) -> str:
    """The text of which `made` makes a CRS that is strictly the same, axes included.

    A code that PROJ merely finds for a CRS may have its axes in another order, so that what was given comes first.

    Raises
    ------
    ValueError
        There is no such text that names no file.
    """
    axes = _axes(crs)
    for text in (lambda: given, crs.to_wkt, crs.to_json):
        written = text()
        if not _is_crs_text(written):
            continue
        again = made(written)
        if again == crs and _axes(again) == axes:
            return written
    msg = "a CRS that neither WKT nor PROJJSON holds exactly"
    raise ValueError(msg)


def _axes(crs: Any) -> list[tuple[str, str, str]]:
    return [(axis.abbrev, axis.direction, axis.unit_name) for axis in crs.axis_info]


def _is_crs_text(text: Any) -> bool:
    return isinstance(text, str) and bool(_CODE.fullmatch(text) or _WKT.match(text) or text.startswith("{"))


def _checked_crs_text(text: Any) -> str:
    if not _is_crs_text(text):
        msg = "neither the code of a CRS nor WKT nor PROJJSON"
        raise ValueError(msg)
    return str(text)


def encode_geobox(geobox: Any, report: Counter[str]) -> dict[str, Any]:
    """CRS, transform and shape (y, x)."""
    crs = None if geobox.crs is None else encode_crs(geobox.crs, report)
    return {"crs": crs, "transform": encode_affine(geobox.affine, report), "shape": [int(n) for n in geobox.shape]}


def decode_geobox(parts: Any) -> Any:
    """The grid of CRS, transform and shape."""
    from odc.geo.geobox import GeoBox  # where the tree has a grid only

    crs = None if parts["crs"] is None else decode_crs(parts["crs"])
    return GeoBox(tuple(parts["shape"]), decode_affine(parts["transform"]), crs)


def encode_shape(shape: Any, _report: Counter[str]) -> dict[str, Any]:
    """A shapely geometry as WKB; by its parts where it holds rings or points that WKB has in no other way."""
    import shapely  # loaded already: this is one of its objects

    found: dict[str, Any] = {"wkb": None, "type": shapely.get_type_id(shape)}
    if found["type"] == RING:
        found["wkb"] = shapely.to_wkb(shapely.polygons(shape))
    elif found["type"] in {MULTIPOINT, COLLECTION} and any(_is_odd(part) for part in shape.geoms):
        found["parts"] = [encode_shape(part, _report) for part in shape.geoms]
    elif _is_odd(shape):
        numbers = shapely.get_coordinates(shape, include_z=shape.has_z, include_m=shape.has_m)[0]
        found["point"] = ["Z" * shape.has_z + "M" * shape.has_m, *map(str, numbers.tolist())]
    else:
        found["wkb"] = shapely.to_wkb(shape)
    if srid := shapely.get_srid(shape):
        found["srid"] = int(srid)
    if grid := shapely.get_precision(shape):
        found["precision"] = float(grid)
    return found


def _is_odd(shape: Any) -> bool:
    """Whether WKB gives another geometry: a line for a ring, an empty point for one of NaN."""
    import shapely  # loaded already: this is one of its objects

    kind = shapely.get_type_id(shape)
    if kind in {MULTIPOINT, COLLECTION}:
        return any(_is_odd(part) for part in shape.geoms)
    if kind == POINT and not shape.is_empty:
        return bool(shape.x != shape.x and shape.y != shape.y)  # NaN
    return bool(kind == RING)


def decode_shape(parts: Any) -> Any:
    """The geometry."""
    import shapely  # only where the tree has one

    if "parts" in parts:
        make = shapely.multipoints if parts["type"] == MULTIPOINT else shapely.geometrycollections
        made = make([decode_shape(part) for part in parts["parts"]])
    elif "point" in parts:
        axes, *numbers = parts["point"]
        made = shapely.from_wkt(f"POINT {axes} ({' '.join(str(float(number)) for number in numbers)})")
    else:
        made = shapely.from_wkb(bytes(parts["wkb"]))
        if parts["type"] == RING:
            made = shapely.get_exterior_ring(made)
    if "srid" in parts:
        made = shapely.set_srid(made, parts["srid"])
    return shapely.set_precision(made, parts["precision"], mode="pointwise") if "precision" in parts else made


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


def _encode_shapes(shapes: Any, report: Counter[str]) -> tuple[Any, dict[str, Any]]:
    """WKB of a geopandas array, and its CRS with those geometries that WKB does not hold."""
    import numpy as np
    import shapely  # loaded already: these are its objects

    values = np.asarray(shapes.values, object)
    kinds, grids = shapely.get_type_id(values), shapely.get_precision(values)
    coordinates = shapely.get_coordinates(values)
    check_all = bool(np.isnan(coordinates).any())
    suspect = np.isin(kinds, (RING, COLLECTION)) | (np.nan_to_num(grids) > 0)
    if check_all:
        suspect |= np.isin(kinds, (POINT, MULTIPOINT))
    others = {}
    for place in np.flatnonzero(suspect).tolist():
        if grids[place] or _is_odd(values[place]):
            others[place] = encode_shape(values[place], report)
    plain = values.copy()
    plain[list(others)] = None
    wkb = shapely.to_wkb(plain, include_srid=True)
    crs = None if shapes.crs is None else encode_projection(shapes.crs, report)
    return wkb, {"crs": crs, "others": others}


def _decode_shapes(wkb: Any, parts: Any, index: Any) -> Any:
    import geopandas as gpd  # 0.5 s: only where the tree has one
    import shapely

    values = shapely.from_wkb(wkb)
    for place, other in parts["others"].items():
        values[place] = decode_shape(other)
    crs = None if parts["crs"] is None else decode_projection(parts["crs"])
    return gpd.GeoSeries(gpd.array.GeometryArray(values, crs=crs), index)


def encode_frame(frame: Any, report: Counter[str]) -> dict[str, Any]:
    """A GeoDataFrame: the DataFrame with WKB in its columns of geometries, their CRS, and which one is active."""
    import geopandas as gpd  # loaded already: this is one of its objects
    import pandas as pd  # the same

    plain = without_attrs(frame)
    series, geometries = [], {}
    for place, label in enumerate(plain.columns):
        column = plain.iloc[:, place]
        if column.dtype.name == "geometry":
            try:
                wkb, geometries[place] = _encode_shapes(gpd.GeoSeries(column), report)
            except ValueError as cause:
                raise Unsupported(str(cause), key_path(label, 2 * place)) from cause
            column = pd.Series(wkb, plain.index, object)
        series.append(column)
    held = pd.concat(series, axis=1) if series else pd.DataFrame(index=plain.index)
    held.columns = plain.columns
    return {
        "frame": Part("", held),
        "attrs": Part(".attrs", dict(frame.attrs)),
        "columns": geometries,
        "active": Part("", frame.active_geometry_name),
        "unique": not frame.flags.allows_duplicate_labels,
    }


def decode_frame(parts: Any) -> Any:
    """The GeoDataFrame."""
    import geopandas as gpd  # 0.5 s: only where the tree has one

    frame = parts["frame"]
    labels = frame.columns
    frame.columns = range(len(labels))
    for place, geometries in parts["columns"].items():
        frame[place] = _decode_shapes(frame[place].to_numpy(), geometries, frame.index)
    frame.columns = labels
    made = gpd.GeoDataFrame(frame)
    made._geometry_column_name = parts["active"]  # noqa: SLF001  # set_geometry refuses labels that are tuples
    made.attrs = parts["attrs"]
    made.flags.allows_duplicate_labels = not parts["unique"]
    return made


def encode_series(series: Any, report: Counter[str]) -> dict[str, Any]:
    """A GeoSeries as the Series of its WKB, and its CRS."""
    import pandas as pd  # loaded already: geopandas' are its objects

    wkb, geometries = _encode_shapes(series, report)
    return {
        "series": Part("", pd.Series(wkb, series.index, object, series.name)),
        "attrs": Part(".attrs", dict(series.attrs)),
        "geometries": geometries,
        "unique": not series.flags.allows_duplicate_labels,
    }


def decode_series(parts: Any) -> Any:
    """The GeoSeries."""
    series = parts["series"]
    made = _decode_shapes(series.to_numpy(), parts["geometries"], series.index)
    made.name, made.attrs = series.name, parts["attrs"]
    made.flags.allows_duplicate_labels = not parts["unique"]
    return made
