"""Parse search queries strictly, with every problem at once: timestamps, areas, properties, limit."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

import attrs
from bourn.plugin import Problem, RequestError, option, read

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["parse_search_query", "parse_timestamp", "split_at_antimeridian", "utc"]

MOST_RESULTS = 2**31 - 1
"""Largest limit: of an SQL integer."""


@attrs.frozen
class _PlainQuery:
    """The part of a query that is JSON."""

    product_id: str | None = option(default=None, help="The id of a product.")
    properties: dict[str, Any] = option(factory=dict, help="Values that an image's properties must have.")
    limit: int | None = option(default=None, ge=0, le=MOST_RESULTS, help="How many images at most.")


def parse_search_query(*, start: Any, end: Any, geometry: Any, **plain: Any) -> dict[str, Any]:
    """Return the query with timestamps in UTC and the geometry as GeoJSON in degrees.

    Raises
    ------
    RequestError
        With every problem.

    Examples
    --------
    >>> parse_search_query(product_id=None, start=None, end="2020-01-01", geometry=None, properties={}, limit=-1)
    Traceback (most recent call last):
    bourn.errors.RequestError: limit: expected at least 0, got -1
    """
    query, problems = read(_PlainQuery, plain, at="")
    found = {
        "start": parse_timestamp(start, "start", problems),
        "end": parse_timestamp(end, "end", problems, end=True),
        "geometry": _parse_area(geometry, "geometry", problems),
    }
    if problems:
        raise RequestError(problems, about="the search")
    return {**attrs.asdict(query, recurse=False), **found}


def utc(timestamp: datetime) -> datetime:
    """Return a timestamp in UTC; a naive one is UTC."""
    return (timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)).astimezone(UTC)


def parse_timestamp(given: Any, path: str, problems: list[Problem], *, end: bool = False) -> datetime | None:
    """Return the timestamp of a datetime, a date or ISO 8601 text; a date as `end` is its last microsecond."""
    if given is None:
        return None
    try:
        found = given
        if isinstance(given, str):
            found = date.fromisoformat(given) if len(given) <= len("2026-01-01") else datetime.fromisoformat(given)
        if isinstance(found, datetime):
            return utc(found)
        if isinstance(found, date):
            return datetime.combine(found, time.max if end else time.min, tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    shown = repr(given) if isinstance(given, str | int | float) else type(given).__name__
    problems.append(Problem(path, f"expected a datetime, a date or ISO 8601 text, got {shown[:80]}"))
    return None


def _parse_area(given: Any, path: str, problems: list[Problem]) -> Mapping[str, Any] | None:
    """Return GeoJSON in degrees of GeoJSON, a shapely geometry, an odc-geo one, or anything with a ``geobox``."""
    if given is None:
        return None
    from pyproj.exceptions import ProjError  # 0.2 s
    from shapely.errors import ShapelyError  # GEOS: 0.1 s
    from shapely.geometry import mapping, shape

    try:
        shapes = getattr(given, "geobox", given)
        shapes = getattr(shapes, "geographic_extent", shapes)  # of a GeoBox
        if getattr(shapes, "crs", None) is not None and hasattr(shapes, "to_crs"):
            shapes = shapes.to_crs("EPSG:4326", resolution="auto")
        found = shape(getattr(shapes, "__geo_interface__", shapes))
        if found.is_empty:
            message = "expected a geometry, got an empty one"
        elif not all(map(math.isfinite, found.bounds)) or max(map(abs, found.bounds[1::2])) > 90:  # noqa: PLR2004  # degrees
            message = f"expected longitudes and latitudes in degrees, got the bounds {found.bounds}"
        else:
            area: Mapping[str, Any] = mapping(split_at_antimeridian(found))
            return area
    except (ShapelyError, ProjError, AttributeError, KeyError, TypeError, ValueError, IndexError):
        message = f"expected GeoJSON or a geometry, got {type(given).__name__}"
    problems.append(Problem(path, message))
    return None


def split_at_antimeridian(area: Any) -> Any:
    """Return a shapely geometry with longitudes of -180 to 180: the parts beyond are moved by 360 degrees.

    An area as wide as the globe becomes all longitudes.
    """
    import shapely  # GEOS: 0.1 s
    from shapely.affinity import translate  # the same

    west, _, east, _ = area.bounds
    if west >= -180 and east <= 180:  # noqa: PLR2004  # degrees
        return area
    parts = []
    for turn in range(math.floor((west + 180) / 360), math.floor((east + 180) / 360) + 1):
        part = area.intersection(shapely.box(360 * turn - 180, -90, 360 * turn + 180, 90))
        if not part.is_empty:
            parts.append(translate(part, xoff=-360 * turn))
    whole = shapely.union_all(parts)
    return whole if area.area == 0 or whole.area > 0 else area
