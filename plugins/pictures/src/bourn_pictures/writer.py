"""A picture compressed as PNG, JPEG or WebP, by GDAL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from bourn.plugin import EncodeError

from bourn_pictures.options import JPEGOptions, PNGOptions, WebPOptions

if TYPE_CHECKING:
    from bourn.plugin import Sink

    from bourn_pictures.options import PictureOptions
    from bourn_pictures.picture import Picture

__all__ = ["write"]

PIECE_BYTES = 1 << 20


def write(picture: Picture, driver: str, options: PictureOptions, sink: Sink) -> None:
    """Compress a picture and write it.

    Raises
    ------
    EncodeError
        This build of GDAL does not have the driver.
    """
    from rasterio.errors import RasterioIOError  # 0.3 s
    from rasterio.io import MemoryFile
    from rasterio.transform import Affine

    layers, created = _layers(picture, options), _creation_options(options)
    count, height, width = layers.shape
    # Any transform avoids GDAL's warning about a missing one; the file has no place for it.
    form = {"count": count, "height": height, "width": width, "dtype": "uint8", "transform": Affine(1, 0, 1, 0, -1, 1)}
    try:
        with MemoryFile(ext=f".{driver.lower()}") as memory:
            with memory.open(driver=driver, **form, **created) as file:
                file.write(layers)
            memory.seek(0)
            while piece := memory.read(PIECE_BYTES):
                sink.write(piece)
    except RasterioIOError as cause:
        raise EncodeError(f"result: GDAL can't write it as {driver}: {cause}") from cause


def _layers(picture: Picture, options: PictureOptions) -> Any:
    """Return the bands to write: with alpha where a pixel is masked, and the format has it."""
    colors, valid = picture.colors, picture.valid
    if isinstance(options, WebPOptions):  # which has no grey
        colors = np.broadcast_to(colors, (3, *valid.shape))
    if valid.all():
        return colors
    if isinstance(options, JPEGOptions):
        background = np.array(options.background, np.uint8)[:, None, None]
        return np.where(valid, np.broadcast_to(colors, (3, *valid.shape)), background)
    return np.concatenate([np.where(valid, colors, 0), np.where(valid, 255, 0)[None]]).astype(np.uint8)


def _creation_options(options: PictureOptions) -> dict[str, Any]:
    if isinstance(options, PNGOptions):
        return {"ZLEVEL": options.level}
    if isinstance(options, JPEGOptions):
        return {"QUALITY": options.quality}
    if isinstance(options, WebPOptions):
        return {"LOSSLESS": "YES"} if options.lossless else {"QUALITY": options.quality}
    return {}
