"""Python's own scalars as tokens: what JSON holds stands for itself, the rest is a list with a tag."""

from __future__ import annotations

import datetime as dt
import math
import pickle  # for the name of an error only
import re
import zoneinfo
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn_formats.pyarrow.blobs import Blobs, BlobSource

__all__ = ["DECODERS", "ENCODERS", "decode_zone", "encode_zone"]

LEAST_INT, LARGEST_INT = -(2**63), 2**64 - 1
"""What orjson reads and writes as a number."""

LONGEST_STR = 1024
"""Characters; a longer text stands among the bytes, where it is compressed."""

# The names in the time zone database; nothing that could lead out of its folder.
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}")


def _write_int(value: int, _blobs: Blobs) -> Any:
    # Hexadecimal: Python limits the digits of decimal texts (sys.set_int_max_str_digits), and is slow at it.
    return value if LEAST_INT <= value <= LARGEST_INT else ["int", hex(value)]


def _write_float(value: float, _blobs: Blobs) -> Any:
    return value if math.isfinite(value) else ["float", repr(value)]


def _write_complex(value: complex, _blobs: Blobs) -> Any:
    return ["complex", repr(value.real), repr(value.imag)]


def _write_str(value: str, blobs: Blobs) -> Any:
    if len(value) <= LONGEST_STR:
        try:
            value.encode()
        except UnicodeEncodeError:
            pass
        else:
            return value
    # Lone surrogates are no Unicode text, but they are Python's str and are kept.
    return ["str", *blobs.add(value.encode("utf-8", "surrogatepass"))]


def _write_bytes(value: bytes, blobs: Blobs) -> Any:
    return ["bytes", *blobs.add(value)]


def _write_bytearray(value: bytearray, blobs: Blobs) -> Any:
    return ["bytearray", *blobs.add(bytes(value))]


def _write_date(value: dt.date, _blobs: Blobs) -> Any:
    return ["date", value.year, value.month, value.day]


def _write_time(value: dt.time, _blobs: Blobs) -> Any:
    parts = value.hour, value.minute, value.second, value.microsecond
    return ["time", *parts, value.fold, encode_zone(value.tzinfo)]


def _write_datetime(value: dt.datetime, _blobs: Blobs) -> Any:
    parts = value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond
    return ["datetime", *parts, value.fold, encode_zone(value.tzinfo)]


def _write_timedelta(value: dt.timedelta, _blobs: Blobs) -> Any:
    return ["timedelta", value.days, value.seconds, value.microseconds]


def encode_zone(zone: dt.tzinfo | None) -> Any:
    """A zone as JSON: its name in the time zone database, or its offset in days, seconds, microseconds, and its name.

    Raises
    ------
    ValueError
        It is of another kind.
    """
    if zone is None:
        return None
    if type(zone) is dt.timezone:
        offset = zone.utcoffset(None)
        name = zone.tzname(None)
        given = [] if name == dt.timezone(offset).tzname(None) else [name]
        return [offset.days, offset.seconds, offset.microseconds, *given]
    if type(zone) is zoneinfo.ZoneInfo and _ZONE.fullmatch(zone.key or ""):
        try:
            zone.__reduce__()
        except pickle.PicklingError as cause:
            msg = f"a time zone that was read from a file, whatever {zone.key} is elsewhere,"
            raise ValueError(msg) from cause
        return zone.key
    msg = f"a time zone of type {type(zone).__module__}.{type(zone).__qualname__}"
    raise ValueError(msg)


ENCODERS: dict[type, Callable[[Any, Blobs], Any]] = {
    type(None): lambda value, _blobs: value,
    bool: lambda value, _blobs: value,
    int: _write_int,
    float: _write_float,
    complex: _write_complex,
    str: _write_str,
    bytes: _write_bytes,
    bytearray: _write_bytearray,
    dt.date: _write_date,
    dt.time: _write_time,
    dt.datetime: _write_datetime,
    dt.timedelta: _write_timedelta,
}
"""By exact type: the token of a value. Raises ValueError with what it is that can't be written."""


def decode_zone(zone: Any) -> dt.tzinfo | None:
    """The zone that was written."""
    if zone is None:
        return None
    if isinstance(zone, str):
        if not _ZONE.fullmatch(zone):
            msg = "no name of a time zone"
            raise ValueError(msg)
        return zoneinfo.ZoneInfo(zone)
    days, seconds, microseconds, *name = zone
    return dt.timezone(dt.timedelta(days, seconds, microseconds), *name)


def _read_time(parts: list[Any], _source: BlobSource) -> dt.time:
    hour, minute, second, microsecond, fold, zone = parts
    return dt.time(hour, minute, second, microsecond, decode_zone(zone), fold=fold)


def _read_datetime(parts: list[Any], source: BlobSource) -> dt.datetime:
    year, month, day, *time = parts
    return dt.datetime.combine(dt.date(year, month, day), _read_time(time, source))


def _read_bytes(parts: list[Any], source: BlobSource) -> bytes:
    start, length = parts
    return bytes(source.take(start, length, keep=False))


DECODERS: dict[str, Callable[[list[Any], BlobSource], Any]] = {
    "int": lambda parts, _source: int(parts[0], 16),
    "float": lambda parts, _source: float(parts[0]),
    "complex": lambda parts, _source: complex(float(parts[0]), float(parts[1])),
    "str": lambda parts, source: _read_bytes(parts, source).decode("utf-8", "surrogatepass"),
    "bytes": _read_bytes,
    "bytearray": lambda parts, source: bytearray(_read_bytes(parts, source)),
    "date": lambda parts, _source: dt.date(*parts),
    "time": _read_time,
    "datetime": _read_datetime,
    "timedelta": lambda parts, _source: dt.timedelta(*parts),
}
"""By tag: the value of a token's other parts."""
