"""What makes an image whole: the checks at its birth, which find every problem at once."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bourn.errors import Problem
from bourn.image.nodata import exact
from bourn.image.pixels import is_dask
from bourn.image.properties import plain_copy
from bourn.nested import worded_key
from bourn.wording import listed, nearest, shown

__all__ = ["BAND_KINDS", "checked_bandinfo", "checked_bands", "checked_geobox", "checked_properties"]

BAND_KINDS = ("data", "class", "mask")
"""What the pixels of a band are: measured values, classes by number, or yes and no."""

COLORS = ("red", "green", "blue")
"""Colors that a band may be shown as."""

BANDINFO_KEYS = ("kind", "nodata", "scale", "offset", "unit", "description", "color", "opaque")


def checked_bands(bands: object, count: int, problems: list[Problem]) -> tuple[str, ...]:
    """The names of `count` bands: those given, or ``band_1``, ``band_2``, ..."""
    default = tuple(f"band_{number}" for number in range(1, count + 1))
    if bands is None:
        return default
    if isinstance(bands, np.ndarray):
        bands = bands.tolist()
    if not isinstance(bands, list | tuple):
        problems.append(Problem("image.bands", f"expected a list of names, got {shown(bands)}"))
        return default
    found = len(problems)
    seen: dict[str, int] = {}
    for index, name in enumerate(bands):
        path = f"image.bands[{index}]"
        if not isinstance(name, str):
            problems.append(Problem(path, f"expected a name, got {shown(name)}"))
        elif not name or not name.isprintable():
            problems.append(Problem(path, f"expected a name of printable characters, got {shown(name)}"))
        elif name in seen:
            problems.append(Problem(path, f"{shown(name)} is the name of bands[{seen[name]}] already"))
        else:
            seen[name] = index
    if len(bands) != count:
        problems.append(Problem("image.bands", f"{len(bands)} names for {count} bands"))
    return default if len(problems) > found else tuple(str(name) for name in bands)


def checked_mask(mask: object, shape: tuple[int, int, int], problems: list[Problem]) -> Any:
    """`mask` if it is a bool array of the image's shape; None without a mask, or with a problem."""
    if mask is None or mask is np.ma.nomask:
        return None
    array: Any = mask
    if not isinstance(mask, np.ndarray) and not is_dask(mask):
        problems.append(Problem("image.mask", f"expected a bool array, True where masked, got {shown(mask)}"))
        return None
    dtype, given = array.dtype, tuple(array.shape)
    is_bool = dtype.kind == "b"
    if not is_bool:
        problems.append(
            Problem("image.mask", f"expected bool, True where masked, got dtype {dtype} (255 may mean valid elsewhere)")
        )
    if given not in (shape, shape[1:]):
        problems.append(Problem("image.mask", f"expected the shape {shape} or {shape[1:]}, got {given}"))
    elif is_bool:
        return np.asarray(mask) if isinstance(mask, np.ndarray) else mask
    return None


def checked_geobox(geobox: Any, shape: tuple[int, int], problems: list[Problem]) -> Any:
    """`geobox` if pixels of `shape` (y, x) can lie on it."""
    if geobox is None:
        return None
    path = "image.geobox"
    # A GeoBox can only exist once its module is loaded.
    module = sys.modules.get("odc.geo.geobox")
    if module is None or not isinstance(geobox, module.GeoBox):
        control = type(geobox).__name__ == "GCPGeoBox"
        hint = "; a grid of ground control points can't be kept: reproject it" if control else ""
        problems.append(Problem(path, f"expected an odc.geo GeoBox, got {shown(geobox)}{hint}"))
        return None
    found = len(problems)
    if tuple(geobox.shape) != tuple(shape):
        given = tuple(geobox.shape)
        problems.append(Problem(path, f"expected the array's shape {tuple(shape)}, got {given}"))
    numbers = tuple(geobox.affine)[:6]
    if not all(map(math.isfinite, numbers)):
        problems.append(Problem(path, f"its transform is not finite: {numbers}"))
    elif numbers[0] * numbers[4] - numbers[1] * numbers[3] == 0:
        problems.append(Problem(path, f"its transform is singular, all pixels lie on one line: {numbers}"))
    return geobox if len(problems) == found else None


def checked_properties(properties: Any, problems: list[Problem]) -> dict[str, Any]:
    """A copy of `properties`, whose values are plain; ``date`` is one that `utc` takes."""
    path = "image.properties"
    if properties is None:
        return {}
    if not isinstance(properties, Mapping):
        problems.append(Problem(path, f"expected a mapping, got {shown(properties)}"))
        return {}
    return plain_copy(dict(properties), path, problems)


def checked_bandinfo(
    bandinfo: Any, bands: Sequence[str], dtypes: Sequence[np.dtype[Any]], problems: list[Problem]
) -> dict[str, dict[str, Any]]:
    """What is known of each band, complete: every band has an entry with its ``kind``."""
    full: dict[str, dict[str, Any]] = {
        name: {"kind": "mask" if dtype.kind == "b" else "data"} for name, dtype in zip(bands, dtypes, strict=True)
    }
    if bandinfo is None:
        return full
    if not isinstance(bandinfo, Mapping):
        problems.append(Problem("image.bandinfo", f"expected a mapping of band to facts, got {shown(bandinfo)}"))
        return full
    dtype_of = dict(zip(bands, dtypes, strict=True))
    for name, facts in bandinfo.items():
        path = f"image.bandinfo{worded_key(name)}"
        if not isinstance(name, str) or name not in full:
            near = nearest(name, bands) if isinstance(name, str) else None
            hint = f"did you mean {near!r}?" if near else f"the bands are {listed(bands)}"
            problems.append(Problem(path, f"no band has this name; {hint}"))
        elif not isinstance(facts, Mapping):
            problems.append(Problem(path, f"expected a mapping, got {shown(facts)}"))
        else:
            full[name].update(_checked_facts(facts, dtype_of[name], path, problems))
    return full


def _checked_facts(
    facts: Mapping[Any, Any], dtype: np.dtype[Any], path: str, problems: list[Problem]
) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for key, value in facts.items():
        at = f"{path}{worded_key(key)}"
        if key not in BANDINFO_KEYS:
            near = nearest(key, BANDINFO_KEYS) if isinstance(key, str) else None
            hint = f"did you mean {near!r}?" if near else f"known are {listed(BANDINFO_KEYS)}"
            problems.append(Problem(at, f"unknown key; {hint}"))
        elif value is not None:
            try:
                checked[key] = _checked_fact(key, value, dtype)
            except ValueError as fault:
                problems.append(Problem(at, str(fault)))
    return checked


def _checked_fact(key: str, value: Any, dtype: np.dtype[Any]) -> Any:
    if key in {"nodata", "opaque"}:
        return exact(value, dtype)
    if key == "kind":
        if value in BAND_KINDS:
            return str(value)
        msg = f"expected one of {listed(BAND_KINDS)}, got {shown(value)}"
        raise ValueError(msg)
    if key == "color":
        if value in COLORS:
            return str(value)
        msg = f"expected one of {listed(COLORS)}, got {shown(value)}"
        raise ValueError(msg)
    if key in {"unit", "description"}:
        if isinstance(value, str):
            return str(value)
        msg = f"expected a text, got {shown(value)}"
        raise ValueError(msg)
    number = value.item() if isinstance(value, np.generic) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        msg = f"expected a finite number, got {shown(number)}"
        raise ValueError(msg)
    if key == "scale" and number == 0:
        msg = "a scale of 0 makes all pixels equal"
        raise ValueError(msg)
    return float(number)
