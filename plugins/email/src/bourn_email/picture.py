"""Size, bands, CRS and thumbnail of an image in a message."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    import numpy as np
    from bourn.plugin import Artifact
    from numpy.typing import NDArray

__all__ = ["MAX_PIXELS", "Picture", "picture_of"]

_log = logging.getLogger("bourn.email")

MEDIA_TYPE = "image/tiff"

MAX_WIDTH, MAX_HEIGHT = 360, 240
"""Largest size of the picture in pixels."""

ENLARGE_BELOW = 120
"""Pixels of the longer side; the pixels of smaller images are enlarged."""

MIN_SIDE = 16
"""Smallest shorter side in pixels; thinner images get no picture."""

MAX_PIXELS = 4_000_000
"""Largest file without overviews of which a picture is made."""

MAX_BANDS, MAX_NAMES_LENGTH = 12, 160
"""Limits on the bands that are named, and on the characters of their names."""

MAX_NAME_LENGTH = 40
"""Characters of one name or CRS."""

DARKEST, BRIGHTEST = 2, 98
"""Percentiles shown as black and white."""


@attrs.frozen(kw_only=True)
class Picture:
    """Description of an image.

    Attributes
    ----------
    pixels : str
        Such as ``1,024 x 768 pixels``.
    bands : str
        Names and dtype.
    crs : str
    data : bytes or None
        PNG or JPEG.
    width, height : int
        Pixels of `data`.
    """

    pixels: str
    bands: str
    crs: str
    data: bytes | None = attrs.field(default=None, repr=False)
    width: int = 0
    height: int = 0


def picture_of(artifact: Artifact) -> Picture | None:
    """Return the description of a GeoTIFF; None for anything else, or if the file can't be read."""
    if artifact.media_type.partition(";")[0] != MEDIA_TYPE:
        return None
    try:
        return _picture_of(artifact)
    except Exception:  # noqa: BLE001  # GDAL may raise anything; the message is sent without its picture
        _log.warning("no picture of %s", artifact.key, exc_info=True)
        return None


def _picture_of(artifact: Artifact) -> Picture | None:
    try:
        import rasterio  # 0.3 s, on first use; an extra of this distribution
    except ImportError:
        return None
    with ExitStack() as stack:
        path = artifact.local_path
        source: Any = str(path) if path is not None else stack.enter_context(artifact.open())
        # Only as a TIFF: a VRT in a .tif would read other files.
        with rasterio.open(source, driver="GTiff") as file:
            picture = Picture(pixels=f"{file.width:,} x {file.height:,} pixels", bands=_bands(file), crs=_crs(file))
            colours = _colours(file)
            smallest = max((len(file.overviews(band)) for band in file.indexes[:1]), default=0)
            if not smallest:
                return (
                    attrs.evolve(picture, **_drawn(file, colours))
                    if file.width * file.height <= MAX_PIXELS
                    else picture
                )
        with rasterio.open(source, driver="GTiff", overview_level=smallest - 1) as file:
            return attrs.evolve(picture, **_drawn(file, colours))


def _bands(file: Any) -> str:
    names = [_short(name or f"band {number}") for number, name in enumerate(file.descriptions, 1)]
    picture = names[:1]
    for name in names[1:MAX_BANDS]:
        if len(", ".join([*picture, name])) > MAX_NAMES_LENGTH:
            break
        picture.append(name)
    more = f" and {len(names) - len(picture)} more" if len(names) > len(picture) else ""
    return f"{', '.join(picture)}{more} ({file.dtypes[0]})"


def _crs(file: Any) -> str:
    if file.crs is None:
        return ""
    code = file.crs.to_epsg()
    return f"EPSG:{code}" if code else _short(file.crs.to_wkt().partition('"')[2].partition('"')[0])


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 3]}..."


def _drawn(file: Any, bands: list[int]) -> dict[str, Any]:
    """Return the thumbnail of an open file from one or three bands, as fields of `Picture`."""
    import numpy as np  # with rasterio

    if "complex" in file.dtypes[0]:
        return {}
    scale = min(MAX_WIDTH / file.width, MAX_HEIGHT / file.height, 1.0)
    shape = max(1, round(file.height * scale)), max(1, round(file.width * scale))
    times = max(1, ENLARGE_BELOW // max(shape))
    if min(shape) * times < MIN_SIDE:
        return {}
    from rasterio.enums import Resampling  # see above

    # A single band may hold classes, which can't be averaged.
    how = Resampling.average if len(bands) > 1 else Resampling.nearest
    read = file.read(bands, out_shape=(len(bands), *shape), masked=True, resampling=how)
    pixels = np.ma.filled(read.astype("float64"), np.nan)
    valid = np.asarray(np.isfinite(pixels).all(axis=0))
    if not valid.any():
        return {}
    colours = _stretched(pixels, valid)
    enlarged = np.broadcast_to(colours, (3, *shape)).repeat(times, axis=1).repeat(times, axis=2)
    data = _encoded(enlarged, valid.repeat(times, axis=0).repeat(times, axis=1))
    return {"data": data, "width": shape[1] * times, "height": shape[0] * times}


def _colours(file: Any) -> list[int]:
    """Return the numbers of the red, green and blue bands, else of the first band."""
    names = {(name or "").strip().lower(): number for number, name in enumerate(file.descriptions, 1)}
    chosen = [names.get(colour, names.get(colour[0])) for colour in ("red", "green", "blue")]
    if all(chosen):
        return [number for number in chosen if number]
    interpretations = [meaning.name for meaning in file.colorinterp]
    if {"red", "green", "blue"} <= set(interpretations):
        return [interpretations.index(colour) + 1 for colour in ("red", "green", "blue")]
    return [1]


def _stretched(pixels: NDArray[np.float64], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Stretch all bands alike, so that hues are kept."""
    import numpy as np  # see above

    low, high = np.percentile(pixels[:, valid], (DARKEST, BRIGHTEST))
    span = float(high - low) or 1.0
    scaled = np.clip((np.where(valid, pixels, low) - low) / span * 255, 0, 255)
    return np.asarray(scaled.round(), "uint8")


def _encoded(pixels: NDArray[np.uint8], valid: NDArray[np.bool_]) -> bytes:
    """Encode as JPEG, or as PNG with transparency if pixels are masked."""
    import numpy as np  # see above
    from rasterio.io import MemoryFile
    from rasterio.transform import Affine

    whole = bool(valid.all())
    layers = pixels if whole else np.concatenate([pixels, (valid * 255).astype("uint8")[None]])
    given: dict[str, Any] = {"driver": "JPEG", "quality": 85} if whole else {"driver": "PNG", "zlevel": 9}
    # Any transform avoids GDAL's warning about a missing one.
    grid = Affine(1, 0, 1, 0, -1, 1)
    with MemoryFile() as memory:
        with memory.open(
            count=len(layers), height=layers.shape[1], width=layers.shape[2], dtype="uint8", transform=grid, **given
        ) as file:
            file.write(layers)
        return bytes(memory.read())
