"""What an image is put together from: what a file or an xarray object was found to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn.image.pixels import Pixels

__all__ = ["ImageParts"]


@attrs.frozen(kw_only=True)
class ImageParts:
    """What an image is put together from.

    Attributes
    ----------
    pixels : Pixels
    bands : tuple of str
    geobox : GeoBox or None
    properties : mapping
    bandinfo : mapping
        By the names of the bands.
    by_nodata : bool
        Whether pixels that are nodata, or NaN, are still to be masked.
    notes : sequence of str
        What was found and is not kept.
    """

    pixels: Pixels
    bands: tuple[str, ...]
    geobox: Any
    properties: Mapping[str, Any]
    bandinfo: Mapping[str, Mapping[str, Any]]
    by_nodata: bool = False
    notes: Sequence[str] = ()
