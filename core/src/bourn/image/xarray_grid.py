"""Where an xarray object lies: its spatial dimensions, and the grid that its coordinates make."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn.wording import reason_of, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    notes : sequence of str
        What looks like a CRS and is not understood.
    """

    dims: tuple[str, str] | None = None
    geobox: GeoBox | None = None
    problem: str | None = None
    notes: Sequence[str] = ()

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
    notes: list[str] = []
    if dims is None and not _crs_candidates(obj):
        return Placed()
    import odc.geo.xr  # noqa: F401  # registers .odc; 0.3 s to 5 s

    try:
        state = _without_crs_objects(obj).odc
        found, crs, geobox = state.spatial_dims, state.crs, state.geobox
    except Exception as error:  # noqa: BLE001  # odc-geo raises what pyproj and numpy do
        found, crs, geobox = None, None, None
        notes.append(f"odc-geo can't read the grid: {reason_of(error)}")
    if crs is None:
        crs = _crs_by_other_names(obj, notes)
    if dims is None:
        if crs is None or found is None:
            return Placed(notes=notes)
        dims = (str(found[0]), str(found[1]))
    where = _checked(obj, dims, crs, geobox)
    return attrs.evolve(where, notes=(*where.notes, *notes))


def _without_crs_objects(obj: Any) -> Any:
    """`obj` without an attribute ``crs`` that is not text, of which odc-geo warns."""
    if isinstance(obj.attrs.get("crs", ""), str):
        return obj
    bare = obj.copy(deep=False)
    del bare.attrs["crs"]
    return bare


CRS_NAMES = ("crs", "spatial_ref", "metpy_crs", "epsg", "proj:epsg", "proj:code")
"""Coordinates whose value may be a CRS: of satpy, MetPy, stackstac and others."""

CRS_ATTRIBUTES = ("crs", "crs_wkt", "spatial_ref", "epsg", "proj:epsg", "proj:code", "proj4", "proj4_string", "area")
"""Attributes whose value may be a CRS. satpy has an area with a ``crs``."""


def _crs_candidates(obj: Any) -> list[tuple[str, Any]]:
    """(where, what) of everything that looks like a CRS, the surest first."""
    variables = dict(obj.coords)
    described = [obj]
    if hasattr(obj, "data_vars"):
        variables |= {name: variable for name, variable in obj.data_vars.items() if variable.ndim == 0}
        described += list(obj.data_vars.values())
    named = [part.attrs.get("grid_mapping", part.encoding.get("grid_mapping")) for part in described]
    mappings = [text.partition(":")[0].strip() for text in named if isinstance(text, str)]
    found: list[tuple[str, Any]] = []
    for name in [*mappings, *(name for name in variables if name not in mappings)]:
        variable = variables.get(name)
        if variable is None or variable.ndim:
            continue
        attributes = variable.attrs
        where = f"the coordinate {name}"
        texts = [attributes.get(key) for key in ("crs_wkt", "spatial_ref", "proj4_params", "epsg_code")]
        texts += [dict(attributes) if attributes.get("grid_mapping_name") else None]
        if not any(texts) and name in CRS_NAMES:
            texts = [_crs_value(str(name), variable.values[()])]
        found += [(where, text) for text in texts if text is not None and not (isinstance(text, str) and not text)]
    return found + _crs_attributes(described)


def _crs_attributes(described: Sequence[Any]) -> list[tuple[str, Any]]:
    found = []
    for part in described:
        values = {key: part.attrs.get(key) for key in CRS_ATTRIBUTES}
        values["area"] = getattr(values["area"], "crs", values["area"])
        found += [(f"the attribute {key}", value) for key, value in values.items() if value is not None]
    return found


def _crs_value(name: str, value: Any) -> Any:
    """A CRS that is the value of a coordinate. A small number is the usual filling of a grid mapping, and none."""
    if hasattr(type(value), "to_pyproj"):  # MetPy's
        return value.to_pyproj()
    filling = isinstance(value, np.number) and "epsg" not in name and value < 1024  # noqa: PLR2004  # EPSG's least code
    return None if filling else value


def _crs_by_other_names(obj: Any, notes: list[str]) -> Any:
    """The CRS that odc-geo does not find; a note on each that is not understood."""
    from bourn.image.crs import crs_of  # odc.geo is loaded

    for where, value in _crs_candidates(obj):
        try:
            return crs_of(value)
        except ValueError:
            notes.append(f"{where} looks like a CRS and is not understood: {shown(value)}")
    return None


def _checked(obj: Any, dims: tuple[str, str], crs: Any, geobox: Any) -> Placed:
    problem = None
    if isinstance(geobox, sys.modules["odc.geo.gcp"].GCPGeoBox):
        problem = "it is placed by ground control points: reproject it onto a grid, or give geobox="
    empty = [dim for dim in dims if obj.sizes[dim] == 0]
    if empty:
        problem = f"it has no pixels: its length along {empty[0]!r} is 0"
    if problem is not None:
        return Placed(dims, None, problem)
    # Asked for by `in`: .coords.get makes up 0, 1, 2, ... for a dimension that has no coordinate.
    axes = [obj.coords[dim] for dim in dims if dim in obj.coords]
    if len(axes) < len(dims) or any(axis.ndim != 1 for axis in axes):
        return _without_axes(obj, dims, geobox)
    for dim, axis in zip(dims, axes, strict=True):
        fault = _unevenness(np.asarray(axis.values))
        if fault is not None:
            problem = f"its coordinate {dim!r} is not evenly spaced: {fault}; reproject it onto a grid"
            return Placed(dims, None, None if crs is None else problem)
    ys, xs = (np.asarray(axis.values, float) for axis in axes)
    if geobox is None and min(ys.size, xs.size) > 1:
        geobox = _from_axes(ys, xs, crs)
    if geobox is None and crs is not None:
        short = next(dim for dim, axis in zip(dims, axes, strict=True) if axis.size == 1)
        problem = (
            f"one pixel along {short!r} tells no pixel size, and spatial_ref has no GeoTransform; "
            "take it from two pixels or more, or give geobox="
        )
        return Placed(dims, None, problem)
    return _in_units_of_crs(_fitted(geobox, ys, xs), crs, dims, axes)


def _from_axes(ys: Any, xs: Any, crs: Any) -> Any:
    """The grid of evenly spaced coordinates of pixel centres."""
    from affine import Affine  # comes with odc.geo
    from odc.geo.geobox import GeoBox

    a, e = (xs[-1] - xs[0]) / (xs.size - 1), (ys[-1] - ys[0]) / (ys.size - 1)
    return GeoBox((ys.size, xs.size), Affine(a, 0.0, xs[0] - a / 2, 0.0, e, ys[0] - e / 2), crs)


METRES = {
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), 1.0),
    **dict.fromkeys(("km", "kilometre", "kilometres", "kilometer", "kilometers"), 1000.0),
    "cm": 0.01, "mm": 0.001, "ft": 0.3048, "foot": 0.3048, "feet": 0.3048, "us_survey_foot": 1200 / 3937,
}  # fmt: skip
RADIANS = {
    **dict.fromkeys(("rad", "radian", "radians"), 1.0),
    **dict.fromkeys(("urad", "microradian", "microradians"), 1e-6),
}
DEGREES = ("", "1", "deg", "degree", "degrees", "degrees_north", "degrees_east", "degree_north", "degree_east")


def _in_units_of_crs(geobox: Any, crs: Any, dims: tuple[str, str], axes: Sequence[Any]) -> Placed:
    """The grid with its transform in units of its CRS, of which the coordinates may be in others."""
    if geobox is None:
        return Placed(dims)
    if crs is None:
        return Placed(dims, geobox)
    from affine import Affine  # comes with odc.geo
    from odc.geo.geobox import GeoBox

    factors, notes = [], []
    for dim, axis in zip(dims, axes, strict=True):
        unit = axis.attrs.get("units")
        factor = _unit_factor(unit.strip().lower(), crs) if isinstance(unit, str) else 1.0
        if factor is None:
            notes.append(f"the unit {shown(unit)} of {dim!r} is not understood, and taken for that of the CRS")
        factors.append(1.0 if factor is None else factor)
    if factors == [1.0, 1.0] and geobox.crs is not None:
        return Placed(dims, geobox, notes=notes)
    return Placed(dims, GeoBox(geobox.shape, Affine.scale(factors[1], factors[0]) * geobox.affine, crs), notes=notes)


def _unit_factor(unit: str, crs: Any) -> float | None:
    """What coordinates in `unit` are multiplied with to be in units of the CRS; None of a unit that is not known."""
    axes = crs.proj.axis_info
    own = axes[0].unit_conversion_factor if axes else 1.0  # in metres, or radians
    if not crs.projected:
        return 1.0 if unit in DEGREES else RADIANS[unit] / own if unit in RADIANS else None
    if unit in METRES:
        return METRES[unit] / own
    operation = crs.proj.coordinate_operation
    height = [p.value for p in operation.params if p.name == "Satellite Height"] if operation is not None else []
    if unit in RADIANS and height:
        return float(RADIANS[unit] * height[0] / own)  # a geostationary satellite's scanning angle
    return 1.0 if unit in DEGREES else None


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
