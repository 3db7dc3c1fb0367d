"""Any result of the kind image as a `bourn.Image`, and on another grid."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bourn.errors import Problem, RequestError, ResultRefused
from bourn.results.kinds import type_name

if TYPE_CHECKING:
    from bourn.image.image import Image
    from bourn.image.target_grid import TargetGrid

__all__ = ["as_image", "put_on_grid"]


def as_image(obj: Any) -> Image:
    """The image that `obj` is: itself, or made of an xarray object; lazy if it is.

    Raises
    ------
    ResultRefused
        It is not an image; says why.

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
            msg = f"the xarray {type(obj).__name__} is not an image: {cause.message}"
            raise ResultRefused(msg) from cause
    cls = type(obj)
    hint = (
        "; make one: bourn.Image(array, bands=[...], geobox=...)"
        if cls.__module__ in {"numpy", "dask.array.core"}
        else ""
    )
    msg = f"expected an image, a bourn.Image or an xarray object with y and x, got {type_name(cls)}{hint}"
    raise ResultRefused(msg)


def put_on_grid(obj: Any, target: TargetGrid) -> tuple[Any, list[str]]:
    """A result that is an image on another grid, and notes for the plan; an xarray object stays one.

    Raises
    ------
    RequestError
        It is not an image, or can't be put on this grid.
    """
    from bourn.image.image import Image  # numpy: 0.1 s
    from bourn.image.reproject import reproject  # odc-geo: 0.5 s

    try:
        image = as_image(obj)
    except ResultRefused as error:
        raise RequestError([Problem("geobox", f"goes with an image: {error.message}")]) from error
    moved, notes = reproject(image, target.geobox_for(image), target.resampling)
    if moved is image or isinstance(obj, Image):
        return (obj if moved is image else moved), notes
    return moved.to_xarray(), notes
