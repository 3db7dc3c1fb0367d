"""The format geotiff: an image as a cloud optimized GeoTIFF.

The predictor is chosen by the dtype (2 for integers, 3 for floats). Bands keep their names as descriptions, and their
scale, offset and unit. Only bands named red, green, blue (and alpha) are colours. A mask becomes the nodata value where
the bands have one, else a mask within the file; one mask is all that a TIFF has, so that what is masked in any band is
masked. Averages respect both. On the report stand ``nodata_clash`` (valid pixels equal to nodata, by band), ``hidden``
(valid pixels masked by another band) and ``notes``: bool is written as uint8, float16 as float32, unlike nodata values
as a mask.

An image's properties become the file's metadata items, which rasterio gives as ``tags()`` and rioxarray as attributes:
a text as it is, numbers as Python writes them, the rest as JSON, ``date`` as ISO 8601 and as TIFF's own DateTime. GDAL
takes ``:`` and ``=`` for the end of a name; they become ``_``, and of names that differ in capitals alone the second
one gets a ``_`` at its end. `bourn.Image.open` gives back what JSON holds as it was, under its own name, by an item
``bourn`` that says which items are no texts; tuples come back as lists, arrays too, dates (but ``date``) and durations
as texts. Not kept are None, bytes, a property without a name or called ``bourn``, blanks at a text's beginning and
texts of nothing else. ``AREA_OR_POINT`` is kept where there is a CRS. A single band of classes has the colours of
``properties["colormap"]``: ``[red, green, blue]`` for each value from 0 on.

A mask or alpha band without a nodata value of its own is never filled with that of others. An alpha (``opaque`` among
what is said of a band) is told to readers only where they would take it for what it is: as bytes or 16 bits, opaque at
the most that these hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from bourn.plugin import Example, Format, Note, Problem, ResultInfo, Sink, option

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["GeoTIFF", "Options"]

TILE_STEP = 16
"""Pixels: the sides of a TIFF's tiles are multiples of it."""


def _fits_tile(value: int) -> str | None:
    return f"expected a multiple of {TILE_STEP}, got {value}" if value % TILE_STEP else None


@attrs.frozen
class Options:
    """How an image is written as a GeoTIFF."""

    compression: str = option(
        default="DEFLATE",
        choices=["DEFLATE", "LZW", "ZSTD", "JPEG", "WEBP", "LERC", "none"],
        help="How it is compressed. JPEG and WEBP change pixels; the others do not.",
    )
    level: int | None = option(
        default=None, ge=1, le=22, help="How hard to compress: 1 to 12 for DEFLATE, 1 to 22 for ZSTD."
    )
    overviews: bool = option(default=True, help="Whether smaller versions are added, for images above one block.")
    tiled: bool = option(default=True, help="False for a striped GeoTIFF, which is not cloud optimized.")
    overview_resampler: str = option(
        default="nearest",
        choices=["nearest", "average", "bilinear", "cubic", "mode"],
        help="How pixels are joined for overviews; only nearest and mode for classes and masks.",
    )
    blocksize: int = option(
        default=512, ge=64, le=8192, unit="pixels", check=_fits_tile, help="The sides of a tile, a multiple of 16."
    )


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
        # On first use, as its neighbours.
        from bourn_formats.raster.codecs import CODECS, KEEPING, misfits, oversize, written_dtype

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
        faults = [("compression", fault) for fault in misfits(name, known, count, info.bands)]
        faults += oversize(count, known, options.blocksize if options.tiled else None)
        for path, fault in faults:
            yield Problem(path, fault)
        if options.overviews and options.overview_resampler not in KEEPING:
            # Between two classes there is nothing.
            for band, kind in zip(info.bands or (), info.band_kinds or (), strict=False):
                if kind != "data":
                    wanted = f"expected nearest or mode for the {kind} band {band!r}"
                    yield Problem("overview_resampler", f"{wanted}, got {options.overview_resampler!r}")
        if known != dtype:
            yield Note(f"{dtype} is written as {known}")
        if not options.tiled:
            yield Note("a striped GeoTIFF is not cloud optimized", path="tiled")

    def encode(self, result: Any, options: Options, sink: Sink) -> Mapping[str, Any]:
        """Write the image strip by strip; a lazy one is computed on the way, each block once."""
        from bourn.plugin import as_image  # numpy: 0.2 s

        from bourn_formats.raster.profile import profile_of  # numpy: 0.2 s
        from bourn_formats.raster.writer import write  # rasterio: 0.3 s

        image = as_image(result)
        return write(image, profile_of(image, options), sink)
