"""An image drawn as a picture: its bands chosen, read at the size of the picture, and stretched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from bourn.plugin import EncodeError, ResultRefused

from bourn_pictures.colormaps import colors_of

if TYPE_CHECKING:
    from bourn.plugin import Image
    from numpy.typing import NDArray

    from bourn_pictures.options import PictureOptions

__all__ = ["Picture", "draw"]

RGB = ("red", "green", "blue")


@attrs.frozen(kw_only=True, eq=False)
class Picture:
    """A picture before it is compressed.

    Attributes
    ----------
    colors : (1 or 3, y, x) uint8 array
    valid : (y, x) bool array
    report : mapping
    """

    colors: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    report: dict[str, Any]


def draw(image: Image, options: PictureOptions) -> Picture:
    """Read an image at the size of the picture, and stretch it.

    Raises
    ------
    EncodeError
        The image has none of the bands that were asked for.
    ResultRefused
        The bands are complex.
    """
    names = _chosen_bands(image, options.bands)
    shown = image.select(names)
    if any(dtype.kind == "c" for dtype in shown.dtypes):
        raise ResultRefused(f"a picture of {shown.dtypes[0]} needs real numbers, such as the magnitude")
    _, height, width = shown.shape
    scale = min(1.0, options.size / max(height, width))
    small = shown.preview(max(1, round(height * scale)), max(1, round(width * scale)))
    layers = [np.asarray(small.band(name)) for name in names]
    valid = _valid(layers, small.mask)
    report: dict[str, Any] = {"size": [layers[0].shape[1], layers[0].shape[0]], "bands": names}
    report["masked"] = int(valid.size - np.count_nonzero(valid))
    classes = image.properties.get("colormap") if len(names) == 1 else None
    if classes is not None and layers[0].dtype.kind in "bui":
        return Picture(colors=_class_colors(layers[0], classes), valid=valid, report=report)
    stretched = [_stretch(layer, valid, options) for layer in layers]
    report["range"] = {name: list(ends) for name, (_, ends, _) in zip(names, stretched, strict=True)}
    report["clipped"] = {name: count for name, (_, _, count) in zip(names, stretched, strict=True) if count}
    colors = np.stack([layer for layer, _, _ in stretched])
    if options.colormap != "grey" and len(names) == 1:
        colors = np.moveaxis(colors_of(options.colormap)[colors[0]], -1, 0)
    return Picture(colors=colors, valid=valid, report=report)


def _chosen_bands(image: Image, names: list[str]) -> list[str]:
    missing = [name for name in names if name not in image.bands]
    if missing:
        known = ", ".join(map(repr, image.bands))
        raise EncodeError(f"format.bands: the result has no band {', '.join(map(repr, missing))}; it has {known}")
    if names:
        return list(names)
    folded = [name.casefold() for name in image.bands]
    if all(folded.count(name) == 1 for name in RGB):
        return [image.bands[folded.index(name)] for name in RGB]
    kinds = ((name, image.bandinfo[name].get("kind")) for name in image.bands)
    return [next((name for name, kind in kinds if kind != "mask"), image.bands[0])]


def _valid(layers: list[Any], mask: Any) -> NDArray[np.bool_]:
    valid = np.ones(layers[0].shape, bool)
    if mask is not None:
        masked = np.asarray(mask)
        valid &= ~(masked.any(axis=0) if masked.ndim == 3 else masked)  # noqa: PLR2004  # (band, y, x)
    for layer in layers:
        if layer.dtype.kind == "f":
            valid &= np.isfinite(layer)
    return valid


def _class_colors(layer: Any, colormap: Any) -> NDArray[np.uint8]:
    """Return the colors of classes; black for a class without one."""
    table = np.asarray(colormap, np.uint8)[:, :3]
    known = (layer >= 0) & (layer < len(table))
    colors = table[np.where(known, layer, 0).astype(np.intp)]
    return np.moveaxis(np.where(known[..., None], colors, 0).astype(np.uint8), -1, 0)


def _stretch(
    layer: Any, valid: NDArray[np.bool_], options: PictureOptions
) -> tuple[NDArray[np.uint8], tuple[float, float], int]:
    """Return the layer as 0 to 255, the values shown as 0 and 255, and how many valid pixels lie outside of these."""
    whole = bool(valid.all())
    values = layer.ravel() if whole else layer[valid]
    if options.range is not None:
        low, high = map(float, options.range)
    elif not values.size:
        return np.zeros(layer.shape, np.uint8), (0.0, 0.0), 0
    else:
        low, high = (float(each) for each in np.percentile(values, options.percentiles))
    colors = np.zeros(layer.shape, np.uint8)
    if low == high:
        colors[valid] = 127
    else:
        # Halves: the distance between two float64 may be infinite.
        share = np.clip((values / 2.0 - low / 2) * (255 / (high / 2 - low / 2)), 0, 255)
        shown = np.rint(share).astype(np.uint8)
        if whole:
            colors = shown.reshape(layer.shape)
        else:
            colors[valid] = shown
    return colors, (low, high), int(np.count_nonzero((values < low) | (values > high)))
