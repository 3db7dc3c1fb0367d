"""Single values read strictly: text, numbers, times, choices; what does not fit is refused, nothing is cast."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from bourn.contract.option import Secret
from bourn.options.messages import Unfit, quoted, unfit, wanted
from bourn.wording import nearest

if TYPE_CHECKING:
    from bourn.options.shape import Shape

__all__ = ["SCALARS", "Reader", "encodable", "folded", "scalar_of"]

Reader = Callable[[Any], Any]
"""Gives the typed value, or raises `Unfit`."""


def scalar_of(value: Any) -> Any:
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


def read_text(shape: Shape) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not str:
            if not issubclass(type(value), str):
                raise unfit(shape, value)
            value = str.__str__(value)
        if not value.isascii():
            encodable(value)
        return value

    return read


def encodable(text: str) -> None:
    """Refuse a lone surrogate: no JSON can hold it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        msg = "expected text that UTF-8 can hold, got a lone surrogate"
        raise Unfit(msg) from error


def read_integer(shape: Shape) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is int:
            return value
        value = scalar_of(value)
        if isinstance(value, int) and type(value) is not bool:
            return int.__int__(value)
        raise unfit(shape, value)

    return read


def read_boolean(shape: Shape) -> Reader:
    def read(value: Any) -> Any:
        if value is True or value is False:
            return value
        value = scalar_of(value)
        if type(value) is bool:
            return value
        raise unfit(shape, value)

    return read


def read_number(shape: Shape) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is float and math.isfinite(value):
            return value
        value = scalar_of(value)
        if type(value) is not bool and issubclass(type(value), int | float):
            try:
                number = float(value)
            except OverflowError:
                raise unfit(shape, value) from None
            if math.isfinite(number):
                return number
            msg = f"expected a finite number, got {quoted(number)}"
            raise Unfit(msg)
        raise unfit(shape, value)

    return read


def read_secret(shape: Shape) -> Reader:
    text = read_text(shape)

    def read(value: Any) -> Any:
        return value if type(value) is Secret else Secret(text(value))

    return read


def read_moment(cls: type[datetime | date]) -> Callable[[Shape], Reader]:
    def reader(shape: Shape) -> Reader:
        def read(value: Any) -> Any:
            if type(value) is cls:
                return value
            given = value
            try:
                # A subclass, such as a pandas Timestamp, becomes what was declared; a datetime is no date.
                if issubclass(type(value), cls) and not (cls is date and issubclass(type(value), datetime)):
                    given = value.isoformat()
                if issubclass(type(given), str):
                    return cls.fromisoformat(str.__str__(given))
            except (ValueError, TypeError):
                pass
            raise unfit(shape, value)

        return read

    return reader


def read_duration(shape: Shape) -> Reader:
    number = read_number(shape)

    def read(value: Any) -> Any:
        if issubclass(type(value), timedelta):
            return timedelta(value.days, value.seconds, value.microseconds)
        try:
            return timedelta(seconds=number(value))
        except OverflowError:
            raise unfit(shape, value) from None

    return read


def read_path(shape: Shape) -> Reader:
    text = read_text(shape)

    def read(value: Any) -> Any:
        return Path(value) if issubclass(type(value), PurePath) else Path(text(value))

    return read


def read_choice(shape: Shape) -> Reader:
    exact = {(type(plain), plain): value for plain, value in shape.choices}
    by_fold: dict[str, Any] = {}
    for plain, value in shape.choices:
        if isinstance(plain, str):
            # Two choices that differ in case only are told apart by case.
            by_fold[folded(plain)] = value if folded(plain) not in by_fold else None
    members = {id(value): value for _, value in shape.choices if not isinstance(value, str | int | float)}
    members |= {id(value): value for plain, value in shape.choices if type(value) is not type(plain)}

    def read(value: Any) -> Any:
        if type(value) is str and (found := exact.get((str, value))) is not None:
            return found
        if id(value) in members:
            return value
        value = scalar_of(value)
        if issubclass(type(value), str):
            text = str.__str__(value)
            found = exact.get((str, text))
            found = by_fold.get(folded(text)) if found is None else found
        elif type(value) in (bool, int, float):
            found = exact.get((type(value), value))
            if found is None and type(value) is int:
                found = exact.get((float, value))
        else:
            found = None
        if found is None:
            raise _not_among(shape, value)
        return found

    return read


def _not_among(shape: Shape, value: Any) -> Unfit:
    names = {folded(plain): plain for plain, _ in shape.choices if isinstance(plain, str)}
    meant = nearest(str.__str__(value), names) if issubclass(type(value), str) else None
    hint = "" if meant is None else f"; did you mean {names[meant]!r}?"
    return Unfit(f"expected {wanted(shape)}, got {quoted(value)}{hint}")


def folded(text: str) -> str:
    """Lower case of ASCII letters only: a look-alike of another script is another word."""
    return text.lower() if text.isascii() else text


SCALARS: dict[str, Callable[[Shape], Reader]] = {
    "bool": read_boolean, "int": read_integer, "float": read_number, "str": read_text, "secret": read_secret,
    "datetime": read_moment(datetime), "date": read_moment(date), "timedelta": read_duration, "path": read_path,
    "choice": read_choice,
}  # fmt: skip
