"""Where an xarray object lies: its spatial dimensions, and the grid that its coordinates make."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

__all__ = ["Placed", "placed"]

SPATIAL = (("y", "x"), ("latitude", "longitude"), ("lat", "lon"), ("yc", "xc"))
"""Names of dimensions that are spatial wherever they stand; others only together with a CRS."""

TOLERANCE = 0.01
"""Pixels by which a coordinate may be off an even spacing."""


@attrs.frozen
class Placed:
    """Where an xarray object lies.

    Attributes
    ----------
    dims : (str, str) or None
        The dimensions that are y and x; None where there are none.
    geobox : GeoBox or None
        South-up and rotated ones are as they are.
    problem : str or None
        Why there should be a grid and is none that can be trusted.
    """

    dims: tuple[str, str] | None = None
    geobox: GeoBox | None = None
    problem: str | None = None

    @property
    def has_grid(self) -> bool:
        """Whether the object is meant to lie somewhere."""
        return self.geobox is not None or self.problem is not None


def placed(obj: Any) -> Placed:
    """Where the DataArray or Dataset `obj` lies; nothing is computed but its coordinates.

    Only what coordinates say is trusted: a stored transform is stale after a strided slice. It gives the size
    of the pixels along axes of one pixel, and the rotation.
    """
    dims = next((pair for pair in SPATIAL if set(pair) <= set(obj.dims)), None)
    if dims is None and not _may_have_crs(obj):
        return Placed()
    import odc.geo.xr  # noqa: F401  # registers .odc; 0.3 s to 5 s

    state = obj.odc
    found = state.spatial_dims
    if found is None:
        return Placed(dims)
    if dims is None:
        if state.crs is None:
            return Placed()
        dims = (str(found[0]), str(found[1]))
    return _checked(obj, dims, state)


def _may_have_crs(obj: Any) -> bool:
    if "crs" in obj.attrs or "grid_mapping" in obj.attrs or "grid_mapping" in obj.encoding:
        return True
    return any(c.ndim == 0 and ("spatial_ref" in c.attrs or "crs_wkt" in c.attrs) for c in obj.coords.values())


def _checked(obj: Any, dims: tuple[str, str], state: Any) -> Placed:
    geobox = state.geobox
    gcps = sys.modules["odc.geo.gcp"].GCPGeoBox
    if isinstance(geobox, gcps):
        return Placed(dims, None, "it is placed by ground control points: reproject it onto a grid, or give geobox=")
    # Asked for by `in`: .coords.get makes up 0, 1, 2, ... for a dimension that has no coordinate.
    axes = [obj.coords[dim] for dim in dims if dim in obj.coords]
    if len(axes) < len(dims) or any(axis.ndim != 1 for axis in axes):
        return _without_axes(obj, dims, geobox)
    for dim, axis in zip(dims, axes, strict=True):
        fault = _unevenness(np.asarray(axis.values))
        if fault is not None:
            if state.crs is None:
                return Placed(dims)
            return Placed(dims, None, f"its coordinate {dim!r} is not evenly spaced: {fault}; reproject it onto a grid")
    if geobox is None and state.crs is not None:
        short = [dim for dim, axis in zip(dims, axes, strict=True) if axis.size == 1]
        problem = (
            f"one pixel along {short[0]!r} tells no pixel size, and spatial_ref has no GeoTransform; "
            "take it from two pixels or more, or give geobox="
            if short
            else "no grid can be made of its coordinates"
        )
        return Placed(dims, None, problem)
    return Placed(dims, _fitted(geobox, *(np.asarray(axis.values, float) for axis in axes)))


def _fitted(geobox: Any, ys: Any, xs: Any) -> Any:
    """`geobox`, or one whose pixel size comes from the ends of the axes.

    odc-geo takes it from the first two coordinates: in float32 their rounding adds up to many pixels at the far end.
    """
    if geobox is None or geobox.affine.b or geobox.affine.d:
        return geobox
    a, _, c, _, e, f, *_ = geobox.affine
    far_x, far_y = c + a * (xs.size - 0.5), f + e * (ys.size - 0.5)
    if abs(far_x - xs[-1]) <= abs(a) * TOLERANCE and abs(far_y - ys[-1]) <= abs(e) * TOLERANCE:
        return geobox
    from affine import Affine  # comes with odc.geo
    from odc.geo.geobox import GeoBox

    a = (xs[-1] - xs[0]) / (xs.size - 1) if xs.size > 1 else a
    e = (ys[-1] - ys[0]) / (ys.size - 1) if ys.size > 1 else e
    return GeoBox(geobox.shape, Affine(a, 0.0, xs[0] - a / 2, 0.0, e, ys[0] - e / 2), geobox.crs)


def _unevenness(values: np.ndarray[Any, Any]) -> str | None:
    """What keeps `values` from being one axis of a grid, or None."""
    if values.dtype.kind not in "iuf":
        return f"it holds {values.dtype}"
    values = values.astype(float) if values.dtype.kind != "f" else values
    if not np.isfinite(values).all():
        return "it holds NaN or infinities"
    if values.size < 2:  # noqa: PLR2004  # one pixel is as even as can be
        return None
    wide = values.astype(float)
    step = (wide[-1] - wide[0]) / (wide.size - 1)
    if step == 0:
        return "it begins and ends at the same value"
    rounding = 2 * float(np.finfo(values.dtype).eps) * float(np.abs(wide).max())
    off = np.abs(wide - (wide[0] + step * np.arange(wide.size)))
    worst = int(off.argmax())
    if off[worst] <= abs(step) * TOLERANCE + rounding:
        return None
    return f"{values[worst]} at index {worst} is {off[worst] / abs(step):.2g} pixels off"


def _without_axes(obj: Any, dims: tuple[str, str], geobox: Any) -> Placed:
    """A rotated grid that rioxarray opened: 2-D coordinates of pixel centres and a stored transform."""
    pair = [
        next((c for name, c in obj.coords.items() if c.dims == dims and str(name).lower().startswith(letter)), None)
        for letter in ("y", "x")
    ]
    if geobox is None:
        return Placed(dims)
    if any(axis is None for axis in pair):
        hint = "add them, as odc.geo.xr.xr_coords(geobox) makes them, or give geobox="
        return Placed(dims, None, f"it has no coordinates, only a stored transform, which a slice makes stale: {hint}")
    ys, xs = (np.asarray(axis.values, float) for axis in pair if axis is not None)
    height, width = ys.shape
    a, b, c, d, e, f, *_ = geobox.affine
    size = abs(a) + abs(b) + abs(d) + abs(e)
    for row, column in ((0, 0), (height - 1, 0), (0, width - 1), (height - 1, width - 1)):
        x = a * (column + 0.5) + b * (row + 0.5) + c
        y = d * (column + 0.5) + e * (row + 0.5) + f
        if abs(x - xs[row, column]) + abs(y - ys[row, column]) > size * TOLERANCE:
            hint = "slice it before the transform is stored, or give geobox="
            return Placed(
                dims, None, f"its coordinates contradict its stored transform, which a slice made stale: {hint}"
            )
    return Placed(dims, geobox)
