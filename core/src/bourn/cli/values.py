"""``-o KEY=VALUE``: arguments as options of a plugin, converted by its schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click

__all__ = ["KeyValue", "options_from"]


class KeyValue(click.ParamType[tuple[str, str]]):
    """``KEY=VALUE``, split at the first equals sign."""

    name = "KEY=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return the key and the text of the value."""
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not equals or not key.strip():
            self.fail(f"expected KEY=VALUE, got {value!r}", param, ctx)
        return key.strip(), text


def options_from(pairs: Iterable[tuple[str, str]], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as a request has them; a value that does not fit the schema stays text, and is refused later.

    A key that is given several times is a list, where the option takes one. ``image.name=t1`` is the option
    ``name`` of the option ``image``.

    Examples
    --------
    >>> schema = {"properties": {"level": {"type": "integer"}, "to": {"type": "array", "items": {"type": "string"}}}}
    >>> options_from([("level", "3"), ("to", "a"), ("to", "b"), ("x", "1")], schema)
    {'level': 3, 'to': ['a', 'b'], 'x': '1'}
    """
    grouped: dict[str, list[str]] = {}
    for key, text in pairs:
        grouped.setdefault(key, []).append(text)
    options: dict[str, Any] = {}
    for key, texts in grouped.items():
        *outer, last = _path(key, schema)
        place, inner = options, schema
        for step in outer:
            inner = inner.get("properties", {}).get(step, {})
            held = place.setdefault(step, {})
            if not isinstance(held, dict):
                msg = f"{step!r} is given as a whole and by its parts"
                raise click.UsageError(msg)
            place = held
        known = inner.get("properties", {})
        place[last] = _value(key, texts, known.get(last, inner.get("additionalProperties") or {}))
    return options


def _path(key: str, schema: Mapping[str, Any]) -> list[str]:
    """Return the steps of a key; a dot splits it only where the schema has a mapping."""
    first, dot, rest = key.partition(".")
    inner = schema.get("properties", {}).get(first, {})
    if not dot or "object" not in _kinds(inner):
        return [key]
    return [first, *_path(rest, inner)]


def _value(key: str, texts: list[str], schema: Mapping[str, Any]) -> Any:
    if len(texts) == 1:
        return _one(texts[0], schema)
    if "array" not in _kinds(schema):
        msg = f"{key!r} is given {len(texts)} times, and takes one value"
        raise click.UsageError(msg)
    items = schema if "items" in schema else next(b for b in schema["anyOf"] if "array" in _kinds(b))
    return [_one(text, items.get("items") or {}) for text in texts]


def _one(text: str, schema: Mapping[str, Any]) -> Any:
    """Return the value as JSON where that fits the schema, else the text."""
    kinds = _kinds(schema)
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    if text in schema.get("enum", ()):  # "3" among choices that are texts
        return text
    if _kind_of(found) & kinds and not (isinstance(found, str) and "string" in kinds):
        return text if found is None and "string" in kinds else found
    if "string" in kinds or "array" not in kinds:
        return text
    return [_one(text, schema.get("items") or {})]  # one value for a list


def _kinds(schema: Any) -> set[str]:
    if not isinstance(schema, Mapping):
        return set()
    if "anyOf" in schema:
        return set().union(*(_kinds(branch) for branch in schema["anyOf"]))
    kinds = schema.get("type", ())
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _kind_of(value: Any) -> set[str]:
    if isinstance(value, bool):
        return {"boolean"}
    if value is None:
        return {"null"}
    if isinstance(value, int):
        return {"integer", "number"}
    named = {float: "number", str: "string", list: "array", dict: "object"}
    return {named[type(value)]}
