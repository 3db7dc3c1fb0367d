"""An image out of an xarray object: bands, date, grid, mask and facts, by xarray's, GDAL's and CF's conventions."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn.errors import Problem, RequestError
from bourn.image.array_input import split_array
from bourn.image.components import ImageParts
from bourn.image.date import utc
from bourn.image.nodata import masked_where_missing
from bourn.image.north_up import is_south_up, north_up
from bourn.image.pixels import ArrayPixels, is_dask
from bourn.image.xarray_attributes import MASK, BandFacts, kept_attributes
from bourn.image.xarray_grid import Placed, placed
from bourn.nested import worded_key
from bourn.wording import listed, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

__all__ = ["parts_of_xarray"]

CHUNK_ROWS = 512
"""Rows that are read at a time of an xarray object that is still in a file."""

BAND_DIMS = ("band", "bands", "variable", "channel", "channels")
TIME_DIMS = ("time", "t", "date", "datetime")


@attrs.define
class _Parts:
    """What is gathered of an xarray object on its way to becoming an image."""

    arrays: list[Any]
    mask: Any
    bands: tuple[str, ...] | None
    facts: list[dict[str, Any]]
    mask_is_whole: bool
    date: dt.datetime | None
    notes: list[str]


def parts_of_xarray(obj: Any) -> ImageParts:
    """The image that a DataArray or a Dataset with spatial dimensions is; see `Image.from_xarray`."""
    import xarray as xr  # loaded already, unless `obj` is something else

    if not isinstance(obj, xr.DataArray | xr.Dataset):
        raise RequestError([Problem("image", f"expected an xarray DataArray or Dataset, got {shown(obj)}")])
    where = placed(obj)
    obj = _unread(obj, where)
    problems: list[Problem] = []
    if where.problem is not None:
        problems.append(Problem("image.geobox", where.problem))
    parts = _of_dataset(obj, where, problems) if isinstance(obj, xr.Dataset) else _of_array(obj, where, problems)
    if problems or parts is None:
        raise RequestError(problems, about="the image")
    return _assembled(parts, where, kept_attributes(obj.attrs))


def _unread(obj: Any, where: Placed) -> Any:
    """`obj` with dask arrays in place of what xarray has still in a file, and would read whole on the first touch."""
    import xarray as xr  # loaded already

    variables = obj.data_vars.values() if isinstance(obj, xr.Dataset) else [obj]
    held = (variable.variable for variable in variables)
    # Arrays of pandas' types are in memory, and are no arrays for dask.
    if all(each._in_memory or each.chunks is not None or not hasattr(each.dtype, "byteorder") for each in held):  # noqa: SLF001  # the only way to ask
        return obj
    dims = where.dims or tuple(obj.sizes)
    return obj.chunk({dims[0]: CHUNK_ROWS} if dims else {})


def _of_array(obj: xr.DataArray, where: Placed, problems: list[Problem]) -> _Parts | None:
    notes: list[str] = []
    flat, date = _without_time(obj, problems, notes)
    dims = _dims(flat, where, problems)
    if dims is None:
        return None
    band_dim, *spatial = dims
    if band_dim is None:
        flat = flat.transpose(*spatial)
        arrays, count = flat.data[None], 1
    else:
        flat = flat.transpose(band_dim, *spatial)
        arrays, count = flat.data, flat.sizes[band_dim]
    pixels, inner = split_array(arrays, "image.array", problems)
    if pixels is None:
        return None
    bands, named_by_attribute = _band_names(flat, band_dim, count)
    facts, others = BandFacts(flat, band_dim, pixels.dtype, count, named_by_attribute, notes).read()
    own_mask = _mask_coordinate(flat, band_dim, spatial)
    mask = _joined(_joined(inner, own_mask), _equal_to(pixels, others))
    return _Parts([pixels], mask, bands, facts, own_mask is not None, date, notes)


def _of_dataset(obj: xr.Dataset, where: Placed, problems: list[Problem]) -> _Parts | None:
    parts = _Parts([], None, None, [], False, None, [])
    others: list[Any] = []
    names: list[str] = []
    for name, variable in obj.data_vars.items():
        path = f"image.bands{worded_key(name)}"
        if variable.ndim == 0 and ({"spatial_ref", "crs_wkt", "grid_mapping_name"} & set(variable.attrs)):
            continue  # the CRS, as a data variable
        flat, date = _without_time(variable, problems, parts.notes)
        spatial = where.dims or ((str(flat.dims[0]), str(flat.dims[1])) if flat.ndim == 2 else None)  # noqa: PLR2004  # (y, x)
        if spatial is None or set(flat.dims) != set(spatial):
            problems.append(Problem(path, _extra(flat, spatial or ("y", "x"), "leave it out with .drop_vars")))
            continue
        flat = flat.transpose(*spatial)
        pixels, inner = split_array(flat.data, path, problems)
        if pixels is None:
            continue
        if inner is not None:
            problems.append(Problem(path, "a masked array in a Dataset can't be kept: fill it, or use NaN"))
        parts.arrays.append(pixels)
        parts.date = parts.date or date
        facts, further = BandFacts(flat, None, pixels.dtype, 1, notes=parts.notes).read()
        parts.facts += facts
        others.append(_equal_to(pixels[None], further))
        names.append(str(name))
    if parts.arrays:
        dims = where.dims or tuple(map(str, flat.dims))
        parts.mask = _mask_coordinate(obj, "band", dims)
        parts.mask_is_whole = parts.mask is not None
        if parts.mask is not None and parts.mask.ndim == 3 and parts.mask.shape[0] != len(names):  # noqa: PLR2004  # (band, y, x)
            problems.append(
                Problem("image.mask", f"its {parts.mask.shape[0]} bands are not the {len(names)} variables")
            )
        parts.mask = _joined(_of_layers(parts.arrays, others), parts.mask)
    if not names and not problems:
        problems.append(Problem("image.bands", "the Dataset has no variables"))
    parts.bands = tuple(names)
    return parts if parts.arrays else None


def _assembled(parts: _Parts, where: Placed, attributes: dict[str, Any]) -> ImageParts:
    stack = parts.arrays[0] if parts.arrays[0].ndim == 3 else None  # noqa: PLR2004  # (band, y, x)
    layers = () if stack is not None else tuple(parts.arrays)
    geobox, mask = where.geobox, parts.mask
    if geobox is not None and is_south_up(geobox):
        geobox = north_up(geobox)
        stack = None if stack is None else stack[:, ::-1]
        layers = tuple(layer[::-1] for layer in layers)
        mask = None if mask is None else mask[..., ::-1, :]
    pixels = ArrayPixels(stack=stack, layers=layers, given_mask=mask)
    count, height, width = pixels.shape
    if 0 in (count, height, width):
        raise RequestError([Problem("image.array", f"an image has one pixel at least, got the shape {pixels.shape}")])
    bands = parts.bands or tuple(f"band_{number}" for number in range(1, count + 1))
    if parts.date is not None:
        attributes["date"] = parts.date
    bandinfo = dict(zip(bands, parts.facts, strict=True))
    return ImageParts(
        pixels=pixels, bands=bands, geobox=geobox, properties=attributes, bandinfo=bandinfo,
        by_nodata=not parts.mask_is_whole, notes=tuple(dict.fromkeys((*where.notes, *parts.notes))),
    )  # fmt: skip


def _without_time(
    obj: xr.DataArray, problems: list[Problem], notes: list[str]
) -> tuple[xr.DataArray, dt.datetime | None]:
    """`obj` without a time dimension of length 1, and the date of that or of a scalar coordinate."""
    chosen = None
    for dim in obj.dims:
        coordinate = obj.coords.get(dim)
        is_time = dim in TIME_DIMS or (coordinate is not None and coordinate.dtype.kind == "M")
        if not is_time:
            continue
        length = obj.sizes[dim]
        if length == 1:
            obj, chosen = obj.isel({dim: 0}), dim
            break
        hint = f".isel({dim}=0)"
        if coordinate is not None and coordinate.dtype.kind == "M" and length:
            hint += f" or .sel({dim}={str(coordinate.values[0])[:10]!r})"
        message = f"it has {length} steps along {str(dim)!r}, and an image has one: select one, such as {hint}"
        problems.append(Problem("image.array", message))
        return obj.isel({dim: 0}) if length else obj, None
    return obj, _date(obj, chosen, problems, notes)


def _date(obj: xr.DataArray, dim: Any, problems: list[Problem], notes: list[str]) -> dt.datetime | None:
    """The date of the scalar coordinate that is the time: that of the dimension, ``time``, by CF, or the only one."""
    times = {name: _moment(coordinate) for name, coordinate in obj.coords.items() if coordinate.ndim == 0}
    times = {name: value for name, value in times.items() if value is not None}
    by_standard = [name for name in times if obj.coords[name].attrs.get("standard_name") == "time"]
    choices = [name for name in (dim, *by_standard, *TIME_DIMS) if name in times]
    if by_standard and "time" in times and dim is None:
        choices = ["time"] if "time" in by_standard else by_standard
    if not choices and len(times) > 1:
        notes.append(f"the date is not known: which of {listed(map(str, times))} is the time of the image?")
        return None
    name = choices[0] if choices else next(iter(times), None)
    if name is None:
        return None
    try:
        return utc(times[name])
    except ValueError as fault:
        problems.append(Problem('image.properties["date"]', str(fault)))
        return None


def _moment(coordinate: Any) -> Any:
    """The value of a scalar coordinate that is a time; None of any other."""
    value = coordinate.values[()]
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else value
    if isinstance(value, dt.datetime) or (isinstance(value, str) and coordinate.name in TIME_DIMS):
        return value
    calendar = getattr(type(value), "calendar", None) and value.calendar  # of cftime's datetimes
    return value.isoformat() if calendar in {"standard", "gregorian", "proleptic_gregorian"} else None


def _dims(obj: xr.DataArray, where: Placed, problems: list[Problem]) -> tuple[str | None, str, str] | None:
    """(band dimension or None, y, x)."""
    dims = [str(dim) for dim in obj.dims]
    if where.dims is None:
        others = [dim for dim in dims if dim not in BAND_DIMS]
        if len(others) != 2:  # noqa: PLR2004  # y and x
            hint = "name the spatial ones y and x"
            problems.append(Problem("image.array", f"which of the dimensions {listed(dims)} are y and x? {hint}"))
            return None
        spatial = (others[0], others[1])
    else:
        spatial = where.dims
    rest = [dim for dim in dims if dim not in spatial]
    if len(rest) > 1 or (rest and rest[0] not in BAND_DIMS):
        problems.append(Problem("image.array", _extra(obj, spatial, "rename it to 'band'")))
        return None
    return (rest[0] if rest else None), *spatial


def _extra(obj: Any, spatial: Sequence[str], otherwise: str) -> str:
    extra = [str(dim) for dim in obj.dims if dim not in spatial and dim not in BAND_DIMS[:2]]
    lacking = [dim for dim in spatial if dim not in obj.dims]
    if lacking:
        return f"it has no dimension {listed(map(repr, lacking))}: {otherwise}"
    chosen = ", ".join(f"{dim}=0" for dim in extra) or "band=0"
    names = listed(map(repr, extra)) if extra else "'band'"
    return f"an image has no dimension {names}: select along it, such as .isel({chosen}), or {otherwise}"


def _equal_to(pixels: Any, values: Sequence[tuple[Any, ...]]) -> Any:
    """Where pixels (band, y, x) have one of the further values that mean no data; None where there are none."""
    if not any(values):
        return None
    layers = []
    for layer, own in zip(pixels, values, strict=True):
        mask = _no_mask(layer)
        for value in own:
            mask = mask | masked_where_missing([layer], (value,))[0]
        layers.append(mask)
    return _stacked(layers)


def _of_layers(layers: Sequence[Any], masks: Sequence[Any]) -> Any:
    """One mask (band, y, x) of those that some layers have, each (1, y, x); None if none has."""
    if all(mask is None for mask in masks):
        return None
    return _stacked([_no_mask(layer) if mask is None else mask[0] for layer, mask in zip(layers, masks, strict=True)])


def _no_mask(layer: Any) -> Any:
    return np.zeros(layer.shape, bool) if isinstance(layer, np.ndarray) else layer.astype(bool) & False


def _stacked(masks: Sequence[Any]) -> Any:
    if all(isinstance(mask, np.ndarray) for mask in masks):
        return np.stack(masks)
    import dask.array as da  # loaded already: some mask is a dask array

    return da.stack(masks)


def _band_names(obj: xr.DataArray, dim: str | None, count: int) -> tuple[tuple[str, ...] | None, bool]:
    """(names or None, whether they are the attribute ``long_name``)."""
    coordinate = obj.coords.get(dim if dim is not None else "band")
    if coordinate is not None and coordinate.ndim <= 1:
        names = np.atleast_1d(coordinate.values).tolist()
        if len(names) == count and all(isinstance(name, str) for name in names):
            return tuple(names), False
    given = obj.attrs.get("long_name")
    names = [given] if isinstance(given, str) else list(given) if isinstance(given, list | tuple) else []
    usable = all(isinstance(name, str) and name and name.isprintable() for name in names)
    if len(names) == count == len(set(names)) and usable:
        return tuple(names), True
    # An array made of a dask array has its name, with a hash at the end.
    own = obj.name
    if count == 1 and isinstance(own, str) and own and own.isprintable() and not re.search("-[0-9a-f]{32}$", own):
        return (own,), False
    return None, False


def _mask_coordinate(obj: xr.DataArray | xr.Dataset, band_dim: str | None, spatial: Sequence[str]) -> Any:
    """The coordinate ``masked`` that `to_xarray` makes where no value in the pixels can say 'masked'."""
    coordinate = obj.coords.get(MASK)
    if coordinate is None or coordinate.dtype != bool or not set(spatial) <= set(coordinate.dims):
        return None
    dims = [dim for dim in (band_dim, *spatial) if dim in coordinate.dims]
    if len(dims) != coordinate.ndim:
        return None
    return coordinate.transpose(*dims).data


def _joined(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return one | other if is_dask(one) or not is_dask(other) else other | one
