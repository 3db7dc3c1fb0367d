"""A value that a schema allows, for examples: what a request must give at least."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["minimal_request", "sample"]

FILL_IN = "..."
"""What stands where nothing better is known: it is for the reader to fill in."""

_BY_FORMAT = {
    "email": "name@example.org", "idn-email": "name@example.org",
    "uri": "https://example.org/inbox", "date": "2026-07-01",
    "date-time": "2026-07-01T12:00:00Z", "hostname": "example.org",
}  # fmt: skip

# Tried one after the other against pattern and length.
_TEXTS = (
    "name", "https://example.org/inbox", "http://example.org", "s3://bucket/folder", "folder/name", "/folder/name",
    "name@example.org", "org:name", "2026-07-01", "2026-07-01T12:00:00Z", "NAME", "Name", "1", "01", "1.0", ".txt",
)  # fmt: skip


def minimal_request(name: str, schema: Mapping[str, Any]) -> str | dict[str, Any]:
    """The shortest request of a plugin: its name, or a mapping with those options that must be given.

    Examples
    --------
    >>> minimal_request("email", {"properties": {"subject": {"type": "string"}}})
    'email'
    >>> url = {"type": "string", "pattern": "^https://"}
    >>> minimal_request("hook", {"properties": {"url": url}, "required": ["url"]})
    {'type': 'hook', 'url': 'https://example.org/inbox'}
    """
    options = {key: sample(schema["properties"][key]) for key in schema.get("required", ())}
    return {"type": name, **options} if options else name


def sample(schema: Mapping[str, Any]) -> Any:
    """A value that the schema allows, the author's own example first; of a mapping what must be in it.

    Examples
    --------
    >>> sample({"type": "integer", "minimum": 3})
    3
    >>> sample({"type": "array", "items": {"type": "string", "format": "email"}, "minItems": 1})
    ['name@example.org']
    """
    if schema.get("writeOnly"):
        return "***"  # a secret; nothing is said that looks like one
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "anyOf" in schema:
        return sample(schema["anyOf"][0])
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    return _BY_TYPE[kind](schema)


def _text(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength", 1_000)
    pattern = re.compile(schema.get("pattern", ""))
    given = schema.get("format")
    texts: tuple[str, ...] = (*([_BY_FORMAT[str(given)]] if given in _BY_FORMAT else []), *_TEXTS, "x" * least)
    for text in texts:
        if least <= len(text) <= most and pattern.search(text):
            return text
    return FILL_IN


def _number(schema: Mapping[str, Any]) -> float:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    whole = "integer" in schema.get("type", ())
    for number in _numbers(low, above, high, below):
        fits = (
            (low is None or number >= low)
            and (above is None or number > above)
            and (high is None or number <= high)
            and (below is None or number < below)
        )
        if fits and (not whole or number == int(number)):
            return int(number) if whole else number
    return 1


def _numbers(low: float | None, above: float | None, high: float | None, below: float | None) -> Iterator[float]:
    """The least one, numbers that come to mind, those beside the limits, the middle."""
    yield from (limit for limit in (low,) if limit is not None)
    yield from (1, 10, 100)
    yield from (limit for limit in (high,) if limit is not None)
    yield from (limit + 1 for limit in (above,) if limit is not None)
    yield from (limit - 1 for limit in (below,) if limit is not None)
    ends = [end for end in (low if above is None else above, high if below is None else below) if end is not None]
    if len(ends) > 1:
        yield sum(ends) / len(ends)


def _list(schema: Mapping[str, Any]) -> list[Any]:
    if "prefixItems" in schema:
        return [sample(item) for item in schema["prefixItems"]]
    items = schema.get("items")
    return [sample(items if isinstance(items, dict) else {})] * schema.get("minItems", 1)


def _mapping(schema: Mapping[str, Any]) -> dict[str, Any]:
    options = schema.get("properties", {})
    if options or not isinstance(schema.get("additionalProperties"), dict):
        return {key: sample(options[key]) for key in schema.get("required", ())}
    keys = [f"name{number or ''}" for number in range(schema.get("minProperties", 0))]
    return {key: sample(schema["additionalProperties"]) for key in keys}


_BY_TYPE: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "string": _text, "integer": _number, "number": _number, "array": _list, "object": _mapping,
    "boolean": lambda _: True, "null": lambda _: None,
}  # fmt: skip
