"""Where an image lies, as boxes in degrees that an index can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bourn_catalog.records.tables import boxes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Dialect

__all__ = ["Box", "boxes_of", "found_in"]

Box = tuple[float, float, float, float]
"""West, south, east, north."""


def boxes_of(geometry: Mapping[str, Any]) -> Sequence[Box]:
    """One box for each part of a geometry (GeoJSON): at the antimeridian it has one on each side.

    Examples
    --------
    >>> boxes_of({"type": "Polygon", "coordinates": [[[0, 1], [2, 1], [2, 3], [0, 3], [0, 1]]]})
    [(0.0, 1.0, 2.0, 3.0)]
    """
    from shapely.geometry import shape  # GEOS: 0.1 s

    whole = shape(geometry)
    return [part.bounds for part in getattr(whole, "geoms", [whole])]


def found_in(
    dialect: Dialect, area: Sequence[Box], start: datetime | None, end: datetime | None
) -> ColumnElement[bool]:
    """The condition on a row of `boxes` to lie in one of these boxes, and in that time, by the database's own index.

    It may let a little more pass: what is near the edges is looked at again.
    """
    if dialect.name == "sqlite":
        return boxes.c.id.in_(_by_rtree(area, start, end))
    return sa.or_(*map(_by_gist, area))


_RTREE = sa.table("catalog_rtree", *map(sa.column, ("id", "west", "east", "south", "north", "first", "last")))


def _by_rtree(area: Sequence[Box], start: datetime | None, end: datetime | None) -> Any:
    tree, time = _RTREE.c, boxes.c.acquired_at.type
    lies = [
        sa.and_(tree.west <= east, tree.east >= west, tree.south <= north, tree.north >= south)
        for west, south, east, north in area
    ]
    chosen = sa.select(tree.id).where(sa.or_(*lies))
    if start is not None:
        chosen = chosen.where(tree.last >= sa.literal(start, time))
    if end is not None:
        chosen = chosen.where(tree.first <= sa.literal(end, time))
    return chosen


def _by_gist(box: Box) -> ColumnElement[bool]:
    west, south, east, north = box
    mine = sa.func.box(sa.func.point(boxes.c.west, boxes.c.south), sa.func.point(boxes.c.east, boxes.c.north))
    asked = sa.func.box(
        sa.func.point(sa.literal(west, sa.Double), sa.literal(south, sa.Double)),
        sa.func.point(sa.literal(east, sa.Double), sa.literal(north, sa.Double)),
    )
    return mine.op("&&", is_comparison=True)(asked)
