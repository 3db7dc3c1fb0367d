"""What attributes and encodings of xarray objects say of bands: nodata, scales, units, kinds."""

from __future__ import annotations

import datetime as dt
import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from bourn.wording import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MASK", "PER_BAND", "band_facts", "kept_attributes", "left_out"]

MASK = "masked"
"""The coordinate, True where masked, of pixels that no value can say it of. (A coordinate ``mask`` of others is often
True where a pixel is valid.)"""

_FILLS = ("_FillValue", "missing_value", "nodata")
_BOOLS = (0, 1)

DECODED = ("_FillValue", "missing_value", "scale_factor", "add_offset")
"""Keys that xarray moves to the encoding when it has applied them."""

PER_BAND = {"nodata": "nodatavals", "scale": "scales", "offset": "offsets", "unit": "units",
            "description": "descriptions", "kind": "kinds"}  # fmt: skip
"""Facts and the attributes that tell them as one value a band, as xarray's reader of rasters named them."""

CONSUMED = frozenset({
    *DECODED, *PER_BAND.values(), "nodata", "fill_value", "unit", "long_name", "grid_mapping", "crs", "crs_wkt",
    "transform", "res", "is_tiled", "flag_values", "flag_meanings", "coordinates", "date",
})  # fmt: skip
"""Attributes that are said otherwise by an image, or that are stale after a slice."""


def kept_attributes(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Those attributes that an image keeps as properties: plain ones that say nothing of bands or grid."""
    return {
        key: value
        for key, value in attributes.items()
        if isinstance(key, str) and key not in CONSUMED and _is_plain(value, 0)
    }


def _is_plain(value: Any, level: int) -> bool:
    if isinstance(value, dict):
        return level < 20 and all(isinstance(k, str) and _is_plain(v, level + 1) for k, v in value.items())  # noqa: PLR2004  # levels
    if isinstance(value, list | tuple):
        return level < 20 and all(_is_plain(item, level + 1) for item in value)  # noqa: PLR2004  # levels
    scalar = bool | int | float | complex | str | bytes | np.generic | dt.date | dt.timedelta
    return value is None or isinstance(value, scalar)


def band_facts(obj: Any, dtype: np.dtype[Any], count: int, *, skip_long_name: bool) -> list[dict[str, Any]]:
    """What the attributes and the encoding of a DataArray of `count` bands say of each of them.

    Decoded data (a float dtype, and in the encoding what was applied) is physical, and NaN where nodata was: its
    encoding says what it once was in a file, and is left alone.
    """
    attributes, encoding = obj.attrs, obj.encoding
    decoded = dtype.kind in "fc" and any(encoding.get(key) is not None for key in DECODED)
    facts: list[dict[str, Any]] = []
    for index in range(count):
        told = {fact: _of_band(attributes.get(name), index, count) for fact, name in PER_BAND.items()}
        told["unit"] = told["unit"] or attributes.get("unit")
        if decoded:
            told["nodata"] = math.nan
            told["scale"] = told["offset"] = None
        else:
            told["nodata"] = _nodata(obj, told["nodata"], dtype)
            told["scale"] = _number(told["scale"], attributes.get("scale_factor"), without=1)
            told["offset"] = _number(told["offset"], attributes.get("add_offset"), without=0)
        if told["kind"] not in {"data", "class", "mask"}:
            is_class = "flag_values" in attributes and "flag_meanings" in attributes
            told["kind"] = "class" if is_class and dtype.kind != "b" else None
        long_name = attributes.get("long_name")
        if told["description"] is None and isinstance(long_name, str) and not skip_long_name:
            told["description"] = long_name
        told = {key: value for key, value in told.items() if value is not None}
        facts.append({key: value for key, value in told.items() if key not in {"unit", "description"} or _text(value)})
    return facts


def left_out(array: Any) -> str | None:
    """What of a DataArray's attributes is not heeded, for a note on the plan: bools have no value for no data."""
    if array.dtype.kind == "b":
        for key in _FILLS:
            value = array.attrs.get(key)
            value = value.item() if isinstance(value, np.number) else value
            if isinstance(value, int | float) and value not in _BOOLS:
                return f"the attribute {key} is left out: {shown(value)} is no bool"
    return None


def _text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _of_band(value: Any, index: int, count: int) -> Any:
    """The value of one band, of one for all or one a band."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return value[index] if len(value) == count else None
    return value


def _number(own: Any, shared: Any, *, without: float) -> Any:
    value = shared if own is None else own
    value = value.item() if isinstance(value, np.generic | np.ndarray) and np.size(value) == 1 else value
    return None if value is None or isinstance(value, str) or value == without else value


def _nodata(obj: Any, own: Any, dtype: np.dtype[Any]) -> Any:
    """The value in the pixels that means 'no data', where they are as they were stored; None without one."""
    found = [obj.attrs.get(key) for key in _FILLS]
    if "rioxarray" in sys.modules and hasattr(type(obj), "rio"):
        # Its accessor may hold a nodata value that stands in no attribute.
        found.append(obj.rio.nodata)
    found.append(own)
    if dtype.kind not in "fc":
        found.append(obj.encoding.get("_FillValue"))
    value = next((value for value in found if value is not None), None)
    if isinstance(value, np.generic | np.ndarray) and np.size(value) == 1:
        value = value.item()
    if isinstance(value, bool | str) or not isinstance(value, int | float | complex):
        # No value at all: xarray's own 'no data' is NaN, where a dtype has it.
        return value if value is not None else (math.nan if dtype.kind in "fc" else None)
    if dtype.kind in "fc":
        # What float32 pixels hold is the value as float32.
        with np.errstate(over="ignore"):
            held = dtype.type(value).item()
        return held if held == held else math.nan  # noqa: PLR0124  # NaN
    if dtype.kind == "b" and value not in _BOOLS:
        return None  # `left_out` says so
    # NaN in a band of integers, which odc-geo and rioxarray leave behind after astype, masks nothing.
    return None if value != value else value  # noqa: PLR0124  # NaN
