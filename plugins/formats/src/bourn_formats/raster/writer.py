"""Who writes a GeoTIFF: bourn itself where it can, GDAL where it must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn_formats.raster import cog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.plugin import Image, Sink

    from bourn_formats.raster.profile import Profile

__all__ = ["write"]


def write(image: Image, profile: Profile, sink: Sink) -> Mapping[str, Any]:
    """Write `image` as `profile` says; gives the report."""
    if cog.takes(profile):
        return cog.write(image, profile, sink)
    from bourn_formats.raster import cog_by_gdal  # only for what is not written here

    return cog_by_gdal.write(image, profile, sink)
