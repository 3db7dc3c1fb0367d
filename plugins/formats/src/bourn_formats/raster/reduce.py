"""A block of the next resolution, by the profile's resampler: what is masked, nodata and alpha mean for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bourn_formats.raster.overview import average, mode, nearest

if TYPE_CHECKING:
    from bourn_formats.raster.halving import Span
    from bourn_formats.raster.profile import Profile

__all__ = ["reduced"]

Array = np.ndarray[Any, Any]


def reduced(
    pixels: Array, invalid: Array | None, rows: Span, columns: Span, profile: Profile
) -> tuple[Array, Array | None]:
    """(pixels of the overview, True where the mask leaves them out), the latter None if it leaves out none.

    An alpha band is joined whatever is masked; where nothing else says what is transparent it does, for the colours:
    GDAL's rules (`GetMaskFlags`).
    """
    if profile.resampler == "nearest":
        small = nearest(pixels, rows, columns)
        return small, None if invalid is None else nearest(invalid, rows, columns)[0]
    if profile.alpha is None:
        return _joined(pixels, invalid, rows, columns, profile)
    colours = np.delete(pixels, profile.alpha, axis=0)
    alpha = pixels[profile.alpha : profile.alpha + 1]
    transparent = alpha == 0
    if profile.nodata is None and profile.masking != "internal":
        invalid = transparent if transparent.any() else None
    elif invalid is not None and len(invalid) > 1:  # one a band
        invalid = np.delete(invalid, profile.alpha, axis=0)
    small, none = _joined(colours, invalid, rows, columns, profile)
    of_alpha = _of_alpha(alpha, transparent, rows, columns, profile)
    return np.insert(small, profile.alpha, of_alpha[0], axis=0), none


def _of_alpha(alpha: Array, transparent: Array, rows: Span, columns: Span, profile: Profile) -> Array:
    """The mean of what is not transparent; 0 only where all is, where GDAL would write the nodata value."""
    if profile.resampler == "mode":
        return mode(alpha, None, rows, columns)[0]
    small, none = average(alpha, transparent if transparent.any() else None, rows, columns, exact=False)
    if profile.nodata is not None and not profile.plain[profile.alpha or 0]:
        small = _without(small, np.array(profile.nodata).astype(alpha.dtype))
    if none is not None:
        small[none] = 0
    return small


def _joined(
    pixels: Array, invalid: Array | None, rows: Span, columns: Span, profile: Profile
) -> tuple[Array, Array | None]:
    """The same without regard to an alpha; where nothing is valid stands nodata, or 0."""
    empty = np.array(0 if profile.nodata is None else profile.nodata).astype(pixels.dtype)
    if profile.resampler == "mode":
        small, none = mode(pixels, invalid, rows, columns)
    else:
        exact = profile.nodata is not None or profile.masking == "internal"
        small, none = average(pixels, invalid, rows, columns, exact=exact)
        if profile.nodata is not None:
            small = _without(small, empty)
    if none is None:
        return small, None
    np.copyto(small, empty, where=none)
    return small, none[0]


def _without(small: Array, nodata: Array) -> Array:
    """With the value next to nodata where it happens to be that: the next higher one, at the limit the lower.

    As GDAL does for bytes and unsigned 16 bits (`GDALResampleChunk_AverageOrRMS` in gcore/overview.cpp); of other
    integers it compares the mean before it is rounded, and so lets some become nodata.
    """
    same = small == nodata
    if not same.any():
        return small
    if small.dtype.kind == "f":
        other = np.nextafter(nodata, np.array(np.inf, small.dtype))
    else:
        other = nodata + 1 if nodata < np.iinfo(small.dtype).max else nodata - 1
    np.copyto(small, other.astype(small.dtype), where=same)
    return small
