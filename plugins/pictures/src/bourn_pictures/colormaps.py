"""Colormaps of a single band, by colors at equal distances."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["COLORMAPS", "colors_of"]

COLORMAPS = {
    "grey": "000000 ffffff",
    "viridis": "440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725",
    "magma": "000004 1c1044 4f127b 812581 b5367a e55964 fb8761 fec287 fcfdbf",
    "rdylgn": "a50026 d73027 f46d43 fdae61 fee08b ffffbf d9ef8b a6d96a 66bd63 1a9850 006837",
    "blues": "f7fbff deebf7 c6dbef 9ecae1 6baed6 4292c6 2171b5 08519c 08306b",
}
"""Hexadecimal red, green and blue from the darkest value to the brightest."""


def colors_of(name: str) -> NDArray[np.uint8]:
    """Return the colors of a colormap: (256, 3), uint8.

    Examples
    --------
    >>> colors_of("grey")[[0, 128, 255]].tolist()
    [[0, 0, 0], [128, 128, 128], [255, 255, 255]]
    """
    import numpy as np  # 0.1 s

    anchors = np.array([list(bytes.fromhex(color)) for color in COLORMAPS[name].split()])
    places = np.linspace(0, len(anchors) - 1, 256)
    parts = [np.interp(places, np.arange(len(anchors)), anchors[:, part]) for part in range(3)]
    colors: NDArray[np.uint8] = np.rint(np.stack(parts, axis=1)).astype(np.uint8)
    return colors
