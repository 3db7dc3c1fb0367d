"""What a caller may give as `geobox=`: a grid, anything that has one, or a CRS with a resolution."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn.errors import Problem, RequestError
from bourn.image.grid_map import GridMap, TransformFailed
from bourn.image.reproject import checked_resampling
from bourn.wording import shown

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from bourn.image.image import Image

__all__ = ["TargetGrid", "target_grid"]

MOST_PIXELS = 1 << 31
"""Along a side of a grid that is made for a resolution: more is a mistake of units, such as metres for degrees."""


@attrs.frozen(kw_only=True)
class TargetGrid:
    """The grid that an image is to be put on, and how.

    Attributes
    ----------
    geobox : GeoBox or None
        None where the grid is made for the image, from the two that follow.
    crs : odc.geo.crs.CRS or None
    resolution : (float, float) or None
        Of a pixel, (x, y), both positive, in units of the CRS.
    resampling : str or None
    """

    geobox: GeoBox | None = None
    crs: Any = None
    resolution: tuple[float, float] | None = None
    resampling: str | None = None

    def geobox_for(self, image: Image) -> GeoBox:
        """The grid; one that covers `image` where it is given by CRS and resolution.

        Raises
        ------
        RequestError
            No such grid can be made.
        """
        if self.geobox is not None:
            return self.geobox
        if image.geobox is None or image.geobox.crs is None:
            raise RequestError([Problem("geobox", "the image has no CRS, so that it can't be put on another grid")])
        assert self.resolution is not None  # as there is no grid
        return _covering(image.geobox, self.crs, self.resolution)


def target_grid(given: object, resampling: object = None, hint: str = "") -> TargetGrid:
    """What was given as `geobox=` and `resampling=`.

    Parameters
    ----------
    given : object
        A GeoBox; an Image, a tile, or anything with a ``geobox``; an xarray object or a rasterio dataset with a grid;
        or a pair of a CRS and a resolution.
    resampling : str, optional
    hint : str
        For the message where it is none of these.

    Raises
    ------
    RequestError
        With each of the two that is wrong.
    """
    problems: list[Problem] = []
    how, grid = None, None
    try:
        how = checked_resampling(resampling)
    except RequestError as error:
        problems += error.problems
    try:
        grid = _grid_of(given, hint)
    except RequestError as error:
        problems += error.problems
    if problems or grid is None:
        raise RequestError(problems)
    return attrs.evolve(grid, resampling=how)


def _grid_of(given: Any, hint: str) -> TargetGrid:
    from odc.geo.geobox import GeoBox  # 0.3 s

    # The type is asked, never the object: even ``__class__`` may be code of another library.
    cls = type(given)
    if cls in {tuple, list}:
        return _by_resolution(given)
    geobox: Any = given
    if _is_xarray(cls):
        from bourn.image.xarray_grid import placed  # xarray is loaded

        where = placed(given)
        if where.geobox is None:
            raise RequestError([Problem("geobox", f"the xarray {cls.__name__} has no grid{_because(where.problem)}")])
        geobox = where.geobox
    elif not issubclass(cls, GeoBox):
        try:
            geobox = _asked(given, cls)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # code of another library, which may raise SystemExit too
            message = f"{shown(given)} can't be asked for its geobox: it raised {type(error).__name__}"
            raise RequestError([Problem("geobox", message)]) from error
    if issubclass(type(geobox), GeoBox):
        return TargetGrid(geobox=geobox)
    expected = (
        "a GeoBox, an object with a grid (a tile, an Image, an xarray object, a rasterio dataset), or (crs, resolution)"
    )
    raise RequestError([Problem("geobox", f"expected {expected}, got {shown(given)}{hint}")])


def _because(problem: str | None) -> str:
    return "" if problem is None else f": {problem}"


def _is_xarray(cls: type) -> bool:
    xarray = sys.modules.get("xarray")
    return xarray is not None and issubclass(cls, xarray.DataArray | xarray.Dataset)


def _asked(given: Any, cls: type) -> Any:
    """The ``geobox`` of an object, or one made of the attributes of a rasterio dataset."""
    from odc.geo.geobox import GeoBox  # loaded by the caller

    if hasattr(cls, "geobox"):
        return given.geobox
    rasterio = sys.modules.get("rasterio.io")
    if rasterio is not None and issubclass(cls, rasterio.DatasetReader):
        from bourn.image.crs import crs_of  # odc.geo is loaded

        return GeoBox((given.height, given.width), given.transform, None if given.crs is None else crs_of(given.crs))
    return given


def _by_resolution(given: Any) -> TargetGrid:
    from bourn.image.crs import crs_of  # odc.geo: 0.5 s

    if len(given) != 2:  # noqa: PLR2004  # a pair
        raise RequestError([Problem("geobox", f"expected (crs, resolution), got {shown(given)}")])
    problems = []
    crs, resolution = None, None
    try:
        crs = crs_of(given[0])
    except ValueError as error:
        problems.append(Problem("geobox[0]", str(error)))
    sides = given[1] if isinstance(given[1], tuple | list) else (given[1], given[1])
    if len(sides) == 2 and all(_is_length(side) for side in sides):  # noqa: PLR2004  # x and y
        resolution = (abs(float(sides[0])), abs(float(sides[1])))
    else:
        message = f"expected the size of a pixel in units of the CRS, a number or (x, y), got {shown(given[1])}"
        problems.append(Problem("geobox[1]", message))
    if problems:
        raise RequestError(problems)
    return TargetGrid(crs=crs, resolution=resolution)


def _is_length(value: Any) -> bool:
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return number and math.isfinite(value) and value != 0


def _covering(source: GeoBox, crs: Any, resolution: tuple[float, float]) -> GeoBox:
    """The grid of a CRS and resolution that covers `source`; pixel edges are at multiples of the resolution."""
    from affine import Affine  # comes with odc.geo
    from odc.geo.geobox import GeoBox  # loaded already

    plane = GeoBox((1, 1), Affine.identity(), crs)
    try:
        x, y = GridMap(source=plane, target=source).sample(129)
    except TransformFailed as cause:
        message = f"there is no transformation from the image's CRS to {crs}: {cause}"
        raise RequestError([Problem("geobox[0]", message)]) from cause
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        raise RequestError([Problem("geobox[0]", f"no pixel of the image has coordinates in {crs}")])
    x, y = x[known], y[known]
    if crs.geographic and x.max() - x.min() > 180:  # noqa: PLR2004  # degrees: it may cross the antimeridian
        shifted = np.where(x < 0, x + 360, x)
        x = shifted if shifted.max() - shifted.min() < x.max() - x.min() - 1 else x
    left, right = _snapped(x, resolution[0])
    bottom, top = _snapped(y, resolution[1])
    width, height = right - left, top - bottom
    if max(width, height) > MOST_PIXELS:
        message = (
            f"a resolution of {resolution[0]:g} makes a grid of {width} x {height} pixels; its unit is that of the CRS"
        )
        raise RequestError([Problem("geobox[1]", message)])
    transform = Affine(resolution[0], 0.0, left * resolution[0], 0.0, -resolution[1], top * resolution[1])
    return GeoBox((height, width), transform, crs)


def _snapped(values: Any, step: float) -> tuple[int, int]:
    low, high = math.floor(values.min() / step + 1e-6), math.ceil(values.max() / step - 1e-6)
    return low, max(high, low + 1)
