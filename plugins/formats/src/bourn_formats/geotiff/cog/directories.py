"""Directories of the file: full resolution, its mask, each overview and its mask (TIFF 6.0, GDAL's order)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bourn_formats.geotiff.cog.header import Directory, Tag, long_tag, short_tag
from bourn_formats.geotiff.cog.metadata import metadata_tags, nodata_tag
from bourn_formats.geotiff.cog.tiles import COMPRESSION_TAGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn_formats.geotiff.cog.level import OverviewLevel
    from bourn_formats.geotiff.cog.profile import Profile
    from bourn_formats.geotiff.cog.statistics import Statistics

__all__ = ["make_directories"]

REDUCED, MASK = 1, 4
"""Bits of NewSubfileType (tag 254): reduced resolution, transparency mask."""

_SHORT = 3
_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3, "c": 6}
_PHOTOMETRIC = {"MINISBLACK": 1, "RGB": 2, "PALETTE": 3}
_TRANSPARENCY = 4
_UNASSOCIATED_ALPHA = 2


def make_directories(
    profile: Profile, levels: Sequence[OverviewLevel], statistics: Sequence[Statistics]
) -> list[Directory]:
    """Return the directory of each level, followed by that of its mask."""
    found = []
    for level in levels:
        tags = [*_colormap(profile), *(nodata_tag(profile) if level.index else metadata_tags(profile, statistics))]
        kind = REDUCED if level.index else 0
        size = _size(level, profile)
        found.append(Directory([*size, *_pixels(profile, kind), *tags], level.offsets[0], level.sizes[0], level.index))
        if profile.masking == "internal":
            found.append(Directory([*size, *_mask(kind | MASK)], level.offsets[1], level.sizes[1], level.index))
    return found


def _size(level: OverviewLevel, profile: Profile) -> list[Tag]:
    return [
        long_tag(256, level.x_axis.length), long_tag(257, level.y_axis.length),
        short_tag(284, 1),  # PlanarConfiguration: pixel-interleaved
        short_tag(322, profile.blocksize), short_tag(323, profile.blocksize),
    ]  # fmt: skip


def _pixels(profile: Profile, kind: int) -> list[Tag]:
    count, dtype = profile.shape[0], np.dtype(profile.dtype)
    colours = 3 if profile.photometric == "RGB" else 1
    tags = [
        short_tag(258, *[8 * dtype.itemsize] * count),
        short_tag(259, COMPRESSION_TAGS[profile.compression]),
        short_tag(262, _PHOTOMETRIC[profile.photometric]),
        short_tag(277, count),
        short_tag(339, *[_SAMPLE_FORMATS[dtype.kind]] * count),
    ]
    if kind:
        tags.append(long_tag(254, kind))
    if profile.predictor != 1:
        tags.append(short_tag(317, profile.predictor))
    if count > colours:
        # ExtraSamples: unspecified, or the alpha band.
        extra = [0] * (count - colours)
        if profile.alpha is not None and profile.alpha_tagged:
            extra[profile.alpha - colours] = _UNASSOCIATED_ALPHA
        tags.append(short_tag(338, *extra))
    return tags


def _colormap(profile: Profile) -> list[Tag]:
    """Return ColorMap: all reds, greens and blues as 16-bit numbers."""
    if profile.colormap is None:
        return []
    table = np.zeros((3, 1 << 8 * np.dtype(profile.dtype).itemsize), "<u2")
    table[:, : len(profile.colormap)] = np.transpose(profile.colormap) * 257
    return [Tag(320, _SHORT, table.size, table.tobytes())]


def _mask(kind: int) -> list[Tag]:
    return [
        long_tag(254, kind), short_tag(258, 1), short_tag(259, COMPRESSION_TAGS["DEFLATE"]),
        short_tag(262, _TRANSPARENCY),
        short_tag(277, 1), short_tag(339, 1),
    ]  # fmt: skip
