"""Tiles: squares of pixels that cut each UTM zone into a grid, each with a key that says all of it."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING, Any

import attrs

from bourn.errors import Problem, RequestError
from bourn.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from odc.geo.geobox import GeoBox
    from odc.geo.geom import Geometry

__all__ = ["Tile", "from_key", "from_latlon", "from_shape"]

CENTRAL_EASTING = 500_000.0
"""Metres; of a zone's central meridian, from which columns are counted."""

LAST_ZONE = 60
ZONE_DEGREES = 6
SEGMENT_DEGREES = 0.005
"""A side of a shape is cut into segments of this length before it is projected, where it becomes a curve."""

TOUCH_METRES = 1e-6
"""What is as near as that touches: on their way through degrees, the corners of a tile come back within nanometres."""

_KEY = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?):(\d\d):(-?\d+):(-?\d+)", re.ASCII)


@attrs.frozen(kw_only=True)
class Tile:
    """A square of pixels on the grid of a UTM zone.

    The northern zone (EPSG:326zz) is used in the south too, with negative rows; there are no exceptions for Norway
    and Svalbard.

    Attributes
    ----------
    resolution : float
        Metres a pixel.
    tilesize, pad : int
        Pixels: the side without padding, and what is added on each side.
    zone : int
        1 to 60.
    column, row : int
        From the central meridian eastwards, from the equator northwards.

    Examples
    --------
    >>> from_latlon(35.6870, -105.9378, resolution=10, tilesize=1024, pad=0).key
    '1024:0:10.0:13:-9:385'
    """

    resolution: float
    tilesize: int
    pad: int
    zone: int
    column: int
    row: int

    def __attrs_post_init__(self) -> None:
        problems = list(_grid_problems(self.resolution, self.tilesize, self.pad))
        if type(self.zone) is not int or not 1 <= self.zone <= LAST_ZONE:
            problems.append(Problem("zone", f"expected a UTM zone from 1 to 60, got {shown(self.zone)}"))
        problems += [
            Problem(name, f"expected an int, got {shown(value)}")
            for name, value in (("column", self.column), ("row", self.row))
            if type(value) is not int
        ]
        if problems:
            raise RequestError(problems, about="the tile")

    @property
    def key(self) -> str:
        """``tilesize:pad:resolution:zone:column:row``."""
        resolution = float(self.resolution)
        return f"{self.tilesize}:{self.pad}:{resolution}:{self.zone:02d}:{self.column}:{self.row}"

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in metres, without padding."""
        side = self.tilesize * self.resolution
        west, south = CENTRAL_EASTING + self.column * side, self.row * side
        return west, south, CENTRAL_EASTING + (self.column + 1) * side, (self.row + 1) * side

    @property
    def geobox(self) -> GeoBox:
        """The grid of its pixels, padding included."""
        from affine import Affine  # comes with odc.geo
        from odc.geo.geobox import GeoBox  # 0.3 s

        west, _, _, north = self.bounds
        size, margin = self.tilesize + 2 * self.pad, self.pad * self.resolution
        transform = Affine(self.resolution, 0.0, west - margin, 0.0, -self.resolution, north + margin)
        return GeoBox((size, size), transform, f"EPSG:{32600 + self.zone}")

    @property
    def geometry(self) -> Geometry:
        """Its area without padding, in longitude and latitude."""
        import shapely
        from odc.geo.geom import Geometry

        outline = shapely.segmentize(shapely.box(*self.bounds), self.tilesize * self.resolution / 8)
        middle = ZONE_DEGREES * self.zone - 183.0
        inverse = _projection(self.zone)

        def unprojected(x: Any, y: Any) -> Any:
            lon, lat = inverse.transform(x, y, direction="INVERSE")
            # On one side of the zone's meridian and the other, so that it is one piece across the antimeridian.
            return (lon - middle + 180) % 360 - 180 + middle, lat

        area = shapely.transform(outline, unprojected, interleaved=False)
        west, _, east, _ = area.bounds
        turns = range(math.floor((west + 180) / 360), math.ceil((east + 180) / 360))
        parts = [
            shapely.transform(
                area.intersection(shapely.box(360 * turn - 180, -90, 360 * turn + 180, 90)),
                lambda points, lon=360 * turn: points - (lon, 0),
            )
            for turn in turns
        ]
        return Geometry(parts[0] if len(parts) == 1 else shapely.union_all(parts), "EPSG:4326")


def from_key(key: str) -> Tile:
    """The tile of a key such as ``"1024:0:10.0:13:-9:385"``."""
    given: Any = key
    match = _KEY.fullmatch(given) if isinstance(given, str) else None
    if match is None:
        message = f"expected tilesize:pad:resolution:zone:column:row, such as 1024:0:10.0:13:-9:385, got {shown(key)}"
        raise RequestError([Problem("key", message)])
    tilesize, pad, resolution, zone, column, row = match.groups()
    return Tile(
        tilesize=int(tilesize),
        pad=int(pad),
        resolution=float(resolution),
        zone=int(zone),
        column=int(column),
        row=int(row),
    )


def from_latlon(lat: float, lon: float, resolution: float, tilesize: int, pad: int) -> Tile:
    """The tile that holds a point.

    Parameters
    ----------
    lat, lon : float
        Degrees, WGS 84; -90 to 90 and -180 to 180.
    resolution : float
        Metres a pixel.
    tilesize, pad : int
        Pixels.
    """
    problems = [
        Problem(name, f"expected degrees from -{limit} to {limit}, got {shown(value)}")
        for name, value, limit in (("lat", lat, 90), ("lon", lon, 180))
        if not _is_number(value) or not abs(value) <= limit
    ]
    problems += _grid_problems(resolution, tilesize, pad)
    if problems:
        raise RequestError(problems, about="the tile")
    zone = _zone(float(lon))
    east, north = _projection(zone).transform(float(lon), float(lat))
    side = tilesize * float(resolution)
    return Tile(
        resolution=float(resolution), tilesize=tilesize, pad=pad, zone=zone,
        column=math.floor((east - CENTRAL_EASTING) / side), row=math.floor(north / side),
    )  # fmt: skip


def from_shape(shape: Any, resolution: float, tilesize: int, pad: int) -> list[Tile]:
    """Every tile whose area without padding meets a shape, touching included; by zone, row and column.

    Parameters
    ----------
    shape : geometry
        Longitude and latitude in WGS 84: a shapely or odc.geo geometry, a GeoJSON mapping, or anything with
        ``__geo_interface__``.
    resolution : float
        Metres a pixel.
    tilesize, pad : int
        Pixels.
    """
    import shapely  # 0.1 s

    problems = list(_grid_problems(resolution, tilesize, pad))
    geometry = _geometry(shape, problems)
    if problems or geometry is None:
        raise RequestError(problems, about="the tiles")
    west, _, east, _ = geometry.bounds
    side = tilesize * float(resolution)
    tiles = []
    for zone in range(_zone(west), _zone(east) + 1):
        edge = ZONE_DEGREES * zone - 180.0
        clipped = geometry.intersection(shapely.box(edge - ZONE_DEGREES, -90, edge, 90))
        # Of an area that only touches the zone there remains a line: that is no part of the area.
        clipped = _of_dimension(clipped, shapely.get_dimensions(geometry))
        if clipped.is_empty:
            continue
        dense = shapely.segmentize(clipped, SEGMENT_DEGREES)
        projected = shapely.transform(dense, _projection(zone).transform, interleaved=False)
        tiles += [
            Tile(resolution=float(resolution), tilesize=tilesize, pad=pad, zone=zone, column=column, row=row)
            for column, row in _cells(shapely.make_valid(projected), side)
        ]
    return tiles


def _of_dimension(geometry: Any, dimension: int) -> Any:
    import shapely  # loaded already

    parts = [part for part in shapely.get_parts(geometry) if shapely.get_dimensions(part) == dimension]
    return shapely.union_all(parts)


def _cells(area: Any, side: float) -> Iterator[tuple[int, int]]:
    """(column, row) of the cells that meet `area`, row by row from the south."""
    import numpy as np  # 0.1 s
    import shapely  # loaded already

    shapely.prepare(area)
    west, south, east, north = area.bounds
    near = TOUCH_METRES
    west, south, east, north = west - near, south - near, east + near, north + near
    for row in range(math.ceil(south / side) - 1, math.floor(north / side) + 1):
        # The part of the area in this row, so that a long diagonal does not test every cell of its box.
        band = area.intersection(shapely.box(west - 1, row * side - near, east + 1, (row + 1) * side + near))
        if band.is_empty:
            continue
        low, high = band.bounds[0] - near, band.bounds[2] + near
        columns = np.arange(
            math.ceil((low - CENTRAL_EASTING) / side) - 1, math.floor((high - CENTRAL_EASTING) / side) + 1
        )
        lefts = CENTRAL_EASTING + columns * side - near
        rights = CENTRAL_EASTING + (columns + 1) * side + near
        meets = shapely.intersects(area, shapely.box(lefts, row * side - near, rights, (row + 1) * side + near))
        yield from ((int(column), row) for column in columns[meets])


def _zone(lon: float) -> int:
    return min(LAST_ZONE, math.floor((lon + 180) / ZONE_DEGREES) + 1)


def _projection(zone: int) -> Any:
    from pyproj import Transformer  # 0.1 s; keeps what it made for each thread

    return Transformer.from_crs("EPSG:4326", f"EPSG:{32600 + zone}", always_xy=True)


def _is_number(value: object) -> bool:
    number = sys.modules.get("numpy")
    generic: tuple[type, ...] = () if number is None else (number.integer, number.floating)
    return not isinstance(value, bool) and isinstance(value, (int, float, *generic))


def _grid_problems(resolution: object, tilesize: object, pad: object) -> Iterator[Problem]:
    if not _is_number(resolution) or not 0 < resolution < math.inf:  # type: ignore[operator]  # a number, as asked first
        yield Problem("resolution", f"expected metres a pixel, more than 0, got {shown(resolution)}")
    for name, value, least in (("tilesize", tilesize, 1), ("pad", pad, 0)):
        if type(value) is not int or value < least:
            yield Problem(name, f"expected a number of pixels, {least} or more, got {shown(value)}")


def _geometry(shape: Any, problems: list[Problem]) -> Any:
    import shapely  # 0.1 s
    import shapely.geometry  # the same

    try:
        mapping = shape if isinstance(shape, dict) else shape.__geo_interface__
        if mapping.get("type") == "FeatureCollection":
            parts = [shapely.geometry.shape(feature["geometry"]) for feature in mapping["features"]]
            geometry = shapely.union_all(parts)
        else:
            geometry = shapely.geometry.shape(mapping.get("geometry", mapping))
        geometry = shapely.make_valid(shapely.force_2d(geometry))
    except (AttributeError, KeyError, TypeError, ValueError, shapely.errors.ShapelyError):
        problems.append(Problem("shape", f"expected a geometry or GeoJSON, got {shown(shape)}"))
        return None
    if geometry.is_empty:
        problems.append(Problem("shape", "the geometry is empty"))
        return None
    west, south, east, north = geometry.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):  # noqa: PLR2004  # degrees
        given = f"{west:g}, {south:g} to {east:g}, {north:g}"
        problems.append(
            Problem("shape", f"expected longitudes from -180 to 180 and latitudes from -90 to 90, got {given}")
        )
        return None
    return geometry
