"""Scalars of pandas and cftime as tokens."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from bourn_formats.pyarrow.scalars import DECODERS as STANDARD_DECODERS
from bourn_formats.pyarrow.scalars import ENCODERS as STANDARD_ENCODERS
from bourn_formats.pyarrow.scalars import decode_zone, encode_zone

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn_formats.pyarrow.blobs import Blobs, BlobSource

__all__ = ["DECODERS", "encode_library_scalar"]

_CFTIME = frozenset({
    "datetime", "DatetimeNoLeap", "DatetimeAllLeap", "Datetime360Day", "DatetimeJulian", "DatetimeGregorian",
    "DatetimeProlepticGregorian",
})  # fmt: skip
"""cftime's own classes."""

_UNITS = frozenset({"s", "ms", "us", "ns"})


def encode_library_scalar(value: Any, blobs: Blobs) -> list[Any] | None:
    """The token of a scalar of pandas or cftime; None for any other object.

    Raises
    ------
    ValueError
        A part of the scalar can't be written.
    """
    pandas, cftime = sys.modules.get("pandas"), sys.modules.get("cftime")
    kind = type(value)
    if pandas is not None:
        if value is pandas.NaT:
            return ["nat"]
        if value is pandas.NA:
            return ["na"]
        encode = _pandas_encoders(pandas).get(kind)
        if encode is not None:
            return encode(value, blobs)
    if cftime is not None and kind.__name__ in _CFTIME and getattr(cftime, kind.__name__, None) is kind:
        parts = value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond
        return ["cftime", kind.__name__, value.calendar, bool(value.has_year_zero), *map(int, parts)]
    return None


def _pandas_encoders(pandas: Any) -> dict[type, Callable[[Any, Blobs], list[Any]]]:
    found = _PANDAS.get(pandas)
    if found is None:
        found = _PANDAS[pandas] = {
            pandas.Timestamp: lambda value, _: [
                "timestamp", int(value.asm8.view("i8")), value.unit, encode_zone(value.tzinfo),
            ],
            pandas.Timedelta: lambda value, _: ["pandas.timedelta", int(value.asm8.view("i8")), value.unit],
            pandas.Period: lambda value, _: ["period", value.ordinal, value.freqstr],
            pandas.Interval: lambda value, blobs: [
                "interval", value.closed, _bound(value.left, blobs), _bound(value.right, blobs),
            ],
        }  # fmt: skip
    return found


_PANDAS: dict[Any, dict[type, Callable[[Any, Blobs], list[Any]]]] = {}
"""By the module, once it is loaded."""


def _bound(value: Any, blobs: Blobs) -> Any:
    encode = STANDARD_ENCODERS.get(type(value))
    if encode is not None:
        return encode(value, blobs)
    if isinstance(value, np.generic) and value.dtype.kind in "iuf":
        return ["number", value.dtype.str, value.item()]
    token = encode_library_scalar(value, blobs)
    if token is None:
        msg = f"an interval of {type(value).__qualname__}"
        raise ValueError(msg)
    return token


def _decode_bound(token: Any, source: BlobSource) -> Any:
    if type(token) is not list:
        return token
    tag, *parts = token
    if tag == "number":
        return np.dtype(parts[0]).type(parts[1])
    return (DECODERS.get(tag) or STANDARD_DECODERS[tag])(parts, source)


def _decode_timestamp(parts: list[Any], _source: BlobSource) -> Any:
    import pandas as pd  # 0.5 s: only where the tree has one

    number, unit, zone = parts
    moment = pd.Timestamp(np.datetime64(number, _unit(unit)))
    return moment if zone is None else moment.tz_localize("UTC").tz_convert(decode_zone(zone))


def _unit(unit: Any) -> Any:
    if unit not in _UNITS:
        msg = "no unit of pandas"
        raise ValueError(msg)
    return unit


def _decode_timedelta(parts: list[Any], _source: BlobSource) -> Any:
    import pandas as pd  # 0.5 s: only where the tree has one

    return pd.Timedelta(np.timedelta64(parts[0], _unit(parts[1])))


def _decode_period(parts: list[Any], _source: BlobSource) -> Any:
    import pandas as pd  # 0.5 s: only where the tree has one

    return pd.Period(ordinal=parts[0], freq=parts[1])


def _decode_interval(parts: list[Any], source: BlobSource) -> Any:
    import pandas as pd  # 0.5 s: only where the tree has one

    closed, left, right = parts
    return pd.Interval(_decode_bound(left, source), _decode_bound(right, source), closed)


def _decode_missing(name: str) -> Any:
    import pandas as pd  # 0.5 s: only where the tree has one

    return getattr(pd, name)


def _decode_cftime(parts: list[Any], _source: BlobSource) -> Any:
    cftime: Any = import_module("cftime")  # only where the tree has one

    name, calendar, has_year_zero, *rest = parts
    if name not in _CFTIME:
        msg = "no class of moments of cftime"
        raise ValueError(msg)
    if name == "datetime":
        return cftime.datetime(*rest, calendar=calendar, has_year_zero=has_year_zero)
    return getattr(cftime, name)(*rest, has_year_zero=has_year_zero)


DECODERS: dict[str, Callable[[list[Any], BlobSource], Any]] = {
    "nat": lambda _parts, _source: _decode_missing("NaT"),
    "na": lambda _parts, _source: _decode_missing("NA"),
    "timestamp": _decode_timestamp,
    "pandas.timedelta": _decode_timedelta,
    "period": _decode_period,
    "interval": _decode_interval,
    "cftime": _decode_cftime,
}
"""By tag: the value of a token's other parts."""
