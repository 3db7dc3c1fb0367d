"""What is said of a file that was written: the same whoever wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn_formats.raster.profile import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn_formats.raster.profile import Profile

__all__ = ["report"]


def report(profile: Profile, counts: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """The report: what means no data, counts by kind and band where there are any, and notes."""
    counted = {kind: dict(by_band) for kind, by_band in counts.items() if by_band}
    return {"cog": profile.tiled, "nodata": _told(profile), **counted, "notes": list(profile.notes)}


def _told(profile: Profile) -> str:
    """How the file says what is not valid; the nodata value as a text, since JSON has neither NaN nor all of int64."""
    if profile.nodata is not None:
        return as_text(profile.nodata, profile.dtype)
    return "mask" if profile.masking == "internal" else "none"
