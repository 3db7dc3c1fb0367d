"""Turning a south-up grid round, so that the first row is the northernmost."""

from __future__ import annotations

from typing import Any

__all__ = ["is_south_up", "north_up"]


def is_south_up(geobox: Any) -> bool:
    """Whether rows run from south to north; a rotated grid is neither, and stays as it is."""
    a, b, _, d, e, *_ = geobox.affine
    return bool(b == 0 and d == 0 and a != 0 and e > 0)


def north_up(geobox: Any) -> Any:
    """The same grid counted from its last row; the pixels must be turned with it."""
    from affine import Affine  # comes with odc.geo
    from odc.geo.geobox import GeoBox  # loaded already: this is one

    a, _, c, _, e, f, *_ = geobox.affine  # not rotated, so the others are 0
    height = geobox.shape[0]
    return GeoBox(geobox.shape, Affine(a, 0.0, c, 0.0, -e, f + e * height), geobox.crs)
