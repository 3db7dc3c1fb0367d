"""Attributes by the conventions of CF 1.11: grid mapping, axes, and only values that a file can hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from bourn_cubes.report import Report

__all__ = ["with_conventions"]

CONVENTIONS = "CF-1.11"
KEPT_ENCODING = {"_FillValue", "grid_mapping", "units", "calendar"}
PACKING = {"scale_factor", "add_offset"}


def with_conventions(dataset: xr.Dataset, report: Report) -> xr.Dataset:
    """Return the dataset with the attributes that CF demands; the caller's objects are not changed."""
    dataset = dataset.copy()
    mapping = _grid_mapping(dataset)
    for name, variable in dataset.variables.items():
        _set_encoding(dataset[name].variable, str(name), report)
        variable.attrs = _plain(variable.attrs, str(name), report)
        if mapping is not None and name in dataset.data_vars and mapping[1] <= set(variable.dims):
            variable.attrs.pop("grid_mapping", None)
            variable.encoding["grid_mapping"] = mapping[0]
    if mapping is not None:
        _describe_grid(dataset, mapping[0])
    dataset.attrs = {**_plain(dataset.attrs, "", report), "Conventions": CONVENTIONS}
    return dataset


def _set_encoding(variable: Any, name: str, report: Report) -> None:
    """Keep of what the variable remembers from its file only what concerns the values as they are now."""
    packed = PACKING & set(variable.encoding)
    if packed:
        report.name("encoding", name)
    is_time = variable.dtype.kind in "mM"
    kept = KEPT_ENCODING if is_time else KEPT_ENCODING - {"units", "calendar"}
    encoding = {key: value for key, value in variable.encoding.items() if key in kept}
    if packed or "_FillValue" in variable.attrs:
        encoding.pop("_FillValue", None)
    variable.encoding = encoding


def _grid_mapping(dataset: xr.Dataset) -> tuple[str, set[Any]] | None:
    """Return the name of the coordinate with the CRS, and the two dimensions of the grid."""
    for name, coordinate in dataset.coords.items():
        if not coordinate.dims and {"crs_wkt", "spatial_ref"} & set(coordinate.attrs):
            for pair in (("y", "x"), ("latitude", "longitude"), ("lat", "lon")):
                if set(pair) <= set(dataset.dims):
                    return str(name), set(pair)
    return None


def _describe_grid(dataset: xr.Dataset, name: str) -> None:
    from pyproj import CRS  # 0.1 s
    from pyproj.exceptions import CRSError

    attributes = dataset[name].attrs
    try:
        crs = CRS.from_wkt(str(attributes.get("crs_wkt", attributes.get("spatial_ref"))))
    except CRSError:
        return  # the text stays as it is
    dataset[name].attrs = {**crs.to_cf(), **attributes}
    for axis in crs.cs_to_cf():
        for dimension in ("x", "y", "longitude", "latitude", "lon", "lat"):
            if dimension in dataset.coords and _is_axis(dimension, axis.get("axis")):
                dataset[dimension].attrs = {**dataset[dimension].attrs, **axis}


def _is_axis(dimension: str, axis: str | None) -> bool:
    return (axis == "X") == (dimension in {"x", "longitude", "lon"})


def _plain(attributes: Any, name: str, report: Report) -> dict[str, Any]:
    """Return attributes as netCDF has them: texts, numbers and lists of these; others as JSON, counted."""
    found: dict[str, Any] = {}
    for key, value in attributes.items():
        if isinstance(value, str | int | float | np.number) and not isinstance(value, bool):
            found[str(key)] = value
        elif isinstance(value, np.ndarray) and value.dtype.kind in "iuf" and value.ndim == 1:
            found[str(key)] = value.copy()
        elif isinstance(value, list | tuple) and value and _is_one_type(value):
            found[str(key)] = list(value)
        else:
            found[str(key)] = json.dumps(value, default=str)
            report.count("attributes", name or "dataset", 1)
    return found


def _is_one_type(values: Any) -> bool:
    return all(type(each) is str for each in values) or all(type(each) in (int, float) for each in values)
