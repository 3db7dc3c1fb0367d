"""Scalars of the standard library as tokens: what JSON holds stands for itself, the rest is a list with a tag."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import pathlib
import pickle  # for the name of an error only
import re
import sys
import uuid
import zoneinfo
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn_formats.pyarrow.blobs import Blobs, BlobSource

__all__ = ["DECODERS", "ENCODERS", "decode_zone", "encode_zone"]

LEAST_INT, LARGEST_INT = -(2**63), 2**64 - 1
"""What orjson reads and writes as a number."""

LONGEST_STR = 1024
"""Characters; a longer text stands among the bytes, where it is compressed."""

PATHS = {
    kind.__name__: kind
    for kind in (pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath, pathlib.WindowsPath)
}

# The names in the time zone database; nothing that could lead out of its folder.
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}")


def _encode_int(value: int, _blobs: Blobs) -> Any:
    # Hexadecimal: Python limits the digits of decimal texts (sys.set_int_max_str_digits), and is slow at it.
    return value if LEAST_INT <= value <= LARGEST_INT else ["int", hex(value)]


def _encode_float(value: float, _blobs: Blobs) -> Any:
    return value if math.isfinite(value) else ["float", repr(value)]


def _encode_complex(value: complex, _blobs: Blobs) -> Any:
    return ["complex", repr(value.real), repr(value.imag)]


def _encode_str(value: str, blobs: Blobs) -> Any:
    if len(value) <= LONGEST_STR:
        try:
            value.encode()
        except UnicodeEncodeError:
            pass
        else:
            return value
    # Lone surrogates are not Unicode text, but they are Python's str and are kept.
    return ["str", *blobs.add(value.encode("utf-8", "surrogatepass"))]


def _encode_bytes(value: bytes, blobs: Blobs) -> Any:
    return ["bytes", *blobs.add(value)]


def _encode_bytearray(value: bytearray, blobs: Blobs) -> Any:
    return ["bytearray", *blobs.add(bytes(value))]


def _encode_date(value: dt.date, _blobs: Blobs) -> Any:
    return ["date", value.year, value.month, value.day]


def _encode_time(value: dt.time, _blobs: Blobs) -> Any:
    parts = value.hour, value.minute, value.second, value.microsecond
    return ["time", *parts, value.fold, encode_zone(value.tzinfo)]


def _encode_datetime(value: dt.datetime, _blobs: Blobs) -> Any:
    parts = value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond
    return ["datetime", *parts, value.fold, encode_zone(value.tzinfo)]


def _encode_path(value: pathlib.PurePath, _blobs: Blobs) -> Any:
    return ["path", type(value).__name__, str(value)]


def _encode_timedelta(value: dt.timedelta, _blobs: Blobs) -> Any:
    return ["timedelta", value.days, value.seconds, value.microseconds]


def encode_zone(zone: dt.tzinfo | None) -> Any:
    """A zone as JSON.

    One of the standard library is its name in the time zone database, or its offset in days, seconds, microseconds,
    and its name. One of dateutil or pytz is a mapping with the name of the library.

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
    found = _encode_dateutil_zone(zone) or _encode_pytz_zone(zone)
    if found is None or decode_zone(found) != zone:
        msg = f"a time zone of type {type(zone).__module__}.{type(zone).__qualname__} (astimezone() with a ZoneInfo)"
        raise ValueError(msg)
    return found


def _encode_dateutil_zone(zone: Any) -> Any:
    tz = sys.modules.get("dateutil.tz")
    if tz is None:
        return None
    if isinstance(zone, tz.tzutc):
        return {"dateutil": "utc"}
    if type(zone) is type(tz.tzoffset(None, 0)):
        offset = zone.utcoffset(None)
        return {"dateutil": [zone.tzname(None), offset.days, offset.seconds]}
    if isinstance(zone, tz.tzfile):
        # Its repr has the file that it was read from: .../zoneinfo/Europe/Berlin.
        match = re.search(r"zoneinfo/([^']+)'", repr(zone))
        return {"dateutil": match[1]} if match and _ZONE.fullmatch(match[1]) else None
    return None


def _encode_pytz_zone(zone: Any) -> Any:
    pytz = sys.modules.get("pytz")
    if pytz is None:
        return None
    if zone is pytz.UTC:
        return {"pytz": "UTC"}
    if isinstance(zone, type(pytz.FixedOffset(1))):
        return {"pytz": zone.utcoffset(None).total_seconds() / 60}
    if isinstance(zone, pytz.tzinfo.BaseTzInfo) and _ZONE.fullmatch(zone.zone or ""):
        # A moment's own zone is one of several, each with its offset.
        parts = getattr(zone, "_utcoffset", None), getattr(zone, "_dst", None)
        given = [part.total_seconds() for part in parts if part is not None]
        return {"pytz": zone.zone, "offsets": given, "name": getattr(zone, "_tzname", None)}
    return None


ENCODERS: dict[type, Callable[[Any, Blobs], Any]] = {
    type(None): lambda value, _blobs: value,
    bool: lambda value, _blobs: value,
    int: _encode_int,
    float: _encode_float,
    complex: _encode_complex,
    str: _encode_str,
    bytes: _encode_bytes,
    bytearray: _encode_bytearray,
    dt.date: _encode_date,
    dt.time: _encode_time,
    dt.datetime: _encode_datetime,
    dt.timedelta: _encode_timedelta,
    decimal.Decimal: lambda value, _blobs: ["decimal", str(value)],
    uuid.UUID: lambda value, _blobs: ["uuid", value.hex],
    range: lambda value, _blobs: ["range", *map(hex, (value.start, value.stop, value.step))],
    **dict.fromkeys(PATHS.values(), _encode_path),
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
    if isinstance(zone, dict):
        found: dt.tzinfo = _decode_library_zone(zone)
        return found
    days, seconds, microseconds, *name = zone
    return dt.timezone(dt.timedelta(days, seconds, microseconds), *name)


def _decode_library_zone(zone: dict[str, Any]) -> Any:
    if "dateutil" in zone:
        tz: Any = import_module("dateutil.tz")  # only where a zone is dateutil's

        given = zone["dateutil"]
        if isinstance(given, list):
            name, days, seconds = given
            return tz.tzoffset(name, dt.timedelta(days, seconds))
        found = tz.UTC if given == "utc" else tz.gettz(given) if _ZONE.fullmatch(given) else None
        if found is None:
            msg = "no name of a time zone of dateutil"
            raise ValueError(msg)
        return found
    pytz: Any = import_module("pytz")  # only where a zone is pytz'

    given = zone["pytz"]
    if isinstance(given, float):
        return pytz.FixedOffset(int(given))
    made = pytz.timezone(given)
    if zone.get("offsets") and zone["name"] is not None and hasattr(made, "_tzinfos"):
        offset, dst = (dt.timedelta(seconds=part) for part in zone["offsets"])
        return made._tzinfos[offset, dst, zone["name"]]  # noqa: SLF001  # as pytz' own unpickler
    return made


def _decode_time(parts: list[Any], _source: BlobSource) -> dt.time:
    hour, minute, second, microsecond, fold, zone = parts
    return dt.time(hour, minute, second, microsecond, decode_zone(zone), fold=fold)


def _decode_datetime(parts: list[Any], source: BlobSource) -> dt.datetime:
    year, month, day, *time = parts
    return dt.datetime.combine(dt.date(year, month, day), _decode_time(time, source))


def _decode_bytes(parts: list[Any], source: BlobSource) -> bytes:
    start, length = parts
    return bytes(source.take(start, length, keep=False))


DECODERS: dict[str, Callable[[list[Any], BlobSource], Any]] = {
    "int": lambda parts, _source: int(parts[0], 16),
    "float": lambda parts, _source: float(parts[0]),
    "complex": lambda parts, _source: complex(float(parts[0]), float(parts[1])),
    "str": lambda parts, source: _decode_bytes(parts, source).decode("utf-8", "surrogatepass"),
    "bytes": _decode_bytes,
    "bytearray": lambda parts, source: bytearray(_decode_bytes(parts, source)),
    "date": lambda parts, _source: dt.date(*parts),
    "time": _decode_time,
    "datetime": _decode_datetime,
    "timedelta": lambda parts, _source: dt.timedelta(*parts),
    "decimal": lambda parts, _source: decimal.Decimal(parts[0]),
    "uuid": lambda parts, _source: uuid.UUID(hex=parts[0]),
    "range": lambda parts, _source: range(*(int(part, 16) for part in parts)),
    "path": lambda parts, _source: PATHS[parts[0]](parts[1]),
}
"""By tag: the value of a token's other parts."""
