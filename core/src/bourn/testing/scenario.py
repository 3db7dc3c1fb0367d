"""Scenarios: results and faults that every plugin meets, written down as data (``scenarios/*.json``)."""

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from bourn.testing.samples import GeoObject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FOLDER", "Scenario", "scenarios"]

FOLDER = Path(__file__).with_name("scenarios")
"""Where they are; a contract's attribute `scenarios` names another folder with files of the same names."""


@attrs.frozen
class Scenario:
    """One result, described as JSON.

    Attributes
    ----------
    kind : str
    name : str
    data : mapping

    Examples
    --------
    >>> Scenario("value", "a pair", {"value": {"$tuple": [1, {"$float": "nan"}]}}).result()
    (1, nan)
    """

    kind: str
    name: str
    data: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.kind}-{self.name}"

    def result(self) -> Any:
        """The result, a new one each time.

        Raises
        ------
        LookupError
            The library for it is not installed.
        """
        return _MAKERS[self.kind](self.data)


@cache
def scenarios(name: str, folder: Path = FOLDER) -> tuple[Mapping[str, Any], ...]:
    """What stands in the file of that name; nothing where there is none."""
    file = folder / f"{name}.json"
    return tuple(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else ()


def _value(data: Mapping[str, Any]) -> Any:
    return _plain(data["value"])


def _plain(data: Any) -> Any:
    """JSON as the Python value; ``{"$name": ...}`` is what JSON has no word for."""
    if isinstance(data, list):
        return [_plain(each) for each in data]
    if not isinstance(data, dict):
        return data
    ((word, inner),) = data.items() if len(data) == 1 else ((None, None),)
    if word in _WORDS:
        return _WORDS[word](inner)
    return {key: _plain(each) for key, each in data.items()}


def _nested(depth: int) -> Any:
    value: Any = "bottom"
    for level in range(depth):
        value = [value] if level % 2 else {"in": value}
    return value


def _scalar(data: Any) -> Any:
    import numpy as np  # on first use

    return np.dtype(data[0]).type(data[1])


_WORDS: dict[Any, Callable[[Any], Any]] = {
    "$float": float,
    "$int": int,
    "$bytes": bytes.fromhex,
    "$surrogate": lambda code: chr(int(code, 16)),
    "$tuple": lambda items: tuple(map(_plain, items)),
    "$set": lambda items: set(map(_plain, items)),
    "$dict": lambda items: {_plain(key): _plain(value) for key, value in items},
    "$complex": lambda parts: complex(*parts),
    "$datetime": dt.datetime.fromisoformat,
    "$date": dt.date.fromisoformat,
    "$seconds": lambda seconds: dt.timedelta(seconds=seconds),
    "$nested": _nested,
    "$repeated": lambda data: [_plain(data[0])] * data[1],
    "$scalar": _scalar,
}


def _array(data: Mapping[str, Any]) -> Any:
    import numpy as np  # on first use

    given = data["dtype"]
    dtype = np.dtype([tuple(field) for field in given] if isinstance(given, list) else given)
    if "values" in data:
        values: Any = data["values"]
        if dtype.kind in "fc":
            values = np.array(values, "float64")
        array = (values[..., 0] + 1j * values[..., 1] if data.get("pairs") else np.array(values, dtype)).astype(dtype)
    else:
        shape = data["shape"]
        array = np.zeros(shape, dtype)
        if dtype.names is None:
            array = np.arange(array.size).reshape(shape).astype(dtype)
    if "order" in data:
        array = np.asarray(array, order=data["order"])
    if "step" in data:
        array = array[:: data["step"]]
    if "mask" in data:
        return np.ma.masked_array(array, mask=data["mask"])
    if data.get("readonly"):
        array.flags.writeable = False
    return array


def _image(data: Mapping[str, Any]) -> Any:
    import numpy as np  # on first use
    from affine import Affine
    from odc.geo.geobox import GeoBox

    from bourn.image.image import Image

    count, height, width = data["shape"]
    # Values that repeat only after many pixels, so that a shifted row is seen; small enough for every dtype.
    pixels = (np.arange(count * height * width) * 37 % 251 % 127).reshape(data["shape"]).astype(data["dtype"])
    for place in data.get("nan", ()):
        pixels[tuple(place)] = np.nan
    mask = None
    if "masked" in data:
        mask = np.full((height, width), data["masked"] == "all")
        for place in data["masked"] if data["masked"] != "all" else ():
            mask[tuple(place)] = True
    transform = Affine(*data.get("transform", (10.0, 0.0, 500_000.0, 0.0, -10.0, 10.0 * height)))
    return Image(
        pixels,
        bands=data.get("bands", [f"band_{number + 1}" for number in range(count)]),
        mask=mask,
        geobox=GeoBox((height, width), transform, data.get("crs", "EPSG:32633")),
        properties=data.get("properties", {}),
        bandinfo=data.get("bandinfo", {}),
    )


def _table(data: Mapping[str, Any]) -> Any:
    try:
        import pyarrow as pa  # a plugin's library, not core's
    except ImportError as error:
        msg = "pyarrow is not installed"
        raise LookupError(msg) from error
    columns = {}
    for name, (type_name, values) in data["columns"].items():
        given = [bytes.fromhex(value) for value in values] if type_name == "binary" else values
        columns[name] = pa.array(given, pa.type_for_alias(type_name))
    return pa.table(columns)


def _features(data: Mapping[str, Any]) -> Any:
    return GeoObject({"type": "FeatureCollection", "features": json.loads(json.dumps(data["features"]))})


_MAKERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "value": _value, "array": _array, "image": _image, "table": _table, "features": _features,
}  # fmt: skip
