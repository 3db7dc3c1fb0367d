"""Metadata tags of a GeoTIFF, taken from a small file that GDAL writes in memory.

GeoKeys, the pixel-is-point rule and GDAL's XML are the same as in files that GDAL writes.
"""

from __future__ import annotations

import math
import struct
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile

from bourn_formats.geotiff.cog.crs import citation_tags
from bourn_formats.geotiff.cog.header import Tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bourn_formats.geotiff.cog.profile import Profile
    from bourn_formats.geotiff.cog.statistics import Statistics

__all__ = [
    "GEO_TAGS", "NODATA_TAG", "PLACEHOLDER", "HeaderMismatch", "metadata_tags", "nodata_tag", "nodata_text",
    "set_metadata", "verify_header",
]  # fmt: skip

NODATA_TAG = 42113
"""GDAL_NODATA, an ASCII text."""

GEO_TAGS = frozenset({33550, 33922, 34264, 34735, 34736, 34737})
"""ModelPixelScale, ModelTiepoint, ModelTransformation and the GeoKeys (OGC 19-008)."""

GEO_KEYS = frozenset({34735, 34736, 34737})
"""Those of the CRS: GeoKeyDirectory, GeoDoubleParams, GeoAsciiParams."""

WIDE_DTYPES = frozenset({"int64", "uint64"})
"""rasterio converts their nodata values to float64."""

PLACEHOLDER = Affine(2, 0, 0, 0, -2, 0)
"""Transform of an image without a grid; rasterio warns of the identity. Its tags are removed afterwards."""

_TEXT_TAGS = frozenset({269, 270, 280, 281, 282, 283, 296, 305, 306, 315, 316, 33432, 42112})
"""Tags that GDAL makes of metadata named ``TIFFTAG_...``, and GDAL_METADATA."""

_SIDE = 16
"""Height and width of the file in memory."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 11: 4, 12: 8, 16: 8}
"""Bytes of a value by its type number (TIFF 6.0 section 2, BigTIFF)."""

_ASCII = 2


class HeaderMismatch(ValueError):
    """GDAL reads something else from a header than was meant."""


def set_metadata(file: Any, profile: Profile, statistics: Sequence[Statistics]) -> None:
    """Set the metadata of an image and its bands in a rasterio dataset."""
    file.update_tags(**profile.tags)
    if profile.photometric == "MINISBLACK" and any(profile.colors):
        # GDAL stores them in GDAL_METADATA.
        file.colorinterp = [
            ColorInterp.alpha if index == profile.alpha and profile.alpha_tagged else ColorInterp[color or "undefined"]
            for index, color in enumerate(profile.colors)
        ]
    if set(profile.scales) != {1.0} or set(profile.offsets) != {0.0}:
        file.scales, file.offsets = profile.scales, profile.offsets
    for index, name in enumerate(profile.bands, 1):
        file.set_band_description(index, name)
        if profile.units[index - 1]:
            file.set_band_unit(index, profile.units[index - 1])
        tags = statistics[index - 1].tags() if not profile.dtype.startswith("complex") else {}
        description = profile.descriptions[index - 1]
        if description:
            tags["DESCRIPTION"] = description
        file.update_tags(index, **tags)


def metadata_tags(profile: Profile, statistics: Sequence[Statistics]) -> list[Tag]:
    """Return the tags of georeferencing, metadata, statistics and nodata."""
    crs = profile.crs
    citation = crs is not None and crs.citation
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=_SIDE, height=_SIDE, count=profile.shape[0], dtype=profile.dtype, alpha="NO",
            photometric="RGB" if profile.photometric == "RGB" else "MINISBLACK", SPARSE_OK=True,
            crs=None if crs is None or citation else crs.definition, transform=profile.transform or PLACEHOLDER,
        ) as file:  # fmt: skip
            if profile.point:
                # Before anything is written, so that GDAL moves the tie point (and back on reading).
                file.update_tags(AREA_OR_POINT="Point")
            set_metadata(file, profile, statistics)
        raw = memory.read()
    wanted = _TEXT_TAGS | (frozenset() if profile.transform is None else GEO_TAGS)
    if crs is None or not citation:
        return [*(tag for tag in _tags_of(raw) if tag.number in wanted), *nodata_tag(profile)]
    kept = [tag for tag in _tags_of(raw) if tag.number in wanted - GEO_KEYS]
    return [*kept, *citation_tags(crs.definition, point=profile.point), *nodata_tag(profile)]


def verify_header(header: bytes | Path, profile: Profile) -> None:
    """Compare CRS, transform and nodata value that GDAL reads from a header or a file with `profile`.

    Without a grid nothing is compared: GDAL would warn that there is none.

    Raises
    ------
    HeaderMismatch
        One of them differs from `profile`.
    """
    if profile.transform is None:
        return
    with ExitStack() as stack:
        if isinstance(header, bytes):
            file = stack.enter_context(stack.enter_context(MemoryFile(header)).open())
        else:
            file = stack.enter_context(rasterio.open(header))
        read_crs = None if file.crs is None else file.crs.to_wkt(version="WKT2_2019")
        transform, nodata = file.transform, file.nodata
    expected = None if profile.crs is None else profile.crs.read_back
    if read_crs != expected:
        msg = f"the file's CRS would be {read_crs}, not {expected}"
        raise HeaderMismatch(msg)
    if not _same_transform(transform, profile.transform):
        msg = f"the file's transform would be {tuple(transform)[:6]}, not {tuple(profile.transform)[:6]}"
        raise HeaderMismatch(msg)
    if profile.dtype not in WIDE_DTYPES and not _same_number(nodata, profile.nodata):
        msg = f"the file's nodata value would be {nodata}, not {profile.nodata}"
        raise HeaderMismatch(msg)


def _same_transform(read: Any, meant: Any) -> bool:
    """Whether two transforms differ by less than a millionth of a pixel, as half a pixel is added and subtracted."""
    size = max(abs(number) for number in (meant.a, meant.b, meant.d, meant.e))
    return all(abs(one - other) <= 1e-6 * size for one, other in zip(tuple(read)[:6], tuple(meant)[:6], strict=True))


def _same_number(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or (math.isnan(one) and math.isnan(other))


def nodata_tag(profile: Profile) -> list[Tag]:
    """Return the tag GDAL_NODATA, if there is a nodata value."""
    if profile.nodata is None:
        return []
    raw = nodata_text(profile.nodata, profile.dtype).encode("ascii") + b"\0"
    return [Tag(NODATA_TAG, _ASCII, len(raw), raw)]


def nodata_text(nodata: float, dtype: str) -> str:
    """Return a nodata value as GDAL writes it into GDAL_NODATA: exact, also for integers that no float64 holds."""
    if np.dtype(dtype).kind in "iu":
        return str(int(nodata))
    return "nan" if math.isnan(nodata) else f"{nodata:.17g}"


def _tags_of(raw: bytes) -> Iterator[Tag]:
    """Yield the tags of the first directory of a little-endian classic TIFF."""
    (offset,) = struct.unpack_from("<I", raw, 4)
    (count,) = struct.unpack_from("<H", raw, offset)
    for index in range(count):
        entry = offset + 2 + 12 * index
        number, kind, length, value = struct.unpack_from("<HHII", raw, entry)
        size = _SIZES[kind] * length
        start = entry + 8 if size <= 4 else value  # noqa: PLR2004  # stored in the entry itself
        yield Tag(number, kind, length, raw[start : start + size])
