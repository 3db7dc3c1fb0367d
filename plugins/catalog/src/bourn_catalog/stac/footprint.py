"""Compute where an image lies on the globe, as GeoJSON that is right at the antimeridian and around the poles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from bourn.plugin import BournError

from bourn_catalog.model.search_query import split_at_antimeridian

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Footprint", "NotOnEarth", "footprint"]

STEPS = 64
"""Points per edge: a straight edge of a grid is a curve on the globe."""

DIGITS = 9
"""Of a degree: a tenth of a millimetre."""

ROUND = 360.0 - 1e-6
"""Degrees from which an extent is the whole circle."""

METRES_PER_DEGREE = 111_320.0

Array = np.ndarray[Any, Any]


class NotOnEarth(BournError, ValueError):
    """The grid has no place on Earth that an item could state."""

    code = "not-on-earth"


@attrs.frozen
class Footprint:
    """Where an image lies.

    Attributes
    ----------
    geometry : mapping
        GeoJSON, cut at the antimeridian (RFC 7946, 3.1.9), at most half a pixel from the edge of the grid.
    bbox : list of float
        West, south, east, north; west is greater than east across the antimeridian (RFC 7946, 5.2).
    """

    geometry: dict[str, Any]
    bbox: list[float]


@attrs.frozen
class _Grid:
    """A grid and its way to the globe."""

    shape: Sequence[int]
    transform: Any
    crs: Any
    to_globe: Any
    wraps: bool  # whether coordinates beyond the antimeridian continue on its other side

    def positions(self, rows: Any, columns: Any) -> tuple[Array, Array, Array]:
        """Return (longitudes, latitudes, whether the point lies on the globe) of positions in pixels."""
        a, b, c, d, e, f = tuple(self.transform)[:6]
        x, y = np.asarray(a * columns + b * rows + c), np.asarray(d * columns + e * rows + f)
        lon, lat = (np.asarray(part, float) for part in self.to_globe.transform(x, y))
        valid = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lat) <= 90 + 1e-6)  # degrees
        if not self.wraps:
            # Beyond the edge of the projected globe the inverse leads to another place.
            x_again, y_again = self.to_globe.transform(
                np.where(valid, lon, 0), np.where(valid, lat, 0), direction="INVERSE"
            )
            near = 1e-3 * max(abs(number) for number in (a, b, d, e))
            near = max(near, 1e-9 * float(np.max(np.abs([x, y]))))
            valid &= (np.abs(x_again - x) < near) & (np.abs(y_again - y) < near)
        return lon, np.clip(lat, -90, 90), valid

    @property
    def tolerance(self) -> float:
        """Half a pixel in degrees of latitude."""
        a, b, _, d, e, _ = tuple(self.transform)[:6]
        side = min(math.hypot(a, d), math.hypot(b, e))
        unit = self.crs.axis_info[0].unit_conversion_factor or 1.0
        return 0.5 * (math.degrees(side * unit) if self.crs.is_geographic else side * unit / METRES_PER_DEGREE)


def footprint(shape: Sequence[int], transform: Any, crs: Any) -> Footprint:
    """Return the footprint of a grid, rotated or not.

    Parameters
    ----------
    shape : (int, int)
        (y, x).
    transform : Affine
        From pixel corners to the CRS.
    crs : pyproj.CRS

    Raises
    ------
    NotOnEarth
        The CRS has no relation to longitude and latitude on Earth, or no pixel lies on the globe.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> footprint((2, 4), Affine(1, 0, 178, 0, -1, 1), CRS(4326)).bbox
    [178.0, -1.0, -178.0, 1.0]
    """
    from pyproj import Transformer  # 0.2 s
    from pyproj.exceptions import ProjError  # the same

    try:
        if not (crs.is_projected or crs.is_geographic):
            raise ProjError(crs.type_name)  # noqa: TRY301  # as pyproj does for others
        to_globe = Transformer.from_crs(_horizontal(crs), "OGC:CRS84", always_xy=True)
    except ProjError as cause:
        msg = f"the CRS {crs.name!r} ({crs.type_name}) has no relation to longitude and latitude on Earth"
        raise NotOnEarth(msg) from cause
    grid = _Grid(shape, transform, crs, to_globe, wraps=_wraps(crs, to_globe))
    step = np.linspace(0, 1, STEPS, endpoint=False)
    columns = shape[1] * np.concatenate([step, np.ones(STEPS), 1 - step, np.zeros(STEPS), [0]])
    rows = shape[0] * np.concatenate([np.zeros(STEPS), step, np.ones(STEPS), 1 - step, [0]])
    lon, lat, valid = grid.positions(rows, columns)
    poles = [_holds(pole, grid) for pole in (90, -90)]
    if not valid.all():
        return _visible_part(grid, north=poles[0], south=poles[1])
    if float(np.ptp(lon)) >= ROUND and crs.is_geographic:
        return _box(-180, float(lat.min()), 180, float(lat.max()))
    return _from_ring(lon, lat, grid.tolerance, north=poles[0], south=poles[1])


def _horizontal(crs: Any) -> Any:
    return crs.sub_crs_list[0] if crs.is_compound else crs


def _wraps(crs: Any, to_globe: Any) -> bool:
    """Whether x goes on beyond the antimeridian: in degrees, and in cylindrical projections."""
    if crs.is_geographic:
        return True
    lon, _ = to_globe.transform(0.0, 0.0)
    if not math.isfinite(lon):
        return False
    meridian, latitudes = lon + 10, np.array([-60.0, -20, 0, 35, 70])
    x, _ = to_globe.transform(np.full(5, meridian), latitudes, direction="INVERSE")
    # Of a transverse Mercator, too, the inverse takes longitudes beyond 180: the round trip holds there.
    return bool(np.isfinite(x).all() and np.ptp(x) < 1e-6 * max(1.0, float(np.max(np.abs(x)))))  # relative


def _holds(latitude: float, grid: _Grid) -> bool:
    """Whether a pole and all points around it lie within the grid; in degrees a pole is an edge."""
    if grid.crs.is_geographic:
        return False
    x, y = grid.to_globe.transform(0.0, latitude, direction="INVERSE")
    if not (math.isfinite(x) and math.isfinite(y)):
        return False
    column, row = ~grid.transform * (x, y)
    if not (0 < column < grid.shape[1] and 0 < row < grid.shape[0]):
        return False
    angle = np.linspace(0, 2 * math.pi, 9)
    _, _, valid = grid.positions(row + 0.01 * np.sin(angle), column + 0.01 * np.cos(angle))
    return bool(valid.all())


def _from_ring(lon: Array, lat: Array, tolerance: float, *, north: bool, south: bool) -> Footprint:
    """Return the footprint inside a closed ring of positions."""
    import antimeridian  # shapely: 0.1 s
    import shapely  # the same
    from shapely.geometry import LineString, Polygon  # the same

    continuous = np.unwrap(lon, period=360)
    line = LineString(np.column_stack([continuous, lat])).simplify(tolerance)
    points = np.asarray(line.coords)
    if len(points) < 4:  # noqa: PLR2004  # a ring: smaller than a pixel
        points = np.column_stack([continuous, lat])
    points[:, 0] = np.where(np.abs(points[:, 0]) <= 180, points[:, 0], (points[:, 0] + 180) % 360 - 180)  # noqa: PLR2004  # degrees
    polygon = Polygon(points.round(DIGITS))
    fixed = antimeridian.fix_polygon(
        polygon, force_north_pole=north, force_south_pole=south, great_circle=False,
        fix_winding=not (north or south),  # the winding has no meaning: the grid may be flipped
    )  # fmt: skip
    if not fixed.is_valid:
        fixed = shapely.make_valid(fixed)
    bbox = [round(float(number), DIGITS) for number in antimeridian.bbox(fixed)]
    return Footprint(_lists(shapely.geometry.mapping(fixed)), bbox)


def _visible_part(grid: _Grid, *, north: bool, south: bool) -> Footprint:
    """Return the footprint of a grid that reaches beyond the globe: a full disk, a tile at the edge of the world.

    Each row of pixels is taken from its first to its last point on the globe.
    """
    from shapely.geometry import Polygon  # GEOS: 0.1 s

    # Not the very edges: at a pole every longitude is right.
    rows = np.linspace(1e-6, 1 - 1e-6, 2 * STEPS + 1) * grid.shape[0]
    columns = np.linspace(0, grid.shape[1], 8 * STEPS + 1)
    lon, lat, valid = grid.positions(*np.meshgrid(rows, columns, indexing="ij"))
    if not valid.any():
        msg = "no pixel of the grid lies on the globe"
        raise NotOnEarth(msg)
    if north or south:
        return _box(-180, -90 if south else float(lat[valid].min()), 180, 90 if north else float(lat[valid].max()))
    left: list[tuple[float, float]] = []
    right: list[tuple[float, float]] = []
    for index in np.flatnonzero(valid.any(axis=1)):
        inside = np.flatnonzero(valid[index])
        ends = [_edge(grid, rows[index], columns, inside[place], step) for place, step in ((0, -1), (-1, 1))]
        across = np.linspace(ends[0], ends[1], STEPS)
        row_lon, row_lat, on_globe = grid.positions(np.full(STEPS, rows[index]), across)
        row_lon = np.unwrap(row_lon[on_globe], period=360)
        if not row_lon.size:
            continue
        if left:  # near the row above
            row_lon += 360 * round(((left[-1][0] + right[-1][0]) / 2 - row_lon.mean()) / 360)
        left.append((row_lon[0], row_lat[on_globe][0]))
        right.append((row_lon[-1], row_lat[on_globe][-1]))
    ring = [*left, *reversed(right)]
    if len({*ring}) < 3:  # noqa: PLR2004  # no area: a pixel at the very edge
        found = lon[valid], lat[valid]
        return _box(float(found[0].min()), float(found[1].min()), float(found[0].max()), float(found[1].max()))
    polygon = Polygon(ring).simplify(grid.tolerance)
    return _split(polygon if polygon.is_valid and not polygon.is_empty else Polygon(ring).buffer(0))


def _edge(grid: _Grid, row: float, columns: Array, inside: int, step: int) -> float:
    """Return the column, between a point on the globe and its neighbour off it, where the globe ends."""
    near, far = inside, inside + step
    if not 0 <= far < columns.size:
        return float(columns[near])
    on, off = float(columns[near]), float(columns[far])
    for _ in range(20):
        middle = (on + off) / 2
        if grid.positions(np.array([row]), np.array([middle]))[2][0]:
            on = middle
        else:
            off = middle
    return on


def _split(polygon: Any) -> Footprint:
    """Return the footprint of a polygon whose longitudes may go beyond 180."""
    import shapely  # loaded already

    west, south, east, north = polygon.bounds
    if east - west >= ROUND:
        return _box(-180, south, 180, north)
    found = split_at_antimeridian(polygon)
    west, east = ((end + 180) % 360 - 180 if abs(end) > 180 else end for end in (west, east))  # noqa: PLR2004  # degrees
    bbox = [round(float(end), DIGITS) for end in (west, south, east, north)]
    return Footprint(_lists(shapely.geometry.mapping(shapely.set_precision(found, 10.0**-DIGITS))), bbox)


def _box(west: float, south: float, east: float, north: float) -> Footprint:
    ring = np.array([[west, south], [east, south], [east, north], [west, north], [west, south]]).round(DIGITS).tolist()
    return Footprint(
        {"type": "Polygon", "coordinates": [ring]}, [round(end, DIGITS) for end in (west, south, east, north)]
    )


def _lists(part: Any) -> Any:
    """Convert tuples to lists, as JSON gives them back."""
    if isinstance(part, dict):
        return {key: _lists(value) for key, value in part.items()}
    return [_lists(value) for value in part] if isinstance(part, list | tuple) else part
