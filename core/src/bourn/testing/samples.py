"""Small results of every kind, and bigger ones where a test must be in the middle of something."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["GeoObject", "sample"]


def sample(kind: str, number: int = 0, size_bytes: int = 0) -> Any:
    """A result of that kind; another one for each number, and of about that size, incompressible.

    Raises
    ------
    LookupError
        There is none, since the library for it is not installed.
    """
    return _MAKERS[kind](number, size_bytes)


def _value(number: int, size_bytes: int) -> Any:
    if size_bytes:
        return Random(number).randbytes(size_bytes // 2).hex()  # noqa: S311  # not for cryptography
    return {"number": number, "list": [1, 2.5, None, True, "häß\u0000lich 語"], "empty": {}}


def _array(number: int, size_bytes: int) -> Any:
    import numpy as np  # on first use

    if size_bytes:
        return np.random.default_rng(number).integers(0, 256, size_bytes, dtype="uint8")
    return np.arange(number, number + 12, dtype="int16").reshape(3, 4)


def _image(number: int, size_bytes: int) -> Any:
    import numpy as np  # on first use
    from affine import Affine
    from odc.geo.geobox import GeoBox

    from bourn.image.image import Image

    # Narrow and high: who reads a strip of rows at a time holds little of it.
    height, width = (size_bytes // 2048, 512) if size_bytes else (16, 16)
    pixels = np.random.default_rng(number).integers(0, 60_000, (2, height, width), dtype="uint16")
    grid = GeoBox((height, width), Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 10.0 * height), "EPSG:32633")
    return Image(pixels, bands=["red", "nir"], geobox=grid)


def _table(number: int, size_bytes: int) -> Any:
    try:
        import pyarrow as pa  # a plugin's library, not core's
    except ImportError as error:
        msg = "pyarrow is not installed"
        raise LookupError(msg) from error
    import numpy as np  # on first use

    rows = max(3, size_bytes // 16)
    return pa.table({"id": np.arange(number, number + rows), "value": np.random.default_rng(number).random(rows)})


class GeoObject:
    """Anything with a ``__geo_interface__``."""

    def __init__(self, mapping: Mapping[str, Any]) -> None:
        self.__geo_interface__ = mapping

    __geo_interface__: Mapping[str, Any] = {}  # what it is looked up by, on the class


def _features(number: int, size_bytes: int) -> Any:
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [index % 180, number % 90]},
            "properties": {"index": index, "number": number},
        }
        for index in range(max(2, size_bytes // 120))
    ]
    return GeoObject({"type": "FeatureCollection", "features": features})


_MAKERS: dict[str, Callable[[int, int], Any]] = {
    "value": _value, "array": _array, "image": _image, "table": _table, "features": _features,
}  # fmt: skip
