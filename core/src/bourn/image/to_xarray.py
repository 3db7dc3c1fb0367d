"""An xarray object out of an image: with coordinates as odc-geo makes them, and lazy if the image is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bourn.image.pixels import is_dask
from bourn.image.xarray_attributes import MASK, PER_BAND

if TYPE_CHECKING:
    from bourn.image.image import Image

__all__ = ["xarray_from_image"]


def xarray_from_image(image: Image) -> Any:
    """The DataArray (band, y, x) of which `Image.from_xarray` makes this image again.

    Returns
    -------
    xarray.DataArray
        Masked pixels are NaN in a float dtype, nodata where all bands have it; else the mask is the coordinate
        ``masked``. What is known of bands stands in the attributes ``nodata``, ``nodatavals``, ``scales``,
        ``offsets``, ``units``, ``descriptions`` and ``kinds``.
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
        return xr.DataArray(
            array, dims=("band", *dims), coords=coords, attrs={**attributes, **_facts(image, image.bands)}
        )
    variables = {}
    mask, told = image.mask, True
    for index, name in enumerate(image.bands):
        own = mask if mask is None or mask.ndim == 2 else mask[index]  # noqa: PLR2004  # (y, x)
        layer, untold = _filled(image.band(name), own, image.nodata[index : index + 1])
        told = told and untold is None
        variables[name] = xr.DataArray(layer, dims=dims, attrs=_facts(image, (name,)))
    if not told:
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


def _facts(image: Image, bands: tuple[str, ...]) -> dict[str, Any]:
    """Attributes that tell what is known of `bands`, as one value a band where any has one."""
    found: dict[str, Any] = {}
    usual = ["mask" if image.band(name).dtype.kind == "b" else "data" for name in bands]
    for fact, attribute in PER_BAND.items():
        values = tuple(image.bandinfo[name].get(fact) for name in bands)
        if fact == "nodata" or (fact == "kind" and list(values) == usual):
            continue
        if any(value is not None for value in values):
            found[attribute] = values
    nodata = tuple(image.bandinfo[name].get("nodata") for name in bands)
    if len({"nan" if value != value else value for value in nodata}) == 1:  # noqa: PLR0124  # NaN
        found |= {} if nodata[0] is None else {"nodata": nodata[0]}
    else:
        found["nodatavals"] = nodata
    return found


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
