"""Moments and areas as people give them, for questions to the catalog."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from bourn.plugin import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["area_of", "moment_of", "utc"]


def utc(moment: datetime) -> datetime:
    """The moment in UTC; one without a zone is taken for it."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def moment_of(given: Any, path: str, problems: list[Problem], *, end: bool = False) -> datetime | None:
    """The moment that a datetime, a date or ISO 8601 text means; a day as the `end` of a time is all of it."""
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


def area_of(given: Any, path: str, problems: list[Problem]) -> Mapping[str, Any] | None:
    """GeoJSON in degrees of a geometry: GeoJSON, shapely's, odc-geo's in any CRS, or anything with a ``geobox``."""
    if given is None:
        return None
    from shapely.errors import ShapelyError  # GEOS: 0.1 s
    from shapely.geometry import mapping, shape

    try:
        shapes = getattr(given, "geobox", given)
        shapes = getattr(shapes, "geographic_extent", shapes)  # of a GeoBox
        if getattr(shapes, "crs", None) is not None and hasattr(shapes, "to_crs"):
            shapes = shapes.to_crs("EPSG:4326", resolution="auto")
        found = shape(getattr(shapes, "__geo_interface__", shapes))
        if not found.is_empty:
            told: Mapping[str, Any] = mapping(found)
            return told
        message = "expected a geometry, got an empty one"
    except (ShapelyError, AttributeError, KeyError, TypeError, ValueError, IndexError):
        message = f"expected GeoJSON or a geometry, got {type(given).__name__}"
    problems.append(Problem(path, message))
    return None
