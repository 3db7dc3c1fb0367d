"""What a GeoTIFF says of itself: its tags, as GDAL writes them into a file that holds nothing else.

GeoKeys, the pixel-is-point rule and GDAL's XML are GDAL's own this way, and the same as in files that it writes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from affine import Affine
from rasterio.io import MemoryFile

from bourn_formats.raster.layout import Tag
from bourn_formats.raster.profile import as_text
from bourn_formats.raster.tags import GEO_TAGS, NODATA_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bourn_formats.raster.profile import Profile
    from bourn_formats.raster.statistics import Statistics

__all__ = ["NOWHERE", "label", "label_tags", "nodata_tag"]

NOWHERE = Affine(2, 0, 0, 0, -2, 0)
"""Not the identity, of which rasterio warns; its tags are taken out again."""

_TEXT_TAGS = frozenset({269, 270, 280, 281, 282, 283, 296, 305, 306, 315, 316, 33432, 42112})
"""What GDAL makes of ``TIFFTAG_...`` among its metadata items, and all others."""

_SIDE = 16
"""Pixels of that file; no matter how many."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 11: 4, 12: 8, 16: 8}
"""Bytes of a value, by the number of its type (TIFF 6.0 section 2, BigTIFF)."""

_ASCII = 2


def label(file: Any, profile: Profile, statistics: Sequence[Statistics]) -> None:
    """Set what is known of the image and its bands in a rasterio dataset."""
    file.update_tags(**profile.items)
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


def label_tags(profile: Profile, statistics: Sequence[Statistics]) -> list[Tag]:
    """Where it lies, the image's properties, the facts and statistics of its bands, and nodata."""
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=_SIDE, height=_SIDE, count=profile.shape[0], dtype=profile.dtype,
            crs=profile.crs_wkt, transform=profile.transform or NOWHERE, SPARSE_OK=True,
        ) as file:  # fmt: skip
            if profile.point:
                # Before anything is written: GDAL then moves the tie point, and back when it reads.
                file.update_tags(AREA_OR_POINT="Point")
            label(file, profile, statistics)
        raw = memory.read()
    wanted = _TEXT_TAGS | (frozenset() if profile.transform is None else GEO_TAGS)
    return [*(tag for tag in _tags_of(raw) if tag.number in wanted), *nodata_tag(profile)]


def nodata_tag(profile: Profile) -> list[Tag]:
    """GDAL_NODATA, if there is a nodata value."""
    if profile.nodata is None:
        return []
    raw = as_text(profile.nodata, profile.dtype).encode("ascii") + b"\0"
    return [Tag(NODATA_TAG, _ASCII, len(raw), raw)]


def _tags_of(raw: bytes) -> Iterator[Tag]:
    """Those of the first directory of a little-endian TIFF that is no BigTIFF."""
    (place,) = struct.unpack_from("<I", raw, 4)
    (count,) = struct.unpack_from("<H", raw, place)
    for index in range(count):
        entry = place + 2 + 12 * index
        number, kind, length, value = struct.unpack_from("<HHII", raw, entry)
        size = _SIZES[kind] * length
        start = entry + 8 if size <= 4 else value  # noqa: PLR2004  # what fits stands in the entry itself
        yield Tag(number, kind, length, raw[start : start + size])
