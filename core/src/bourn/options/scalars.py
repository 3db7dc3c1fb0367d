"""The cattrs hooks of single values: text, numbers, times, JSON; what does not fit is refused, nothing is cast."""

from __future__ import annotations

import math
import pathlib
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from bourn.contract.option import Secret

__all__ = [
    "MAX_LEVELS", "SCALARS", "Hook", "InvalidValueError", "copied_list", "copied_mapping", "numpy_to_python",
    "structure_json", "structure_key",
]  # fmt: skip

MAX_LEVELS = 100
"""Levels of a value of any shape; a cycle ends here."""

MAX_ENTRIES = 100_000
"""Entries of a mapping that is not a dict, which may have no end."""

Hook = Callable[[Any, Any], Any]
"""Gives the typed value of (value, type), or raises `InvalidValueError`."""


class InvalidValueError(ValueError):
    """A value does not fit; has a text where there is more to say than the type that is expected."""


def numpy_to_python(value: Any) -> Any:
    """Numpy's bools, integers and floats as Python's; anything else as it is."""
    numpy = sys.modules.get("numpy")  # where numpy was never imported, there are none of its scalars
    cls = type(value)
    if numpy is None or not issubclass(cls, numpy.generic):
        return value
    if issubclass(cls, numpy.bool_):
        return bool(value)
    if issubclass(cls, numpy.integer) and not issubclass(cls, numpy.timedelta64):
        return int(value)
    return float(value) if issubclass(cls, numpy.floating) else value


def copied_mapping(value: Any) -> dict[Any, Any] | None:
    """A copy of a mapping; None of anything else.

    Raises
    ------
    InvalidValueError
        It raises while it is read, or does not end.
    """
    if issubclass(type(value), dict):
        return dict.copy(value)
    if not issubclass(type(value), Mapping):
        return None
    copied: dict[Any, Any] = {}
    try:
        for key in value:
            if len(copied) >= MAX_ENTRIES:
                break
            copied[key] = value[key]
        else:
            return copied
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a foreign mapping may raise anything
        msg = f"a mapping that can't be read: it raises {type(error).__name__}"
        raise InvalidValueError(msg) from error
    msg = f"a mapping of more than {MAX_ENTRIES:,} entries"
    raise InvalidValueError(msg)


def copied_list(value: Any) -> list[Any] | None:
    """A copy of a list or tuple, whatever its class makes of iteration; None of anything else."""
    if issubclass(type(value), list):
        return list.copy(value)
    return list(tuple.__iter__(value)) if issubclass(type(value), tuple) else None


def _structure_str(value: Any, _: Any = str) -> str:
    if type(value) is not str:
        if not issubclass(type(value), str):
            raise InvalidValueError
        value = str.__str__(value)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:  # no JSON can hold it
            msg = "expected text that UTF-8 can hold, got a lone surrogate"
            raise InvalidValueError(msg) from error
    return value  # type: ignore[no-any-return]  # it is one now


def _structure_bool(value: Any, _: Any) -> bool:
    plain = numpy_to_python(value)
    if type(plain) is not bool:
        raise InvalidValueError
    return plain


def _structure_int(value: Any, _: Any) -> int:
    plain = numpy_to_python(value)
    if type(plain) is bool or not issubclass(type(plain), int):
        raise InvalidValueError
    return int.__int__(plain)


def _structure_float(value: Any, _: Any) -> float:
    plain = numpy_to_python(value)
    if type(plain) is bool or not issubclass(type(plain), int | float):
        raise InvalidValueError
    try:
        number = float(plain)
    except OverflowError:
        raise InvalidValueError from None
    if not math.isfinite(number):
        msg = f"expected a finite number, got {number}"
        raise InvalidValueError(msg)
    return number


def _structure_secret(value: Any, _: Any) -> Secret:
    return value if type(value) is Secret else Secret(_structure_str(value))


def _time_hook(cls: type[datetime | date]) -> Hook:
    def hook(value: Any, _: Any) -> Any:
        if type(value) is cls:
            return value
        given = value
        try:
            # A subclass, such as a pandas Timestamp, becomes what was declared; a datetime is not a date.
            if issubclass(type(value), cls) and not (cls is date and issubclass(type(value), datetime)):
                given = value.isoformat()
            if issubclass(type(given), str):
                return cls.fromisoformat(str.__str__(given))
        except (ValueError, TypeError):
            pass
        raise InvalidValueError

    return hook


def _structure_timedelta(value: Any, _: Any) -> timedelta:
    if issubclass(type(value), timedelta):
        return timedelta(value.days, value.seconds, value.microseconds)
    try:
        return timedelta(seconds=_structure_float(value, float))
    except OverflowError:
        raise InvalidValueError from None


def _structure_path(value: Any, _: Any) -> pathlib.Path:
    return pathlib.Path(value if issubclass(type(value), pathlib.PurePath) else _structure_str(value))


def structure_json(value: Any, _: Any, depth: int = 0) -> Any:
    """A value as JSON has it, copied."""
    if depth > MAX_LEVELS:
        msg = f"expected at most {MAX_LEVELS} levels; does it hold itself?"
        raise InvalidValueError(msg)
    value = numpy_to_python(value)
    if value is None or type(value) in (bool, int):
        return value
    if issubclass(type(value), str):
        return _structure_str(value)
    if type(value) is float and math.isfinite(value):
        return value
    items = copied_list(value)
    if items is not None:
        return [structure_json(item, Any, depth + 1) for item in items]
    entries = copied_mapping(value)
    if entries is None:
        raise InvalidValueError
    return {structure_key(key): structure_json(entry, Any, depth + 1) for key, entry in entries.items()}


SCALARS: dict[Any, Hook] = {
    bool: _structure_bool, int: _structure_int, float: _structure_float, str: _structure_str,
    Secret: _structure_secret, datetime: _time_hook(datetime), date: _time_hook(date), timedelta: _structure_timedelta,
    pathlib.Path: _structure_path,
}  # fmt: skip


def structure_key(key: Any) -> str:
    """A key of a mapping."""
    if not issubclass(type(key), str):
        msg = f"expected keys that are str, got one of type {type(key).__name__}"
        raise InvalidValueError(msg)
    return _structure_str(key)
