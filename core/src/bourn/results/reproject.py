"""Putting an image on another grid: lazily, by the kind of each band, without masked pixels bleeding into others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bourn.errors import Problem, RequestError, ResultRefused
from bourn.image.image import Image
from bourn.image.pixels import ArrayPixels, is_dask
from bourn.results.as_image import as_image
from bourn.wording import shown

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

__all__ = ["as_geobox", "placed_on", "put_on"]

CHUNK_SIDE = 1024
"""Pixels; the side of the chunks that an image in memory is cut into."""

VALID, MASKED = 1, 2
"""A mask while it is reprojected. 0 is what GDAL leaves where the source does not reach; since it never stands in the
source, GDAL has no reason to move a valid value away from it."""


def as_geobox(given: object, hint: str = "") -> GeoBox:
    """The grid that `given` is or has: a GeoBox, or anything with a ``geobox``, such as a tile."""
    from odc.geo.geobox import GeoBox  # 0.3 s

    # The type is asked, never the object: even ``__class__`` may be somebody's own code.
    geobox: Any = given
    if not issubclass(type(given), GeoBox) and hasattr(type(given), "geobox"):
        try:
            geobox = given.geobox  # type: ignore[attr-defined]  # looked up just now
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a stranger's code, SystemExit in it among what it may raise
            said = f"{shown(given)} can't be asked for its geobox: it raised {type(error).__name__}"
            raise RequestError([Problem("geobox", said)]) from error
    if issubclass(type(geobox), GeoBox):
        return geobox  # type: ignore[no-any-return]  # as asked just now
    raise RequestError([Problem("geobox", f"expected an odc.geo GeoBox or a tile, got {shown(given)}{hint}")])


def placed_on(obj: Any, grid: object) -> Any:
    """A result that is an image, on another grid: an xarray object stays one.

    Raises
    ------
    RequestError
        It is no image; or as `put_on`.
    """
    if isinstance(obj, Image):
        return put_on(obj, grid)
    try:
        image = as_image(obj)
    except ResultRefused as error:
        raise RequestError([Problem("geobox", f"goes with an image: {error.message}")]) from error
    moved = put_on(image, grid)
    return obj if moved is image else moved.to_xarray()


def put_on(image: Image, grid: object) -> Image:
    """`image` on another grid; the same object if it lies there already, else a lazy one.

    Class, mask and bool bands take the nearest pixel, others are interpolated bilinearly between those that are not
    masked; integers are rounded half to even. A pixel is masked where its nearest one is, where none is valid, and
    where the image does not reach. Beneath the mask stands nodata, else 0 (NaN in float bands).

    Parameters
    ----------
    image : Image
    grid : GeoBox, or anything with a ``geobox``

    Raises
    ------
    RequestError
        One of the two has no CRS.
    """
    geobox = as_geobox(grid)
    if image.geobox == geobox:
        return image
    if image.geobox is None or image.geobox.crs is None or geobox.crs is None:
        lacking = "geobox=" if geobox.crs is None else "the image"
        raise RequestError([Problem("geobox", f"{lacking} has no CRS, so that the image can't be put on another grid")])
    mask = image.mask
    layers, masks = [], []
    for index, name in enumerate(image.bands):
        own = mask if mask is None or mask.ndim == 2 else mask[index]  # noqa: PLR2004  # (y, x)
        facts = image.bandinfo[name]
        layer, off = _reprojected(_lazy(image.band(name)), own, image.geobox, geobox, nearest=facts["kind"] != "data")
        fill = facts.get("nodata", np.nan if layer.dtype.kind in "fc" else 0)
        layers.append(_where(off, np.array(fill, layer.dtype), layer))
        masks.append(off)
    import dask.array as da  # loaded by `_lazy`

    alike = len(set(image.dtypes)) == 1
    pixels = ArrayPixels(
        stack=da.stack(layers) if alike else None,
        layers=() if alike else tuple(layers),
        given_mask=da.stack(masks),
    )
    return Image._on(pixels, image.bands, geobox, image.properties, image.bandinfo)  # noqa: SLF001  # its maker


def _lazy(array: Any) -> Any:
    import dask.array as da  # 0.3 s

    return array if is_dask(array) else da.from_array(array, chunks=CHUNK_SIDE)


def _where(mask: Any, one: Any, other: Any) -> Any:
    import dask.array as da  # loaded already

    return da.where(mask, one, other)


def _reprojected(layer: Any, mask: Any, source: Any, target: Any, *, nearest: bool) -> tuple[Any, Any]:
    """(layer, mask) on the target's grid."""
    dtype = layer.dtype
    masked = layer != layer  # noqa: PLR0124  # NaN
    if mask is not None:
        masked = masked | _lazy(mask).rechunk(layer.chunks)
    flags = _where(masked, np.uint8(MASKED), np.uint8(VALID))
    off = _warped(flags, source, target, "nearest", 0) != VALID
    if nearest:
        return _nearest(layer, source, target), off
    working = _working_dtype(dtype)
    holed = _where(masked, np.array(np.nan, working), layer).astype(working)
    found = _warped(holed, source, target, "bilinear", np.nan)
    off = off | (found != found)  # noqa: PLR0124  # NaN: no valid pixel near
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        found = _where(off, np.array(0, working), found).round().clip(limits.min, limits.max)
    return found.astype(dtype), off


def _nearest(layer: Any, source: Any, target: Any) -> Any:
    dtype = layer.dtype
    if dtype.kind in "iu" and dtype.itemsize == 8:  # noqa: PLR2004  # bytes
        # GDAL warps 64-bit integers through float64, which holds 53 bits: so each half goes alone.
        bits = layer.astype("uint64")
        high, low = ((bits >> shift & 0xFFFFFFFF).astype("uint32") for shift in (32, 0))
        high, low = (_warped(half, source, target, "nearest", None).astype("uint64") for half in (high, low))
        return (high << 32 | low).astype(dtype)
    return _warped(layer.astype(_plain_dtype(dtype)), source, target, "nearest", None).astype(dtype)


def _warped(layer: Any, source: Any, target: Any, resampling: str, nodata: Any) -> Any:
    from odc.geo.xr import wrap_xr, xr_reproject  # 0.3 s to 5 s

    wrapped = wrap_xr(layer, source)
    return xr_reproject(wrapped, target, resampling=resampling, src_nodata=nodata, dst_nodata=nodata).data


def _plain_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A dtype that GDAL warps, and that holds every value of `dtype`."""
    if dtype.kind == "b":
        return np.dtype("uint8")
    if dtype == np.dtype("float16"):
        return np.dtype("float32")
    return dtype.newbyteorder("=")


def _working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A float dtype in which a band is interpolated."""
    if dtype.kind == "c":
        return dtype.newbyteorder("=")
    small = dtype.itemsize <= 2 or dtype.name == "float32"  # noqa: PLR2004  # bytes
    return np.dtype("float32" if small else "float64")
