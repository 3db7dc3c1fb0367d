"""An xarray object out of an image: with coordinates as odc-geo makes them, and lazy if the image is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bourn.image.pixels import is_dask
from bourn.image.xarray_attributes import MASK

if TYPE_CHECKING:
    from bourn.image.image import Image

__all__ = ["xarray_from_image"]


def xarray_from_image(image: Image) -> Any:
    """The DataArray (band, y, x) of which `Image.from_xarray` makes this image again.

    Returns
    -------
    xarray.DataArray
        Masked pixels are NaN in a float dtype, nodata where all bands have it; else the mask is the coordinate
        ``masked``. What is known of bands is in the coordinates ``kind``, ``nodata``, ``scale``, ``offset``, ``unit``
        and ``description`` along ``band``; a nodata value that all bands share also in the attribute ``nodata``.
    xarray.Dataset
        Where bands are of unlike dtypes: one variable a band.
    """
    import xarray as xr  # 0.7 s

    dims, coords = _coordinates(image)
    attributes = {key: value for key, value in image.properties.items() if key != "date"}
    if len(set(image.dtypes)) == 1:
        array, mask = _filled(image.array, image.mask, image.nodata)
        if mask is not None:
            coords[MASK] = (dims if mask.ndim == 2 else ("band", *dims), mask)  # noqa: PLR2004  # (y, x)
        coords["band"] = list(image.bands)
        coords.update(_band_coordinates(image))
        shared = set(map(str, image.nodata))
        if len(shared) == 1 and image.nodata[0] is not None:
            attributes["nodata"] = image.nodata[0]
        return xr.DataArray(array, dims=("band", *dims), coords=coords, attrs=attributes)
    variables = {}
    mask, nodata_holds_mask = image.mask, True
    for index, name in enumerate(image.bands):
        own = mask if mask is None or mask.ndim == 2 else mask[index]  # noqa: PLR2004  # (y, x)
        layer, remaining = _filled(image.band(name), own, image.nodata[index : index + 1])
        nodata_holds_mask = nodata_holds_mask and remaining is None
        variables[name] = xr.DataArray(layer, dims=dims, attrs=_attributes(image, name))
    if not nodata_holds_mask:
        coords[MASK] = (dims if mask.ndim == 2 else ("band", *dims), mask)  # noqa: PLR2004  # (y, x)
    return xr.Dataset(variables, coords=coords, attrs=attributes)


def _coordinates(image: Image) -> tuple[tuple[str, str], dict[Any, Any]]:
    coords: dict[Any, Any] = {}
    dims = ("y", "x")
    if image.geobox is not None:
        from odc.geo.xr import xr_coords  # 0.3 s to 5 s

        coords.update(xr_coords(image.geobox))
        first, second = image.geobox.dimensions
        dims = (str(first), str(second))
    if image.date is not None:
        coords["time"] = np.datetime64(image.date.replace(tzinfo=None), "us")
    return dims, coords


def _band_coordinates(image: Image) -> dict[str, Any]:
    """The facts of all bands as coordinates along ``band``.

    All of them always, since xarray joins only what has the same coordinates; the rarer ones where a band has them.
    """
    facts = [image.bandinfo[name] for name in image.bands]
    columns: dict[str, list[Any]] = {
        "kind": [known["kind"] for known in facts],
        "nodata": [known.get("nodata") for known in facts],
        "scale": [float(known.get("scale", 1.0)) for known in facts],
        "offset": [float(known.get("offset", 0.0)) for known in facts],
        "unit": [known.get("unit", "") for known in facts],
        "description": [known.get("description", "") for known in facts],
    }
    if any("color" in known for known in facts):
        columns["color"] = [known.get("color", "") for known in facts]
    if any("opaque" in known for known in facts):
        columns["opaque"] = [known.get("opaque") for known in facts]
    return {name: ("band", _numbers(values) if None in values else values) for name, values in columns.items()}


def _numbers(values: list[Any]) -> Any:
    """NaN for None, where all values are exact as float64."""
    numbers = np.array([math.nan if value is None else value for value in values])
    if all(value is None or value == number for value, number in zip(values, numbers.tolist(), strict=True)):
        return numbers
    return np.array(values, object)


def _attributes(image: Image, name: str) -> dict[str, Any]:
    """The facts of one band as attributes of its variable, by CF where it has a name for them."""
    facts = image.bandinfo[name]
    usual = "mask" if image.band(name).dtype.kind == "b" else "data"
    found: dict[str, Any] = {"kinds": facts["kind"]} if facts["kind"] != usual else {}
    names = {"nodata": "nodata", "scale": "scale_factor", "offset": "add_offset", "unit": "units",
             "description": "long_name"}  # fmt: skip
    return found | {attribute: facts[fact] for fact, attribute in names.items() if fact in facts}


def _filled(pixels: Any, mask: Any, nodata: tuple[Any, ...]) -> tuple[Any, Any]:
    """(pixels with the mask in them, None), or (pixels, mask) where no value can say it."""
    if mask is None:
        return pixels, None
    kind = pixels.dtype.kind
    if kind not in "fc" and any(value is None for value in nodata):
        return pixels, mask
    values = [math.nan if value is None else value for value in nodata]
    fill: Any = np.array(values, pixels.dtype)
    fill = fill[:, None, None] if pixels.ndim == 3 else fill[0]  # noqa: PLR2004  # (band, y, x)
    if is_dask(pixels) or is_dask(mask):
        import dask.array as da  # loaded already

        return da.where(mask, fill, pixels), None
    return np.where(mask, fill, pixels), None
