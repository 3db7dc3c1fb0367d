"""What an image looks like: its size, bands and CRS, and a small picture of its smallest overview."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    import numpy as np
    from bourn.plugin import Artifact
    from numpy.typing import NDArray

__all__ = ["MOST_PIXELS", "Picture", "picture_of"]

_log = logging.getLogger("bourn.email")

MEDIA_TYPE = "image/tiff"

WIDEST, HIGHEST = 360, 240
"""Pixels of the picture."""

LEAST = 120
"""Pixels of the longer side: where an image has fewer, each is drawn as a square."""

THINNEST = 16
"""Pixels of the shorter side: a strip that is thinner shows nothing."""

MOST_PIXELS = 4_000_000
"""Of a file without overviews, all of which are read."""

MOST_BANDS, MOST_LETTERS = 12, 160
"""Bands whose names are told, and characters of all of them."""

LONGEST_NAME = 40
"""Characters of one name or CRS; what is longer is cut."""

DARKEST, BRIGHTEST = 2, 98
"""Percentiles that become black and white."""


@attrs.frozen(kw_only=True)
class Picture:
    """Of an image.

    Attributes
    ----------
    pixels : str
        Such as ``1,024 x 768 pixels``.
    bands : str
        Their names and dtype.
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
    """What a GeoTIFF looks like; None for anything else, and where it can't be seen: a message goes without, then."""
    if artifact.media_type.partition(";")[0] != MEDIA_TYPE:
        return None
    try:
        return _picture_of(artifact)
    except Exception:  # noqa: BLE001  # whatever GDAL says of a file; the message is not about its picture
        _log.warning("no picture of %s", artifact.key, exc_info=True)
        return None


def _picture_of(artifact: Artifact) -> Picture | None:
    try:
        import rasterio  # 0.3 s, where images are sent only; an extra of this distribution
    except ImportError:
        return None
    with ExitStack() as stack:
        path = artifact.local_path
        source: Any = str(path) if path is not None else stack.enter_context(artifact.open())
        # A TIFF is read as one, and nothing else that only looks like one: a VRT names other files.
        with rasterio.open(source, driver="GTiff") as file:
            told = Picture(pixels=f"{file.width:,} x {file.height:,} pixels", bands=_bands(file), crs=_crs(file))
            colours = _colours(file)
            smallest = max((len(file.overviews(band)) for band in file.indexes[:1]), default=0)
            if not smallest:
                return attrs.evolve(told, **_drawn(file, colours)) if file.width * file.height <= MOST_PIXELS else told
        with rasterio.open(source, driver="GTiff", overview_level=smallest - 1) as file:
            return attrs.evolve(told, **_drawn(file, colours))


def _bands(file: Any) -> str:
    names = [_short(name or f"band {number}") for number, name in enumerate(file.descriptions, 1)]
    told = names[:1]
    for name in names[1:MOST_BANDS]:
        if len(", ".join([*told, name])) > MOST_LETTERS:
            break
        told.append(name)
    more = f" and {len(names) - len(told)} more" if len(names) > len(told) else ""
    return f"{', '.join(told)}{more} ({file.dtypes[0]})"


def _crs(file: Any) -> str:
    if file.crs is None:
        return ""
    code = file.crs.to_epsg()
    return f"EPSG:{code}" if code else _short(file.crs.to_wkt().partition('"')[2].partition('"')[0])


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."


def _drawn(file: Any, bands: list[int]) -> dict[str, Any]:
    """The picture of an open file, in up to three of its bands, as fields of `Picture`."""
    import numpy as np  # with rasterio

    if "complex" in file.dtypes[0]:
        return {}
    scale = min(WIDEST / file.width, HIGHEST / file.height, 1.0)
    shape = max(1, round(file.height * scale)), max(1, round(file.width * scale))
    times = max(1, LEAST // max(shape))
    if min(shape) * times < THINNEST:
        return {}
    from rasterio.enums import Resampling  # see above

    # What is no photograph may be classes, between which there is nothing.
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
    """The bands that are red, green and blue; the first one where there are none such."""
    names = {(name or "").strip().lower(): number for number, name in enumerate(file.descriptions, 1)}
    chosen = [names.get(colour, names.get(colour[0])) for colour in ("red", "green", "blue")]
    if all(chosen):
        return [number for number in chosen if number]
    meant = [meaning.name for meaning in file.colorinterp]
    if {"red", "green", "blue"} <= set(meant):
        return [meant.index(colour) + 1 for colour in ("red", "green", "blue")]
    return [1]


def _stretched(pixels: NDArray[np.float64], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """All bands alike, so that a colour stays what it is."""
    import numpy as np  # see above

    low, high = np.percentile(pixels[:, valid], (DARKEST, BRIGHTEST))
    span = float(high - low) or 1.0
    scaled = np.clip((np.where(valid, pixels, low) - low) / span * 255, 0, 255)
    return np.asarray(scaled.round(), "uint8")


def _encoded(pixels: NDArray[np.uint8], valid: NDArray[np.bool_]) -> bytes:
    """JPEG; PNG where something is masked, so that the page shows through."""
    import numpy as np  # see above
    from rasterio.io import MemoryFile
    from rasterio.transform import Affine

    whole = bool(valid.all())
    layers = pixels if whole else np.concatenate([pixels, (valid * 255).astype("uint8")[None]])
    given: dict[str, Any] = {"driver": "JPEG", "quality": 85} if whole else {"driver": "PNG", "zlevel": 9}
    # A grid of some kind, so that nobody is warned that there is none.
    grid = Affine(1, 0, 1, 0, -1, 1)
    with MemoryFile() as memory:
        with memory.open(
            count=len(layers), height=layers.shape[1], width=layers.shape[2], dtype="uint8", transform=grid, **given
        ) as file:
            file.write(layers)
        return bytes(memory.read())
