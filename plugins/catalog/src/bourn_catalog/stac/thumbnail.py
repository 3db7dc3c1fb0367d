"""A small picture of an image: from its smallest overview that is large enough, what is masked transparent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from bourn_catalog.model.definition import Definition

__all__ = ["thumbnail"]

SIDE = 256
"""Pixels of the longer side, at most."""

SHARE = (2, 98)
"""Percent of the valid pixels between which a band is stretched, where nobody says what black and white are."""

_RGB = ("red", "green", "blue")


def thumbnail(path_or_file: str | os.PathLike[str] | BinaryIO, product: Definition | None = None) -> bytes:
    """A PNG of a GeoTIFF: red, green and blue where it has them, else its first band in grey.

    Parameters
    ----------
    path_or_file : path or binary file
    product : Definition, optional
        Its bands may say what is shown as black and white, and the colours of classes.
    """
    import rasterio  # 0.3 s

    with rasterio.open(path_or_file, driver="GTiff") as full:
        shape = _size(full.height, full.width)
        level = _level(full.overviews(1), full.shape, shape)
        names = [name or "" for name in full.descriptions]
    if hasattr(path_or_file, "seek"):
        path_or_file.seek(0)
    more = {} if level is None else {"OVERVIEW_LEVEL": level}
    with rasterio.open(path_or_file, driver="GTiff", **more) as file:
        shown = _shown(file, names)
        layers = [file.read(number, out_shape=shape) for number in shown]
        valid = np.logical_and.reduce([file.read_masks(number, out_shape=shape) != 0 for number in shown])
    bands = [None if product is None else product.bands[number - 1] for number in shown]
    return _png([*_pictured(layers, valid, bands), np.where(valid, 255, 0).astype(np.uint8)])


def _size(height: int, width: int) -> tuple[int, int]:
    share = min(1.0, SIDE / max(height, width))
    return max(1, round(height * share)), max(1, round(width * share))


def _level(factors: Sequence[int], shape: tuple[int, int], wanted: tuple[int, int]) -> int | None:
    """The smallest overview that is not smaller than what is wanted; None for the image itself."""
    fitting = [
        index
        for index, factor in enumerate(factors)
        if shape[0] // factor >= wanted[0] and shape[1] // factor >= wanted[1]
    ]
    return fitting[-1] if fitting else None


def _shown(file: Any, names: Sequence[str]) -> list[int]:
    """The bands to show, counted from 1."""
    from rasterio.enums import ColorInterp  # loaded already

    folded = [name.casefold() for name in names]
    if all(folded.count(name) == 1 for name in _RGB):
        return [folded.index(name) + 1 for name in _RGB]
    data = [number for number, role in zip(file.indexes, file.colorinterp, strict=True) if role != ColorInterp.alpha]
    return [next((number for number in data if folded[number - 1] != "alpha"), 1)]


def _pictured(layers: Sequence[Any], valid: Any, bands: Sequence[Any]) -> list[Any]:
    colours = getattr(bands[0], "colormap", None)
    if len(layers) == 1 and colours:
        table = np.array(colours, np.uint8)[:, :3]
        known = valid & (layers[0] >= 0) & (layers[0] < len(table))
        index = np.where(known, layers[0], 0).astype(np.intp)
        return [np.where(known, table[index, part], 0).astype(np.uint8) for part in range(3)]
    return [
        _stretched(layer, valid, getattr(band, "display_range", None))
        for layer, band in zip(layers, bands, strict=True)
    ]


def _stretched(layer: Any, valid: Any, ends: tuple[float, float] | None) -> Any:
    values = layer.astype(np.float64)
    valid = valid & np.isfinite(values)
    if not valid.any():
        return np.zeros(layer.shape, np.uint8)
    low, high = np.percentile(values[valid], SHARE) if ends is None else ends
    if low == high:
        return np.where(valid, 127, 0).astype(np.uint8)
    with np.errstate(over="ignore", invalid="ignore"):  # what is masked may be anything
        share = np.clip((np.where(valid, values, low) - low) / (high - low), 0, 1)
    return np.where(valid, np.rint(255 * share), 0).astype(np.uint8)


def _png(layers: Sequence[Any]) -> bytes:
    from rasterio import Affine  # loaded already
    from rasterio.io import MemoryFile  # the same

    height, width = layers[0].shape
    # A picture lies nowhere. Said so, rasterio warns of it, and warnings can't be ignored safely in one thread alone;
    # PNG itself has no place for where it lies.
    form = {"driver": "PNG", "width": width, "height": height, "count": len(layers), "transform": Affine.scale(2)}
    with MemoryFile(ext=".png") as memory:
        with memory.open(**form, dtype="uint8") as file:
            for number, layer in enumerate(layers, 1):
                file.write(layer, number)
        made: bytes = memory.read()
    return made
