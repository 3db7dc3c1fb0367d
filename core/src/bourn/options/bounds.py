"""The limits of a value, as functions that refuse what lies beyond."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bourn.contract.option import Secret
from bourn.options.messages import Unfit, counted, quoted
from bourn.wording import clean, reason_of, shown

if TYPE_CHECKING:
    from bourn.options.shape import Shape

__all__ = ["tests_of"]

Test = Callable[[Any], None]

LONGEST_PATTERN = 80
"""Characters of a pattern that a message quotes."""

_NUMBERS = frozenset({"int", "float", "timedelta"})
_TEXTS = frozenset({"str", "secret", "path"})
_UNITS = {"str": "character", "secret": "character", "path": "character", "map": "entry"}


def tests_of(shape: Shape) -> list[Test]:
    """The limits of the shape, the cheapest first: a pattern never sees a text that is too long."""
    tests = []
    if shape.kind in _NUMBERS:
        tests += _range(shape)
    else:
        tests += _length(shape)
    if shape.kind in _TEXTS and shape.limits.pattern is not None:
        tests.append(_pattern(shape, shape.limits.pattern))
    if shape.limits.check is not None:
        tests.append(_check(shape.limits.check, hidden=shape.kind == "secret"))
    return tests


def _range(shape: Shape) -> list[Test]:
    limits = shape.limits
    unit = "" if limits.unit is None else f" {limits.unit}"
    rules: list[tuple[float | None, str, Callable[[Any, Any], bool]]] = [
        (limits.ge, "at least", operator.ge),
        (limits.gt, "more than", operator.gt),
        (limits.le, "at most", operator.le),
        (limits.lt, "less than", operator.lt),
    ]
    is_duration = shape.kind == "timedelta"

    def test_for(bound: float, words: str, holds: Callable[[Any, Any], bool]) -> Test:
        def test(value: Any) -> None:
            number = value.total_seconds() if is_duration else value
            if not holds(number, bound):
                msg = f"expected {words} {bound}{unit}, got {shown(number)}"
                raise Unfit(msg)

        return test

    return [test_for(bound, words, holds) for bound, words, holds in rules if bound is not None]


def _length(shape: Shape) -> list[Test]:
    least, most = shape.limits.min_length, shape.limits.max_length
    if least is None and most is None:
        return []
    noun = _UNITS.get(shape.kind, "item")

    def test(value: Any) -> None:
        length = len(_text_of(value) if shape.kind in _TEXTS else value)
        if least is not None and length < least:
            msg = f"expected at least {counted(least, noun)}, got {length:,}"
            raise Unfit(msg)
        if most is not None and length > most:
            msg = f"expected at most {counted(most, noun)}, got {length:,}"
            raise Unfit(msg)

    return [test]


def _pattern(shape: Shape, pattern: str) -> Test:
    search = re.compile(pattern).search

    def test(value: Any) -> None:
        if search(value if type(value) is str else _text_of(value)) is None:
            got = "" if shape.kind == "secret" else f", got {shown(_text_of(value))}"
            msg = f"expected text that matches {_as_written(pattern)}{got}"
            raise Unfit(msg)

    return test


def _as_written(pattern: str) -> str:
    r"""A pattern for a message: not as its repr, which doubles every backslash.

    Examples
    --------
    >>> print(_as_written(r"^\d{4}\s"))
    '^\d{4}\s'
    """
    text = clean(pattern)
    return f"'{text if len(text) <= LONGEST_PATTERN else text[: LONGEST_PATTERN - 1] + '…'}'"


def _check(check: Callable[[Any], object], *, hidden: bool) -> Test:
    def test(value: Any) -> None:
        try:
            fault = check(value)
        except Exception as error:
            # A stranger's function. What it says of a secret may quote it.
            why = type(error).__name__ if hidden else reason_of(error)
            msg = f"can't be checked: {why}"
            raise Unfit(msg) from error
        if fault is not None:
            raise Unfit(clean(fault) if isinstance(fault, str) else f"is not allowed: {quoted(value)}")

    return test


def _text_of(value: Any) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)
