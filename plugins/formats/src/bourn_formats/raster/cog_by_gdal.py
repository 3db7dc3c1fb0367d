"""A cloud optimized GeoTIFF written by GDAL: pixels into a plain file first, from which the COG driver copies."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
import rasterio.shutil
from bourn.plugin import EncodeError, Sink
from rasterio._err import CPLE_BaseError  # what rasterio.shutil raises; it has no public name
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from bourn_formats.raster.labels import NOWHERE, label
from bourn_formats.raster.passage import TILE, Passage
from bourn_formats.raster.profile import as_text
from bourn_formats.raster.report import report
from bourn_formats.raster.tags import GEO_TAGS, NODATA_TAG, rewrite_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.plugin import Image

    from bourn_formats.raster.profile import Profile

__all__ = ["write"]

PIECE = 1 << 20
"""Bytes that go to the sink at a time."""

# No .aux.xml beside the file; the mask within it; no warning in the log that blocks below 128 are unusual.
_ENVIRONMENT = {
    "GDAL_PAM_ENABLED": False,
    "GDAL_TIFF_INTERNAL_MASK": True,
    "GDAL_VALIDATE_CREATION_OPTIONS": False,
}


def write(image: Image, profile: Profile, sink: Sink) -> Mapping[str, Any]:
    """Write `image` as `profile` says; gives the report.

    Needs room for the pixels as they are, and for the file, in the folder for temporary files.

    Raises
    ------
    EncodeError
        GDAL could not write it (no room left, most of all).
    """
    passage = Passage(image, profile)
    with tempfile.TemporaryDirectory(prefix="bourn-") as folder:
        plain, made = Path(folder, "plain.tif"), Path(folder, "made.tif")
        try:
            with rasterio.Env(**_ENVIRONMENT):
                _write_plain(passage, profile, plain)
                _finish_plain(profile, plain)
                options = _cog(profile) if profile.tiled else _striped(profile)
                rasterio.shutil.copy(plain, made, **options)
        except (RasterioError, CPLE_BaseError, SystemError) as cause:  # the last where GDAL failed and said nothing
            # Of a full disk GDAL tells nothing but that a write failed.
            what = "no room to put" if shutil.disk_usage(folder).free < PIECE else "GDAL could not put"
            msg = f"{what} the GeoTIFF together in {tempfile.gettempdir()}: {_first(cause)}"
            raise EncodeError(msg) from cause
        plain.unlink()
        with made.open("rb") as file:
            while piece := file.read(PIECE):
                sink.write(piece)
    return report(profile, passage.counts)


def _first(error: BaseException) -> BaseException:
    """What it began with: rasterio's own errors say no more than that something failed."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _write_plain(passage: Passage, profile: Profile, path: Path) -> None:
    """All pixels, uncompressed in tiles, with everything else that the copy takes over."""
    count, height, width = profile.shape
    wide = np.dtype(profile.dtype).itemsize == 8 and profile.dtype.lstrip("u") == "int64"  # noqa: PLR2004  # bytes
    facts: dict[str, Any] = {
        "driver": "GTiff", "width": width, "height": height, "count": count, "dtype": profile.dtype,
        "crs": profile.crs_wkt, "transform": profile.transform or NOWHERE,
        # rasterio passes on nodata as a float64; that of 64-bit integers is set afterwards.
        "nodata": None if wide else profile.nodata,
        "photometric": profile.photometric, "alpha": "NO",
        "tiled": True, "blockxsize": TILE, "blockysize": TILE, "bigtiff": "YES",
    }  # fmt: skip
    with rasterio.open(path, "w", **facts) as file:
        if profile.point:
            # Before anything is written: GDAL then moves the tie point, and back when it reads.
            file.update_tags(AREA_OR_POINT="Point")
        if profile.alpha is not None and profile.tells_alpha:
            colours = list(file.colorinterp)
            colours[profile.alpha] = ColorInterp.alpha
            file.colorinterp = colours
        if profile.colormap is not None:
            file.write_colormap(1, {value: (*colour, 255) for value, colour in enumerate(profile.colormap)})
        for strip in passage.strips():
            rows = strip.pixels.shape[1]
            window = Window(0, strip.start, width, rows)
            file.write(strip.pixels, window=window)
            if strip.valid is not None:
                file.write_mask(strip.valid, window=window)
        label(file, profile, passage.statistics)
    raw = count * height * width * np.dtype(profile.dtype).itemsize
    if path.stat().st_size < raw:
        # GDAL reports a full disk in close(), where nobody hears it.
        msg = f"no room left for {raw} bytes in {path.parent.parent}"
        raise EncodeError(msg)


def _finish_plain(profile: Profile, path: Path) -> None:
    """What rasterio can't set; and overviews where the copy does not make them."""
    texts = {} if profile.nodata is None else {NODATA_TAG: as_text(profile.nodata, profile.dtype)}
    rewrite_tags(path, texts)
    if profile.overviews and not profile.tiled:
        levels: list[int] = []
        longest = max(profile.shape[1:])
        while longest > profile.blocksize:
            longest = -(-longest // 2)
            levels.append(2 ** (len(levels) + 1))
        with rasterio.open(path, "r+", driver="GTiff") as file:
            if levels:
                file.build_overviews(levels, Resampling[profile.resampler])
    if profile.transform is None:
        rewrite_tags(path, {}, without=GEO_TAGS)


def _cog(profile: Profile) -> dict[str, Any]:
    predictors = {1: "NO", 2: "STANDARD", 3: "FLOATING_POINT"}
    options: dict[str, Any] = {
        "driver": "COG", "COMPRESS": profile.codec.gdal, "BLOCKSIZE": profile.blocksize, "BIGTIFF": "IF_SAFER",
        "OVERVIEWS": "IGNORE_EXISTING" if profile.overviews else "NONE",
        "OVERVIEW_RESAMPLING": profile.resampler, "STATISTICS": "AUTO",
    }  # fmt: skip
    if profile.codec.predicts:
        options["PREDICTOR"] = predictors[profile.predictor]
    if (level := profile.level or profile.codec.level) is not None:
        options["LEVEL"] = level
    return options


def _striped(profile: Profile) -> dict[str, Any]:
    options: dict[str, Any] = {
        "driver": "GTiff", "COMPRESS": profile.codec.gdal, "TILED": "NO", "BIGTIFF": "IF_SAFER",
        "COPY_SRC_OVERVIEWS": "YES" if profile.overviews else "NO",
    }  # fmt: skip
    if profile.codec.predicts:
        options["PREDICTOR"] = profile.predictor
    if (level := profile.level or profile.codec.level) is not None:
        options["ZLEVEL" if profile.codec.gdal == "DEFLATE" else "ZSTD_LEVEL"] = level
    return options
