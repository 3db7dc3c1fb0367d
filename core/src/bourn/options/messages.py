"""How it is worded that a value does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bourn.wording import shown

if TYPE_CHECKING:
    from bourn.options.shape import Shape

__all__ = ["Unfit", "counted", "quoted", "unfit", "wanted"]

MOST_CHOICES = 30
"""How many choices a message names."""


class Unfit(ValueError):  # a verdict that never leaves this room
    """A value does not fit; says what was expected."""


_WANTED = {
    "any": "a JSON value", "bool": "true or false", "int": "an integer", "float": "a number", "str": "a string",
    "secret": "a string", "datetime": "a date and time (ISO 8601)", "date": "a date (ISO 8601)",
    "timedelta": "a number of seconds", "path": "a path", "list": "a list", "tuple": "a list", "map": "a mapping",
    "class": "a mapping",
}  # fmt: skip


def quoted(value: object) -> str:
    """A stranger's value as it may stand in a message."""
    try:
        return shown(value)
    except Exception:  # noqa: BLE001  # its __class__ may be a property that raises
        return f"an object of type {type(value).__module__}.{type(value).__qualname__}"


def wanted(shape: Shape) -> str:
    """What a value of this shape is, with its article."""
    if shape.kind == "union":
        return " or ".join(dict.fromkeys(map(wanted, shape.items)))
    if shape.kind == "choice":
        names = ", ".join(shown(plain) for plain, _ in shape.choices[:MOST_CHOICES])
        rest = ", ..." if len(shape.choices) > MOST_CHOICES else ""
        return names if len(shape.choices) == 1 else f"one of {names}{rest}"
    return _WANTED[shape.kind]


def unfit(shape: Shape, value: object) -> Unfit:
    """The verdict on a value of another type."""
    # A value that should be a secret is not quoted, whatever it is.
    got = f"a value of type {type(value).__name__}" if shape.kind == "secret" else quoted(value)
    return Unfit(f"expected {wanted(shape)}, got {got}")


def counted(number: int, noun: str) -> str:
    """A number with its noun, such as ``2 items``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") else f"{number:,} {noun}s"
