"""Where an image lies on the globe: a GeoJSON geometry that is right at the antimeridian and around the poles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Footprint", "footprint"]

STEPS = 64
"""Points an edge: a straight edge of a grid is a curve on the globe."""

DIGITS = 9
"""Of a degree: a tenth of a millimetre."""

ROUND = 360.0 - 1e-9


@attrs.frozen
class Footprint:
    """Where an image lies.

    Attributes
    ----------
    geometry : mapping or None
        GeoJSON, cut at the antimeridian (RFC 7946, 3.1.9); None where the grid lies nowhere on the globe.
    bbox : list of float or None
        West, south, east, north; west is greater than east across the antimeridian (RFC 7946, 5.2).
    """

    geometry: dict[str, Any] | None
    bbox: list[float] | None


def footprint(shape: Sequence[int], transform: Any, crs: Any) -> Footprint:
    """The footprint of a grid, rotated or not.

    Parameters
    ----------
    shape : (int, int)
        (y, x).
    transform : Affine
        From pixel corners to the CRS.
    crs : pyproj.CRS

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> footprint((2, 4), Affine(1, 0, 178, 0, -1, 1), CRS(4326)).bbox
    [178.0, -1.0, -178.0, 1.0]
    """
    from pyproj import Transformer  # 0.2 s

    to_globe = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    lon, lat = to_globe.transform(*_ring(shape, transform))
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return _seen_part(shape, transform, to_globe)
    lat = np.clip(lat, -90, 90)
    if lon.max() - lon.min() >= ROUND and crs.is_geographic:  # once round the globe, wherever it begins
        return _box(-180, float(lat.min()), 180, float(lat.max()))
    poles = [_holds(pole, shape, transform, to_globe) for pole in (90, -90)]
    return _cut(lon, lat, north=poles[0], south=poles[1])


def _ring(shape: Sequence[int], transform: Any) -> tuple[Any, Any]:
    """(x, y) of points along the edges, from the upper left corner and back to it."""
    height, width = shape
    step = np.linspace(0, 1, STEPS, endpoint=False)
    columns = width * np.concatenate([step, np.ones(STEPS), 1 - step, np.zeros(STEPS), [0]])
    rows = height * np.concatenate([np.zeros(STEPS), step, np.ones(STEPS), 1 - step, [0]])
    return _placed(transform, columns, rows)


def _placed(transform: Any, columns: Any, rows: Any) -> tuple[Any, Any]:
    a, b, c, d, e, f = tuple(transform)[:6]
    return a * columns + b * rows + c, d * columns + e * rows + f


def _holds(latitude: float, shape: Sequence[int], transform: Any, to_globe: Any) -> bool:
    """Whether a pole lies within the grid, not only on its edge."""
    x, y = to_globe.transform(0.0, latitude, direction="INVERSE")
    if not (math.isfinite(x) and math.isfinite(y)):
        return False
    lon, _ = to_globe.transform(x, y)
    if to_globe.source_crs is not None and to_globe.source_crs.is_geographic:
        return False  # there a pole is an edge
    column, row = ~transform * (x, y)
    return math.isfinite(lon) and 0 < column < shape[1] and 0 < row < shape[0]


def _cut(lon: Any, lat: Any, *, north: bool, south: bool) -> Footprint:
    import antimeridian  # shapely: 0.1 s
    import shapely  # the same
    from shapely.geometry import Polygon  # the same

    polygon = Polygon(np.column_stack([lon, lat]).round(DIGITS))
    made = antimeridian.fix_polygon(
        polygon, force_north_pole=north, force_south_pole=south, great_circle=False,
        fix_winding=not (north or south),  # which way round the grid goes says nothing: it may be flipped
    )  # fmt: skip
    if not made.is_valid:
        made = shapely.make_valid(made)
    bbox = [round(float(number), DIGITS) for number in antimeridian.bbox(made)]
    return Footprint(_plain(shapely.geometry.mapping(made)), bbox)


def _seen_part(shape: Sequence[int], transform: Any, to_globe: Any) -> Footprint:
    """Of a grid whose corners lie off the globe, as a full disk's do: the box around what lies on it."""
    rows, columns = np.meshgrid(np.linspace(0, shape[0], STEPS + 1), np.linspace(0, shape[1], STEPS + 1), indexing="ij")
    lon, lat = (np.asarray(part, float).ravel() for part in to_globe.transform(*_placed(transform, columns, rows)))
    there = np.isfinite(lon) & np.isfinite(lat)
    if not there.any():
        return Footprint(None, None)
    lon, lat = lon[there], lat[there]
    turned = np.where(lon < 0, lon + 360, lon)
    if np.ptp(turned) < min(180.0, np.ptp(lon)):  # across the antimeridian it is shorter
        box = _ring_of(float(turned.min()), float(lat.min()), float(turned.max()), float(lat.max()))
        return _cut(*box, north=False, south=False)
    return _box(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))


def _ring_of(west: float, south: float, east: float, north: float) -> tuple[Any, Any]:
    return np.array([west, east, east, west, west]), np.array([south, south, north, north, south])


def _box(west: float, south: float, east: float, north: float) -> Footprint:
    lon, lat = _ring_of(west, south, east, north)
    ring = np.column_stack([lon, lat]).round(DIGITS).tolist()
    return Footprint(
        {"type": "Polygon", "coordinates": [ring]}, [round(end, DIGITS) for end in (west, south, east, north)]
    )


def _plain(part: Any) -> Any:
    """Tuples as lists, as JSON gives them back."""
    if isinstance(part, dict):
        return {key: _plain(value) for key, value in part.items()}
    return [_plain(value) for value in part] if isinstance(part, list | tuple) else part
