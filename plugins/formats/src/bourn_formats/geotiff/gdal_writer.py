"""Write a GeoTIFF by GDAL: pixels go to an uncompressed file first, which the COG driver copies."""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import rasterio
import rasterio.shutil
from bourn.plugin import EncodeError
from rasterio._err import CPLE_BaseError  # what rasterio.shutil raises; it has no public name
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from bourn_formats.geotiff.codecs import CODECS
from bourn_formats.geotiff.cog.block import apply_mask, count_losses, update_statistics
from bourn_formats.geotiff.cog.metadata import (
    GEO_TAGS,
    NODATA_TAG,
    PLACEHOLDER,
    HeaderMismatch,
    nodata_text,
    set_metadata,
    verify_header,
)
from bourn_formats.geotiff.cog.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bourn.plugin import Image, Sink

    from bourn_formats.geotiff.cog.profile import Profile

__all__ = ["write_by_gdal"]

PIECE = 1 << 20
"""Bytes written to the sink at a time."""

STRIP_BYTES = 32 << 20
"""Largest strip of pixels, unless a row of tiles is larger."""

TILE = 512
"""Height and width of the tiles of the uncompressed file; the height of a strip is a fraction of it."""

Array = np.ndarray[Any, Any]

_ASCII = 2
_BIGTIFF = b"II+\x00\x08\x00\x00\x00"
_ENTRY = struct.Struct("<HHQ8s")

# No .aux.xml file; an internal mask; no log message about blocks below 128.
_ENVIRONMENT = {
    "GDAL_PAM_ENABLED": False,
    "GDAL_TIFF_INTERNAL_MASK": True,
    "GDAL_VALIDATE_CREATION_OPTIONS": False,
}


def write_by_gdal(image: Image, profile: Profile, sink: Sink, *, tiled: bool) -> dict[str, Counter[str]]:
    """Write `image` as a COG, or as a striped GeoTIFF if not `tiled`; return the counts of lost pixels.

    Needs space for the uncompressed pixels and the file in the folder for temporary files.

    Raises
    ------
    EncodeError
        GDAL could not write it, usually because no space is left.
    """
    source = _Source(image, profile)
    with tempfile.TemporaryDirectory(prefix="bourn-") as folder:
        plain, copy = Path(folder, "plain.tif"), Path(folder, "copy.tif")
        try:
            with rasterio.Env(**_ENVIRONMENT):
                _write_plain(source, profile, plain)
                _finish_plain(profile, plain, tiled=tiled)
                options = _cog(profile) if tiled else _striped(profile)
                rasterio.shutil.copy(plain, copy, **options)
        except (RasterioError, CPLE_BaseError, SystemError) as cause:  # SystemError: GDAL failed without a message
            # GDAL does not say that the disk is full, only that a write failed.
            what = "no room to put" if shutil.disk_usage(folder).free < PIECE else "GDAL could not put"
            msg = f"{what} the GeoTIFF together in {tempfile.gettempdir()}: {_root_cause(cause)}"
            raise EncodeError(msg) from cause
        plain.unlink()
        _verify(copy, profile)
        with copy.open("rb") as file:
            while piece := file.read(PIECE):
                sink.write(piece)
    return source.counts


def _verify(path: Path, profile: Profile) -> None:
    try:
        verify_header(path, profile)
    except HeaderMismatch as cause:
        raise EncodeError(str(cause)) from cause


def _root_cause(error: BaseException) -> BaseException:
    """Return the first error of the chain: rasterio's own errors have no details."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _write_plain(source: _Source, profile: Profile, path: Path) -> None:
    """Write all pixels and metadata to an uncompressed tiled file."""
    count, height, width = profile.shape
    wide = np.dtype(profile.dtype).itemsize == 8 and profile.dtype.lstrip("u") == "int64"  # noqa: PLR2004  # bytes
    creation: dict[str, Any] = {
        "driver": "GTiff", "width": width, "height": height, "count": count, "dtype": profile.dtype,
        "crs": None if profile.crs is None else profile.crs.definition, "transform": profile.transform or PLACEHOLDER,
        # rasterio converts nodata to float64; that of 64-bit integers is set afterwards.
        "nodata": None if wide else profile.nodata,
        "photometric": profile.photometric, "alpha": "NO",
        "tiled": True, "blockxsize": TILE, "blockysize": TILE, "bigtiff": "YES",
    }  # fmt: skip
    with rasterio.open(path, "w", **creation) as file:
        if profile.point:
            # Before anything is written, so that GDAL moves the tie point (and back on reading).
            file.update_tags(AREA_OR_POINT="Point")
        if profile.alpha is not None and profile.alpha_tagged:
            roles = list(file.colorinterp)
            roles[profile.alpha] = ColorInterp.alpha
            file.colorinterp = roles
        if profile.colormap is not None:
            file.write_colormap(1, {value: (*color, 255) for value, color in enumerate(profile.colormap)})
        for strip in source.strips():
            rows = strip.pixels.shape[1]
            window = Window(0, strip.start, width, rows)
            file.write(strip.pixels, window=window)
            if strip.valid is not None:
                file.write_mask(strip.valid, window=window)
        set_metadata(file, profile, source.statistics)
    raw = count * height * width * np.dtype(profile.dtype).itemsize
    if path.stat().st_size < raw:
        # GDAL meets a full disk in close(), where rasterio ignores its error.
        msg = f"no room left for {raw} bytes in {path.parent.parent}"
        raise EncodeError(msg)


def _finish_plain(profile: Profile, path: Path, *, tiled: bool) -> None:
    """Set what rasterio can't set, and make the overviews of a striped file."""
    texts = {} if profile.nodata is None else {NODATA_TAG: nodata_text(profile.nodata, profile.dtype)}
    _rewrite_tags(path, texts)
    if profile.overviews and not tiled:
        levels: list[int] = []
        longest = max(profile.shape[1:])
        while longest > profile.blocksize:
            longest = -(-longest // 2)
            levels.append(2 ** (len(levels) + 1))
        with rasterio.open(path, "r+", driver="GTiff") as file:
            if levels:
                file.build_overviews(levels, Resampling[profile.resampler])
    if profile.transform is None:
        _rewrite_tags(path, {}, without=GEO_TAGS)


def _cog(profile: Profile) -> dict[str, Any]:
    predictors = {1: "NO", 2: "STANDARD", 3: "FLOATING_POINT"}
    options: dict[str, Any] = {
        "driver": "COG", "COMPRESS": profile.compression, "BLOCKSIZE": profile.blocksize, "BIGTIFF": "IF_SAFER",
        "OVERVIEWS": "IGNORE_EXISTING" if profile.overviews else "NONE",
        "OVERVIEW_RESAMPLING": profile.resampler, "STATISTICS": "AUTO",
    }  # fmt: skip
    if CODECS[profile.compression].predicts:
        options["PREDICTOR"] = predictors[profile.predictor]
    if (level := profile.level or CODECS[profile.compression].level) is not None:
        options["LEVEL"] = level
    return options


def _striped(profile: Profile) -> dict[str, Any]:
    options: dict[str, Any] = {
        "driver": "GTiff", "COMPRESS": profile.compression, "TILED": "NO", "BIGTIFF": "IF_SAFER",
        "COPY_SRC_OVERVIEWS": "YES" if profile.overviews else "NO",
    }  # fmt: skip
    if CODECS[profile.compression].predicts:
        options["PREDICTOR"] = profile.predictor
    if (level := profile.level or CODECS[profile.compression].level) is not None:
        options["ZLEVEL" if profile.compression == "DEFLATE" else "ZSTD_LEVEL"] = level
    return options


class _FileStrip(NamedTuple):
    """Some rows as stored in the file.

    Attributes
    ----------
    start : int
    pixels : (band, rows, x) array
    valid : (rows, x) uint8 array or None
        The file's mask, 255 where valid.
    """

    start: int
    pixels: Array
    valid: Array | None


class _Source:
    """The strips of an image as pixels of the file; counts and statistics are complete after the last one.

    Attributes
    ----------
    counts : dict of Counter
        Lost valid pixels by kind and band, see `write_cog`.
    statistics : list of Statistics
        One per band, over valid pixels.
    """

    def __init__(self, image: Image, profile: Profile) -> None:
        self._image = image
        self._profile = profile
        self.counts: dict[str, Counter[str]] = {"nodata_clash": Counter(), "hidden": Counter()}
        self.statistics = [Statistics() for _ in profile.bands]

    def strips(self) -> Iterator[_FileStrip]:
        """Yield the strips from the top to the bottom."""
        count, _, width = self._profile.shape
        row_bytes = count * width * np.dtype(self._profile.dtype).itemsize
        rows = TILE
        while rows > 16 and rows * row_bytes > STRIP_BYTES:  # noqa: PLR2004  # a tile's height is a multiple of 16
            rows //= 2
        for strip in self._image.strips(rows):
            yield self._converted(strip)

    def _converted(self, strip: Any) -> _FileStrip:
        profile = self._profile
        pixels = strip.pixels if isinstance(strip.pixels, np.ndarray) else np.stack(strip.pixels)
        block = apply_mask(np.ascontiguousarray(pixels, dtype=profile.dtype), strip.mask, profile)
        for kind, numbers in count_losses(block).items():
            self.counts[kind].update({band: n for band, n in zip(profile.bands, numbers, strict=True) if n})
        update_statistics(block, self.statistics)
        valid = None
        if profile.masking == "internal":
            valid = np.full(block.pixels.shape[1:], 255, np.uint8)
            if block.invalid is not None:
                valid[block.invalid[0]] = 0
        return _FileStrip(strip.start, block.pixels, valid)


def _rewrite_tags(path: Path, texts: dict[int, str], *, without: frozenset[int] = frozenset()) -> None:
    """Set ASCII tags, and remove others, in the first directory of a little-endian BigTIFF.

    The new directory is appended and the header points to it; nothing else moves.

    Raises
    ------
    EncodeError
        The directory is incomplete.
    """
    with path.open("r+b") as file:
        if file.read(8) != _BIGTIFF:
            msg = f"{path.name} is not a little-endian BigTIFF"
            raise ValueError(msg)
        (offset,) = struct.unpack("<Q", file.read(8))
        file.seek(offset)
        try:
            (count,) = struct.unpack("<Q", file.read(8))
            entries = [_ENTRY.unpack(file.read(_ENTRY.size)) for _ in range(count)]
        except struct.error as cause:
            # GDAL writes the directory last, in close(), where rasterio ignores that the disk is full.
            msg = f"no room left in {path.parent.parent}: the directory of the file is not whole"
            raise EncodeError(msg) from cause
        following = file.read(8)
        kept = [entry for entry in entries if entry[0] not in without and entry[0] not in texts]
        end = file.seek(0, 2)
        for tag, text in texts.items():
            raw = text.encode("ascii") + b"\0"
            if len(raw) > 8:  # noqa: PLR2004  # stored in the entry itself
                file.write(bytes(-end % 8) + raw)
                value = struct.pack("<Q", end + -end % 8)
                end = file.tell()
            else:
                value = raw.ljust(8, b"\0")
            kept.append((tag, _ASCII, len(raw), value))
        file.write(bytes(-end % 8))
        directory = end + -end % 8
        file.write(struct.pack("<Q", len(kept)))
        for entry in sorted(kept):
            file.write(_ENTRY.pack(*entry))
        file.write(following)
        file.seek(8)
        file.write(struct.pack("<Q", directory))
