"""Decide the profile of an image's file: dtype, nodata, mask, colors, metadata and encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from bourn.plugin import ResultRefused

from bourn_formats.geotiff.codecs import (
    CITATION_ONLY,
    CODECS,
    KEEPING,
    by_gdal_reason,
    color_problems,
    compression_problems,
    fit_blocksize,
    oversize,
    written_dtype,
)
from bourn_formats.geotiff.cog.crs import CRSNotSupported, EncodedCRS, encode_crs
from bourn_formats.geotiff.cog.profile import Profile
from bourn_formats.geotiff.colors import alpha_of, colormap_of, colors_of, is_alpha_tagged, is_rgb
from bourn_formats.geotiff.properties import metadata_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn.plugin import Image

    from bourn_formats.geotiff.options import Options

__all__ = ["make_profile"]

YES_AND_NO = (0, 1, 255)
"""Values of masks."""

COMPLEX_RESAMPLERS = ("nearest", "average")
"""Resamplers that GDAL supports for complex numbers."""


def make_profile(image: Image, options: Options) -> tuple[Profile, list[str]]:
    """Return the profile of the file of `image`, and notes on what the caller might not expect.

    Raises
    ------
    ResultRefused
        TIFF, or the compression, can't hold such an image.
    """
    notes: list[str] = []
    dtype = _dtype(image, notes)
    _check(image, options, dtype)
    name = options.compression.upper()
    codec = CODECS[name]
    nodata, missing = _nodata(image, notes)
    if nodata is not None and codec.lossy:
        notes.append(f"{name} changes pixels, into and out of nodata {nodata:g}: written as a mask instead")
        nodata, missing = None, image.nodata
    rgb, alpha = is_rgb(image, dtype, options.colors), alpha_of(image, dtype)
    colormap = colormap_of(image, dtype) if codec.predicts or name == "NONE" else None
    if name == "JPEG" and len(image.bands) == 3 and not rgb:  # noqa: PLR2004  # bands
        notes.append("JPEG mixes the three bands as if they were red, green and blue")
    if not options.tiled:
        notes.append("tiled=false: a striped GeoTIFF, not a cloud optimized one")
    info = [image.bandinfo[band] for band in image.bands]
    transform, crs, point = _georeferencing(image, options, notes)
    profile = Profile(
        shape=image.shape,
        dtype=dtype,
        nodata=nodata,
        masking=_masking(image, nodata, missing),
        missing=missing,
        plain=[value is None and is_plain for value, is_plain in zip(image.nodata, _plain(image), strict=True)],
        photometric="RGB" if rgb else "PALETTE" if colormap else "MINISBLACK",
        colormap=colormap,
        colors=[None] * len(image.bands) if options.colors == "none" else colors_of(image),
        alpha=alpha,
        alpha_tagged=is_alpha_tagged(image, alpha, dtype, rgb=rgb),
        bands=image.bands,
        units=[facts.get("unit") for facts in info],
        scales=[float(facts.get("scale", 1)) for facts in info],
        offsets=[float(facts.get("offset", 0)) for facts in info],
        descriptions=[facts.get("description") for facts in info],
        transform=transform,
        crs=crs,
        point=point,
        tags=metadata_of(image),
        compression=name,
        level=options.level,
        predictor=_predictor(dtype) if codec.predicts else 1,
        blocksize=fit_blocksize(options.blocksize, image.shape),
        # Readers tell overviews apart by width: overviews of a single column would look like the full resolution.
        overviews=options.overviews and image.shape[2] > 1,
        resampler=options.overview_resampler,
    )
    return profile, notes


def _georeferencing(image: Image, options: Options, notes: list[str]) -> tuple[Any, EncodedCRS | None, bool]:
    """Return (transform or None, CRS or None, whether pixels stand for points)."""
    box = image.geobox
    crs = None if box is None else box.crs
    point = image.properties.get("AREA_OR_POINT") == "Point"
    if point and crs is None:
        # It is one of the GeoKeys; readers make up a CRS if there are no others.
        notes.append("AREA_OR_POINT=Point is left out: a GeoTIFF without a CRS can't store it")
    try:
        encoded = None if crs is None else encode_crs(crs.to_wkt())
    except CRSNotSupported as cause:
        raise ResultRefused(str(cause)) from cause
    if crs is not None and encoded is not None and encoded.citation and (reason := by_gdal_reason(options)):
        raise ResultRefused(CITATION_ONLY.format(name=crs.proj.name, reason=reason))
    return None if box is None else box.affine, encoded, point and crs is not None


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
    blocksize = fit_blocksize(options.blocksize, image.shape)
    faults = list(compression_problems(name, dtype, len(image.bands), image.bands))
    faults += [fault for _, fault in oversize(len(image.bands), dtype, blocksize if options.tiled else None)]
    faults += color_problems(options.colors, dtype, len(image.bands))
    resampler = options.overview_resampler
    if options.overviews and resampler not in KEEPING:
        kept = [
            band for band in image.bands
            # An alpha is averaged over its opaque pixels only, so that 0 and 1 stay.
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
    """Return the file's nodata value; and one per band where they differ, since TIFF has one for all bands."""
    pairs = list(zip(image.nodata, _plain(image), strict=True))
    counting = [value for value, is_plain in pairs if not is_plain]
    if not counting:  # all bands are masks: use their nodata, but not that of an alpha
        pairs_of_all = zip(image.bands, image.nodata, strict=True)
        found = [value for band, value in pairs_of_all if "opaque" not in image.bandinfo[band]]
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
    notes.append("the bands have different nodata values, but TIFF holds one: written as a mask instead")
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
    """Return per band whether it is a mask or an alpha, to which the nodata value of others does not apply."""
    return [image.bandinfo[band]["kind"] == "mask" or band.casefold() == "alpha" for band in image.bands]


def _predictor(dtype: str) -> int:
    """Return TIFF's number: 2 horizontal differencing, 3 floating point, 1 none.

    GDAL has none for complex numbers, and none for 64-bit integers before 3.10.
    """
    if dtype.startswith("complex") or dtype in {"int64", "uint64"}:
        return 1
    return 3 if dtype.startswith("float") else 2
