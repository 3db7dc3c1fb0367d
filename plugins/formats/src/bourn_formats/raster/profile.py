"""What the file of an image will be: everything that is decided before a pixel is read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np
from bourn.plugin import ResultRefused

from bourn_formats.raster.codecs import CODECS, KEEPING, Codec, misfits, oversize, written_dtype
from bourn_formats.raster.colours import alpha_of, colormap_of, is_rgb, tells_alpha
from bourn_formats.raster.items import items_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn.plugin import Image

    from bourn_formats.geotiff import Options

__all__ = ["Profile", "as_text", "profile_of"]

YES_AND_NO = (0, 1, 255)
"""What stands in masks."""

COMPLEX_RESAMPLERS = ("nearest", "average")
"""All that GDAL has for complex numbers."""


@attrs.frozen(kw_only=True)
class Profile:
    """What the file of an image will be.

    Attributes
    ----------
    shape : (int, int, int)
        (band, y, x).
    dtype : str
        In the file.
    nodata : number or None
        Of the file.
    masking : "none", "nodata" or "internal"
        How masked pixels are told: not at all, by the nodata value, or by a mask within the file.
    missing : sequence of number or None
        One a band: what means no data where the file has no nodata since the bands have unlike ones.
    plain : sequence of bool
        One a band: whether the file's nodata value means nothing in it: in a mask or an alpha that has none of its own.
    photometric : "MINISBLACK", "RGB" or "PALETTE"
    colormap : sequence of (int, int, int) or None
        What the values of a palette look like: red, green and blue of 0, 1, 2, ...
    alpha : int or None
        The index of the alpha band.
    tells_alpha : bool
        Whether the file says so, and any reader may take it for one.
    bands, units, scales, offsets
        One a band.
    descriptions : sequence of str or None
        What is said of a band besides its name.
    transform, crs_wkt, point
        Where it lies; `point` if pixels stand for points. None without a grid.
    items : mapping of str to str
        What the file says of the image besides: GDAL's metadata items.
    codec, predictor
    level : int or None
        None where none was asked for: whoever writes takes a good one.
    blocksize, tiled, overviews, resampler
        As asked for.
    notes : sequence of str
        What was decided that the caller might not expect.
    """

    shape: tuple[int, int, int]
    dtype: str
    nodata: int | float | None
    masking: Literal["none", "nodata", "internal"]
    missing: Sequence[int | float | complex | None]
    plain: Sequence[bool]
    photometric: str
    colormap: Sequence[tuple[int, int, int]] | None
    alpha: int | None
    tells_alpha: bool
    bands: Sequence[str]
    units: Sequence[str | None]
    scales: Sequence[float]
    offsets: Sequence[float]
    descriptions: Sequence[str | None]
    transform: Any
    crs_wkt: str | None
    point: bool
    items: Mapping[str, str]
    codec: Codec
    level: int | None
    predictor: int
    blocksize: int
    tiled: bool
    overviews: bool
    resampler: str
    notes: Sequence[str]


def profile_of(image: Image, options: Options) -> Profile:
    """What the file of `image` will be.

    Raises
    ------
    ResultRefused
        TIFF, or the compression asked for, does not hold such an image.
    """
    notes: list[str] = []
    dtype = _dtype(image, notes)
    _check(image, options, dtype)
    nodata, missing = _nodata(image, notes)
    name = options.compression.upper()
    codec = CODECS[name]
    rgb, alpha = is_rgb(image, dtype), alpha_of(image, dtype)
    colormap = colormap_of(image, dtype) if codec.predicts or codec.gdal == "NONE" else None
    if name == "JPEG" and len(image.bands) == 3 and not rgb:  # noqa: PLR2004  # bands
        notes.append("JPEG mixes the three bands as if they were red, green and blue")
    if not options.tiled:
        notes.append("tiled=false: a striped GeoTIFF, not a cloud optimized one")
    info = [image.bandinfo[band] for band in image.bands]
    transform, crs_wkt, point = _place(image, notes)
    return Profile(
        shape=image.shape,
        dtype=dtype,
        nodata=nodata,
        masking=_masking(image, nodata, missing),
        missing=missing,
        plain=[value is None and is_plain for value, is_plain in zip(image.nodata, _plain(image), strict=True)],
        photometric="RGB" if rgb else "PALETTE" if colormap else "MINISBLACK",
        colormap=colormap,
        alpha=alpha,
        tells_alpha=tells_alpha(image, alpha, dtype),
        bands=image.bands,
        units=[facts.get("unit") for facts in info],
        scales=[float(facts.get("scale", 1)) for facts in info],
        offsets=[float(facts.get("offset", 0)) for facts in info],
        descriptions=[facts.get("description") for facts in info],
        transform=transform,
        crs_wkt=crs_wkt,
        point=point,
        items=items_of(image),
        codec=codec,
        level=options.level,
        predictor=_predictor(dtype) if codec.predicts else 1,
        blocksize=options.blocksize,
        tiled=options.tiled,
        # Readers tell overviews apart by their width: of a single column all would seem to be the image itself.
        overviews=options.overviews and image.shape[2] > 1,
        resampler=options.overview_resampler,
        notes=notes,
    )


def _place(image: Image, notes: list[str]) -> tuple[Any, str | None, bool]:
    """(transform or None, CRS as WKT or None, whether pixels stand for points)."""
    box = image.geobox
    crs = None if box is None else box.crs
    point = image.properties.get("AREA_OR_POINT") == "Point"
    if point and crs is None:
        # It is one of the GeoKeys; if there are no others readers make up a CRS.
        notes.append("AREA_OR_POINT=Point is left out: without a CRS a GeoTIFF has no place for it")
    return None if box is None else box.affine, None if crs is None else crs.to_wkt(), point and crs is not None


def _dtype(image: Image, notes: list[str]) -> str:
    names = [dtype.newbyteorder("=").name for dtype in image.dtypes]
    if len(set(names)) > 1:
        listed = ", ".join(f"{band} {name}" for band, name in zip(image.bands, names, strict=True))
        msg = f"the bands of a GeoTIFF are of one dtype, these are of several: {listed}"
        raise ResultRefused(msg)
    written = written_dtype(names[0])
    known = {"uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"}
    if written not in known | {"float32", "float64", "complex64", "complex128"}:
        msg = f"a GeoTIFF holds no {names[0]}"
        raise ResultRefused(msg)
    if written != names[0]:
        notes.append(f"{names[0]} is written as {written}")
    return written


def _check(image: Image, options: Options, dtype: str) -> None:
    name = options.compression.upper()
    faults = list(misfits(name, dtype, len(image.bands), image.bands))
    faults += [fault for _, fault in oversize(len(image.bands), dtype, options.blocksize if options.tiled else None)]
    resampler = options.overview_resampler
    if options.overviews and resampler not in KEEPING:
        kept = [
            band for band in image.bands
            # Of an alpha what is transparent is left out, so that yes and no stay that.
            if image.bandinfo[band]["kind"] in {"class", "mask"} and image.bandinfo[band].get("opaque") is None
        ]  # fmt: skip
        if kept:
            faults.append(
                f"{resampler} would make classes that do not exist in {', '.join(kept)}: take nearest or mode"
            )
    if options.overviews and dtype.startswith("complex") and resampler not in COMPLEX_RESAMPLERS:
        faults.append(f"complex numbers have no {resampler}: take {' or '.join(COMPLEX_RESAMPLERS)}")
    if faults:
        raise ResultRefused("; ".join(faults))


def _nodata(image: Image, notes: list[str]) -> tuple[int | float | None, Sequence[int | float | complex | None]]:
    """The nodata value of the file; and one a band where they are unlike, since TIFF has one for all."""
    pairs = list(zip(image.nodata, _plain(image), strict=True))
    counting = [value for value, is_plain in pairs if not is_plain]
    if not counting:  # nothing but masks: then it is theirs, an alpha's never
        told = zip(image.bands, image.nodata, strict=True)
        found = [value for band, value in told if "opaque" not in image.bandinfo[band]]
        counting = [value for value in found if value is not None] or [None]
    first = counting[0]
    none: list[int | float | complex | None] = [None] * len(image.bands)
    if all(value == first or (value != value and first != first) for value in counting):  # noqa: PLR0124  # NaN
        if isinstance(first, complex):
            if first.imag:
                msg = f"a GeoTIFF holds no complex nodata value, got {first}"
                raise ResultRefused(msg)
            first = first.real
        eaten = [band for band in image.bands if first in YES_AND_NO and _is_bare_mask(image, band)]
        if eaten:
            notes.append(
                f"most readers take {first:g} for no data in {', '.join(eaten)} too: TIFF has one value for all"
            )
        return first, none
    notes.append("the bands have unlike nodata values, of which TIFF holds one: written as a mask instead")
    return None, image.nodata


def _is_bare_mask(image: Image, band: str) -> bool:
    facts = image.bandinfo[band]
    return facts["kind"] == "mask" and facts.get("nodata") is None and facts.get("opaque") is None


def _masking(
    image: Image, nodata: float | None, missing: Sequence[int | float | complex | None]
) -> Literal["none", "nodata", "internal"]:
    if any(value is not None for value in missing):
        return "internal"
    if not image.masked:
        return "none"
    return "internal" if nodata is None else "nodata"


def _plain(image: Image) -> list[bool]:
    """One a band: whether it is a mask or an alpha, for which the nodata value of others is not meant."""
    return [image.bandinfo[band]["kind"] == "mask" or band.casefold() == "alpha" for band in image.bands]


def _predictor(dtype: str) -> int:
    """TIFF's number: 2 horizontal differences, 3 those of floats' bytes, 1 none (GDAL has none for complex)."""
    if dtype.startswith("complex"):
        return 1
    return 3 if dtype.startswith("float") else 2


def as_text(nodata: float, dtype: str) -> str:
    """A nodata value as GDAL writes it into tag 42113: exact, also for integers that float64 does not hold."""
    if np.dtype(dtype).kind in "iu":
        return str(int(nodata))
    return "nan" if math.isnan(nodata) else f"{nodata:.17g}"
