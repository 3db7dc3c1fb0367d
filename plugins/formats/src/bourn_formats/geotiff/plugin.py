"""The format geotiff: an image as a cloud optimized GeoTIFF.

Predictor 2 for integers of up to 32 bits, 3 for floats. Bands keep their names (as descriptions), scale, offset and
unit. Masked pixels become the nodata value where the bands have one, else an internal mask. TIFF has one mask for all
bands, so a pixel that is masked in any band is masked in all. Averages ignore masked pixels. The report has
``nodata_clash`` (valid pixels equal to nodata, by band), ``hidden`` (valid pixels masked by another band) and
``notes``: bool is written as uint8, float16 as float32, different nodata values as a mask.

Image properties become metadata tags, which rasterio returns as ``tags()`` and rioxarray as attributes: a str as it
is, numbers as Python writes them, others as JSON, ``date`` as ISO 8601 and as TIFF's DateTime. ``:`` and ``=`` in
names become ``_`` (GDAL ends names there), and the second of two names that differ in case only gets a ``_`` at its
end. `bourn.Image.open` returns values that JSON can hold under their own names (a tag ``bourn`` describes them);
tuples and arrays as lists, dates (other than ``date``) and durations as str. Not kept are None, bytes, properties
without a name or called ``bourn``, and leading or trailing blanks. ``AREA_OR_POINT`` is kept where there is a CRS. A
single band of classes has the colors of ``properties["colormap"]``: ``[red, green, blue]`` for each value from 0 on.

The nodata value of other bands does not apply to a mask or alpha band without one. An alpha band (``opaque`` in its
bandinfo) is declared only where readers understand it: uint8 or uint16, opaque at the maximum of the dtype.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.plugin import EncodeError, Example, Format, Note, Problem, ResultInfo, Sink

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
from bourn_formats.geotiff.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from bourn.plugin import Image

    from bourn_formats.geotiff.cog import Profile

__all__ = ["GeoTIFF"]


class GeoTIFF(Format[Options]):
    """A cloud optimized GeoTIFF of an image.

    Tiled, with overviews, read by GDAL, QGIS, rioxarray and browsers a window at a time. The predictor follows from the
    dtype, bands keep their names, and a mask becomes the nodata value where bands have one, else a mask in the file.
    """

    media_type = "image/tiff"
    suffix = ".tif"
    kinds = ("image",)
    lazy = True
    examples = (
        Example("A cloud optimized GeoTIFF.", format="geotiff"),
        Example(
            "Small, with smooth overviews.",
            format={"type": "geotiff", "compression": "ZSTD", "level": 15, "overview_resampler": "average"},
        ),
    )

    def preflight(self, options: Options, info: ResultInfo) -> Iterable[Problem | Note]:
        """Problems of compression, level and resampler with what is known of the image."""
        name = options.compression.upper()
        levels = CODECS[name].levels
        if options.level is not None and levels is None:
            yield Problem("level", f"{name} has no levels; DEFLATE and ZSTD have")
        elif options.level is not None and levels is not None and not levels[0] <= options.level <= levels[1]:
            yield Problem("level", f"expected {levels[0]} to {levels[1]} for {name}, got {options.level}")
        dtypes = set(info.dtypes or ())
        if len(dtypes) > 1:
            listed = ", ".join(sorted(dtypes))
            yield Problem("", f"the bands of a GeoTIFF are of one dtype, these are of several: {listed}")
        dtype = info.dtype if len(dtypes) <= 1 else None
        known = written_dtype(dtype) if dtype else None
        count = len(info.dtypes) if info.dtypes else None
        faults = [("compression", fault) for fault in compression_problems(name, known, count, info.bands)]
        faults += [("colors", fault) for fault in color_problems(options.colors, known, count)]
        faults += oversize(count, known, fit_blocksize(options.blocksize, info.shape) if options.tiled else None)
        for path, fault in faults:
            yield Problem(path, fault)
        if options.overviews and options.overview_resampler not in KEEPING:
            # Between two classes there is nothing.
            for band, kind in zip(info.bands or (), info.band_kinds or (), strict=False):
                if kind != "data":
                    wanted = f"expected nearest or mode for the {kind} band {band!r}"
                    yield Problem("overview_resampler", f"{wanted}, got {options.overview_resampler!r}")
        yield from _check_crs(options, info)
        if known != dtype:
            yield Note(f"{dtype} is written as {known}")
        if not options.tiled:
            yield Note("a striped GeoTIFF is not cloud optimized", path="tiled")

    def encode(self, result: Any, options: Options, sink: Sink) -> Mapping[str, Any]:
        """Write the image strip by strip; a lazy one is computed on the way, each block once."""
        from bourn.plugin import as_image  # numpy: 0.2 s

        from bourn_formats.geotiff.profile import make_profile  # numpy: 0.2 s

        image = as_image(result)
        profile, notes = make_profile(image, options)
        counts = _write(image, profile, sink, tiled=options.tiled)
        lost = {kind: dict(by_band) for kind, by_band in counts.items() if by_band}
        return {"cog": options.tiled, "nodata": _masking_text(profile), **lost, "notes": notes}


def _check_crs(options: Options, info: ResultInfo) -> Iterator[Problem | Note]:
    """Yield why the CRS can't be stored in the file, or that a grid has none."""
    if info.grid is None:
        return
    crs = info.grid.crs
    if crs is None:
        yield Note("the image has a grid but no CRS: the file is placed in unknown coordinates")
        return
    if _is_geokey(crs):
        return
    from bourn_formats.geotiff.cog import CRSNotSupported, encode_crs  # rasterio: 0.3 s

    try:
        encoded = encode_crs(crs.to_wkt())
    except CRSNotSupported as cause:
        yield Problem("", str(cause))
        return
    if encoded.citation and (reason := by_gdal_reason(options)):
        yield Problem("", CITATION_ONLY.format(name=crs.proj.name, reason=reason))


def _is_geokey(crs: Any) -> bool:
    """Whether the CRS is an EPSG code that a GeoKey can hold: a projected or geographic CRS of two axes."""
    horizontal = (crs.projected or crs.geographic) and len(crs.proj.axis_info) == 2  # noqa: PLR2004  # x, y
    return horizontal and crs.epsg is not None and crs.epsg < 32767  # noqa: PLR2004  # 32767 is "user-defined"


def _write(image: Image, profile: Profile, sink: Sink, *, tiled: bool) -> Mapping[str, Mapping[str, int]]:
    """Write the file and return the counts of lost pixels by kind and band."""
    from bourn_formats.geotiff.cog import HeaderMismatch, NoSpace, can_write, write_cog  # rasterio: 0.3 s

    if not (tiled and can_write(profile)):
        from bourn_formats.geotiff.gdal_writer import write_by_gdal  # only for what our writer does not support

        return write_by_gdal(image, profile, sink, tiled=tiled)
    try:
        return write_cog(image.strips(profile.blocksize), profile, sink, lazy=image.lazy)
    except (HeaderMismatch, NoSpace) as cause:
        raise EncodeError(str(cause)) from cause


def _masking_text(profile: Profile) -> str:
    """Return the nodata value as text (JSON has neither NaN nor all of int64), or how else pixels are masked."""
    from bourn_formats.geotiff.cog import nodata_text  # loaded already

    if profile.nodata is not None:
        return nodata_text(profile.nodata, profile.dtype)
    return "mask" if profile.masking == "internal" else "none"
