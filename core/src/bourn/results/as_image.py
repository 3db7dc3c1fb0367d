"""Any result of the kind image as a `bourn.Image`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bourn.errors import RequestError, ResultRefused
from bourn.results.kinds import type_name

if TYPE_CHECKING:
    from bourn.image.image import Image

__all__ = ["as_image"]


def as_image(obj: Any) -> Image:
    """The image that `obj` is: itself, or made of an xarray object; lazy if it is.

    Raises
    ------
    ResultRefused
        It is no image; says why.

    Examples
    --------
    >>> as_image("picture.png")
    Traceback (most recent call last):
    bourn.errors.ResultRefused: expected an image, a bourn.Image or an xarray object with y and x, got str
    """
    from bourn.image.image import Image  # numpy: 0.1 s

    if isinstance(obj, Image):
        return obj
    xarray = sys.modules.get("xarray")
    if xarray is not None and isinstance(obj, xarray.DataArray | xarray.Dataset):
        try:
            return Image.from_xarray(obj)
        except RequestError as cause:
            msg = f"the xarray {type(obj).__name__} is no image: {cause.message}"
            raise ResultRefused(msg) from cause
    cls = type(obj)
    hint = (
        "; make one: bourn.Image(array, bands=[...], geobox=...)"
        if cls.__module__ in {"numpy", "dask.array.core"}
        else ""
    )
    msg = f"expected an image, a bourn.Image or an xarray object with y and x, got {type_name(cls)}{hint}"
    raise ResultRefused(msg)
