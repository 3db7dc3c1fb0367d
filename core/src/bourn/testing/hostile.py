"""Values that no option should take, made from its own JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["HUGE", "hostile_values"]

HUGE = 1_000_000
"""Characters of a text that is too long for anything but a text to read."""

_OF_ANY_TYPE: tuple[Any, ...] = (None, True, 0, -1, 10**30, 0.5, "", "1", "true", [], ["x", 1], {}, {"x": None})
"""JSON of every type: whether an option takes one is what its schema says, by an independent validator."""

_CONTROL = ("\x00", "\r\nX-Injected: 1", "\x1b[2J", "\u202e")
"""Ends a C string, begins a header of its own, clears a terminal, turns what follows around."""


class Unprintable:
    """An object that has no repr."""

    def __repr__(self) -> str:
        raise RuntimeError


def hostile_values(schema: Mapping[str, Any], valid: Any, *, is_free_text: bool) -> Iterator[Any]:
    """What an option with this schema should refuse.

    Parameters
    ----------
    schema : mapping
        Of the option.
    valid : object
        A value that it takes: what is made of a text begins with it, so that a pattern lets it pass.
    is_free_text : bool
        Whether a long text with control characters is what the option is for.
    """
    validator = Draft202012Validator(dict(schema))
    yield from (value for value in _OF_ANY_TYPE if not validator.is_valid(value))
    if set(schema) - {"description", "default", "examples"}:  # it says what it takes
        yield from (b"bytes", Unprintable(), float("nan"), iter(()))
    kinds = schema.get("type", ())
    if "string" in ([kinds] if isinstance(kinds, str) else kinds) and "enum" not in schema and not is_free_text:
        begin = valid if isinstance(valid, str) else ""
        yield from (begin + text for text in _CONTROL)
        yield begin + "x" * HUGE
