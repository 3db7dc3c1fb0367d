"""Profile of a GeoTIFF: everything that is decided before a pixel is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn_formats.geotiff.cog.crs import EncodedCRS

__all__ = ["Profile"]


@attrs.frozen(kw_only=True)
class Profile:
    """Shape, dtype, georeferencing, colors, metadata and encoding of a file.

    Attributes
    ----------
    shape : (int, int, int)
        (band, y, x).
    dtype : str
        numpy's name; one of the dtypes of TIFF (no bool, no float16).
    nodata : number or None
        The file's nodata value.
    masking : "none", "nodata" or "internal"
        How masked pixels are stored: not at all, as the nodata value, or in a mask within the file.
    missing : sequence of number or None
        Per band the value that is masked where the file has a mask instead of a nodata value.
    plain : sequence of bool
        Per band whether the file's nodata value does not apply to it: a mask or an alpha without nodata.
    photometric : "MINISBLACK", "RGB" or "PALETTE"
    colormap : sequence of (int, int, int) or None
        Red, green and blue of the values 0, 1, 2, ... of a palette.
    colors : sequence of str or None
        Per band the color (rasterio's ColorInterp) where photometric does not tell it.
    alpha : int or None
        Index of the alpha band.
    alpha_tagged : bool
        Whether the file declares the alpha band.
    bands, units, descriptions
        Per band: name, unit or None, description or None.
    scales, offsets : sequence of float
        Per band.
    transform : Affine or None
        From pixel corners to the CRS.
    crs : EncodedCRS or None
    point : bool
        Whether a pixel stands for a point (AREA_OR_POINT=Point).
    tags : mapping of str to str
        Metadata tags of the file (GDAL's default domain).
    compression : "DEFLATE", "ZSTD" or "NONE" here; others by GDAL
    level : int or None
        None: the default of the codec.
    predictor : 1, 2 or 3
        TIFF's number.
    blocksize : int
        Height and width of a tile.
    overviews : bool
    resampler : "nearest", "average" or "mode" here; others by GDAL
        Of the overviews.
    """

    shape: tuple[int, int, int]
    dtype: str
    nodata: int | float | None
    masking: Literal["none", "nodata", "internal"]
    missing: Sequence[int | float | complex | None]
    plain: Sequence[bool]
    photometric: str
    colormap: Sequence[tuple[int, int, int]] | None
    colors: Sequence[str | None]
    alpha: int | None
    alpha_tagged: bool
    bands: Sequence[str]
    units: Sequence[str | None]
    scales: Sequence[float]
    offsets: Sequence[float]
    descriptions: Sequence[str | None]
    transform: Any
    crs: EncodedCRS | None
    point: bool
    tags: Mapping[str, str]
    compression: str
    level: int | None
    predictor: int
    blocksize: int
    overviews: bool
    resampler: str
