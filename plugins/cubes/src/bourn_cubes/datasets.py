"""Arrays, images and xarray objects as an `xarray.Dataset` by the conventions of CF."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from bourn.plugin import EncodeError, Image

from bourn_cubes.report import Report

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["dataset_of"]

NAME = "data"
"""The variable of an array without a name."""


def dataset_of(result: Any) -> tuple[xr.Dataset, Report]:
    """Return a dataset with what it takes of the result, lazy where the result is, and an empty report.

    Raises
    ------
    EncodeError
        A variable has a name or a dtype that netCDF does not have.
    """
    report = Report()
    if isinstance(result, Image):
        dataset = _dataset_of_image(result, report)
    elif isinstance(result, xr.Dataset):
        dataset = result.copy()
    elif isinstance(result, xr.DataArray):
        name = NAME if result.name is None or result.name in result.coords else result.name
        dataset = result.to_dataset(name=name)
    else:
        dataset = _dataset_of_array(result)
    for name, variable in dataset.variables.items():
        _check(name, variable, report)
    return dataset, report


def _dataset_of_array(result: Any) -> xr.Dataset:
    array = result if hasattr(result, "dtype") else np.asarray(result)
    dims = [f"dim_{number}" for number in range(array.ndim)]
    if not np.ma.isMaskedArray(array):
        return xr.Dataset({NAME: (dims, array)})
    mask = np.ma.getmaskarray(array)
    if array.dtype.kind == "f":
        return xr.Dataset({NAME: (dims, array.filled(math.nan))})
    return xr.Dataset({NAME: (dims, array.data, {"ancillary_variables": f"{NAME}_mask"}), **_mask(NAME, dims, mask)})


def _dataset_of_image(image: Image, report: Report) -> xr.Dataset:
    whole = image.to_xarray()
    dims = whole.dims[-2:] if isinstance(whole, xr.DataArray) else tuple(whole.sizes)[:2]
    kept = [name for name, coordinate in whole.coords.items() if set(coordinate.dims) <= set(dims) and name != "masked"]
    variables: dict[str, Any] = {}
    for index, name in enumerate(image.bands):
        mask = image.mask
        mask = mask[index] if mask is not None and mask.ndim == 3 else mask  # noqa: PLR2004  # (band, y, x)
        layer, nodata = image.band(name), image.nodata[index]
        attributes = _band_attributes(image.bandinfo[name])
        if mask is not None and nodata is None and layer.dtype.kind not in "fc":
            variables |= _mask(name, dims, mask)
            attributes["ancillary_variables"] = f"{name}_mask"
        elif mask is not None or (nodata is not None and layer.dtype.kind != "b"):
            nodata = math.nan if nodata is None else nodata
            layer = _filled(layer, mask, nodata, report, name)
        variables[name] = xr.Variable(dims, layer, attributes)
        if nodata is not None:
            variables[name].encoding["_FillValue"] = layer.dtype.type(nodata)
    attributes = {name: value for name, value in image.properties.items() if name != "date"}
    return xr.Dataset(variables, coords={name: whole.coords[name] for name in kept}, attrs=attributes)


def _band_attributes(facts: Any) -> dict[str, Any]:
    names = {"unit": "units", "description": "long_name", "scale": "scale_factor", "offset": "add_offset"}
    return {attribute: facts[fact] for fact, attribute in names.items() if fact in facts}


def _mask(name: str, dims: Any, mask: Any) -> dict[str, Any]:
    flags = {"long_name": f"mask of {name}", "flag_values": np.array([0, 1], "i1"), "flag_meanings": "valid masked"}
    return {f"{name}_mask": xr.Variable(dims, mask.astype("i1"), flags)}


def _filled(layer: Any, mask: Any, nodata: Any, report: Report, name: str) -> Any:
    """Return the layer with nodata where it is masked; valid pixels equal to nodata are counted."""

    def fill(pixels: Any, masked: Any = None) -> Any:
        if nodata == nodata:  # noqa: PLR0124  # NaN is no clash
            clash = pixels == nodata
            report.count("nodata_clash", name, int(np.count_nonzero(clash if masked is None else clash & ~masked)))
        return pixels if masked is None else np.where(masked, pixels.dtype.type(nodata), pixels)

    given = (layer,) if mask is None else (layer, mask)
    if not any(hasattr(each, "dask") for each in given):
        return fill(*given)
    import dask.array as da  # loaded already

    # Without `meta` dask would call `fill` to learn the dtype, and count that.
    return da.map_blocks(fill, *given, dtype=layer.dtype, meta=np.empty((0, 0), layer.dtype))


def _check(name: Hashable, variable: xr.Variable, report: Report) -> None:
    if not isinstance(name, str) or not name or "/" in name:
        raise EncodeError(f"result[{name!r}]: a variable of netCDF has a name that is a text without '/'")
    dtype = variable.dtype
    if dtype.kind == "c" or dtype.names is not None:
        raise EncodeError(f"result[{name!r}]: netCDF does not have the dtype {dtype}")
    if dtype.kind == "O" and not _is_text(variable):
        raise EncodeError(f"result[{name!r}]: netCDF does not have arrays of objects, but of texts")
    if dtype.kind == "b":
        report.name("bool", name)
    if dtype == np.float16:
        report.name("float16", name)


def _is_text(variable: xr.Variable) -> bool:
    return not hasattr(variable.data, "dask") and all(isinstance(each, str) for each in np.ravel(variable.values))
