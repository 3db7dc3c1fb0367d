"""A made-up satellite scene for ``bourn demo``: hills, fields, a cloud and the edge of a swath, from numpy alone."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bourn.image.image import Image

__all__ = ["BANDS", "scene"]

BANDS = ("red", "green", "blue", "nir")
REFLECTANCE = 10_000
"""A stored value of this is a reflectance of 1."""

PIXEL_METRES = 10.0
UPPER_LEFT = (410_000.0, 3_954_000.0)
"""In EPSG:32613: a valley near Santa Fe, New Mexico."""

Plane = "NDArray[np.float32]"

_SOIL = {"red": 0.22, "green": 0.17, "blue": 0.12, "nir": 0.28}
_CROP = {"red": 0.04, "green": 0.08, "blue": 0.04, "nir": 0.46}


def scene(side: int = 1024, seed: int = 2026) -> Image:
    """An image of 4 bands, (4, side, side) uint16; 0 is nodata, and clouds are masked. The same for the same seed."""
    from odc.geo.geobox import GeoBox  # 1 s, for those who make a scene

    from bourn.image.image import Image  # see above

    random = np.random.default_rng(seed)
    terrain = _rough(random, side, 2.2)
    greenness = np.clip(_fields(random, side) + 0.12 * _rough(random, side, 1.6), 0, 1)
    down, across = np.gradient(terrain * 24)
    light = np.clip(1 + 0.5 * (across - down), 0.55, 1.4)
    cloud = _rough(random, side, 1.9) > 1.5  # noqa: PLR2004  # standard deviations
    outside = _outside(side)
    array = np.empty((len(BANDS), side, side), np.uint16)
    for number, name in enumerate(BANDS):
        ground = _SOIL[name] + (_CROP[name] - _SOIL[name]) * greenness
        seen = np.where(cloud, 0.72, ground * light) + random.normal(0, 0.004, (side, side))
        array[number] = np.rint(np.clip(seen, 0.0001, 1.6) * REFLECTANCE)
    array[:, outside] = 0
    x, y = UPPER_LEFT
    extent = side * PIXEL_METRES
    geobox = GeoBox.from_bbox((x, y - extent, x + extent, y), crs="EPSG:32613", resolution=PIXEL_METRES)
    facts: dict[str, Any] = {"nodata": 0, "scale": 1 / REFLECTANCE, "offset": 0.0, "unit": "reflectance"}
    return Image(
        array,
        bands=BANDS,
        mask=cloud | outside,
        geobox=geobox,
        properties={"date": dt.datetime(2026, 7, 1, 17, 45, tzinfo=dt.UTC)},
        bandinfo={name: {**facts, "description": f"{name}, surface reflectance"} for name in BANDS},
    )


def _rough(random: np.random.Generator, side: int, smoothness: float) -> NDArray[np.float64]:
    """(side, side), mean 0, deviation 1: noise whose amplitude falls with frequency, as that of hills and clouds."""
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = np.inf
    phases = random.uniform(0, 2 * np.pi, frequency.shape)
    plane = np.fft.irfft2(frequency**-smoothness * np.exp(1j * phases), s=(side, side))
    normal: NDArray[np.float64] = (plane - plane.mean()) / plane.std()
    return normal


def _fields(random: np.random.Generator, side: int) -> NDArray[np.float64]:
    """(side, side): how green each field is; strips of unlike width, turned against the grid, with tracks between."""
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    turned = (0.94 * columns + 0.34 * rows, 0.94 * rows - 0.34 * columns)
    indices, borders = [], np.zeros((side, side), bool)
    for axis, width in zip(turned, (72, 48), strict=True):
        edges = np.cumsum(random.uniform(0.5 * width, 1.5 * width, 4 * side // width)) + axis.min()
        index = np.searchsorted(edges, axis)
        indices.append(index)
        borders |= axis - edges[np.maximum(index - 1, 0)] < 2  # noqa: PLR2004  # pixels
    greens = random.beta(0.8, 0.8, [index.max() + 1 for index in indices])
    green = greens[indices[0], indices[1]]
    return np.where(borders, 0.1, green)


def _outside(side: int) -> NDArray[np.bool_]:
    """(side, side): True beyond the edge of the swath, which runs obliquely through a corner."""
    rows, columns = np.mgrid[:side, :side]
    beyond: NDArray[np.bool_] = columns - 0.22 * rows > 0.93 * side
    return beyond
