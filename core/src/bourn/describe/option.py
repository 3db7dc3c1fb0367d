"""An option in words, from its JSON Schema: type, default, limits and meaning."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["OptionInWords", "in_words", "options_of"]

_TYPES = {
    "boolean": "true or false", "integer": "integer", "number": "number", "string": "text",
    "array": "list", "object": "mapping", "null": "null",
}  # fmt: skip

_FORMATS = {
    "email": "e-mail address", "idn-email": "e-mail address", "uri": "URL", "hostname": "host name",
    "date": "ISO 8601", "date-time": "ISO 8601",
}  # fmt: skip
"""Formats of JSON Schema in words, where there are better ones."""

SHOWN_PATTERN = 40
"""Characters of a regular expression that a table shows."""


class OptionInWords(NamedTuple):
    """One option as a table shows it.

    Attributes
    ----------
    name, type : str
    default : str
        As one writes it; ``required`` where a request must give it, empty where it is worked out.
    limits : str
        Choices, range, length and unit.
    meaning : str
    """

    name: str
    type: str
    default: str
    limits: str
    meaning: str


def options_of(schema: Mapping[str, Any]) -> list[OptionInWords]:
    """The options of a plugin, in the order of its author; those of an option that is a mapping follow it."""
    return list(_options(schema, ""))


def _options(schema: Mapping[str, Any], within: str) -> Iterable[OptionInWords]:
    required = schema.get("required", ())
    for key, option in schema.get("properties", {}).items():
        row = in_words(within + key, option, required=key in required)
        # The default of a mapping whose options follow is shown by theirs.
        yield row._replace(default="") if option.get("properties") and option.get("default") else row
        yield from _parts(option, within + key)


def _parts(option: Mapping[str, Any], name: str) -> Iterable[OptionInWords]:
    """The options within an option: of a mapping, of each item of a list, of the mappings among several types."""
    yield from _options(option, f"{name}.")
    if isinstance(option.get("items"), Mapping):
        yield from _parts(option["items"], f"{name}[]")
    for branch in option.get("anyOf", ()):
        yield from _parts(branch, name)


def in_words(name: str, schema: Mapping[str, Any], *, required: bool = False) -> OptionInWords:
    """One option in words.

    Examples
    --------
    >>> in_words("retries", {"type": "integer", "minimum": 0, "maximum": 10, "default": 3, "description": "Tries."})
    OptionInWords(name='retries', type='integer', default='3', limits='0 to 10', meaning='Tries.')
    """
    default = "required" if required else plain_text(schema["default"]) if "default" in schema else ""
    return OptionInWords(name, _type(schema), default, _limits(schema), schema.get("description", ""))


def plain_text(value: Any) -> str:
    """A value as one gives it on the command line."""
    return value if isinstance(value, str) and value and value == value.strip() else json.dumps(value)


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(branch) for branch in schema["anyOf"]))
    if schema.get("writeOnly"):
        return "secret text"
    kinds = schema.get("type", "any")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    words = [_TYPES.get(kind, kind) for kind in kinds]
    items = schema.get("items") or next(iter(schema.get("prefixItems", ())), None)
    if "array" in kinds and isinstance(items, Mapping):
        words[kinds.index("array")] = f"list of {_type(items)}"
    return " or ".join(words)


def _limits(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        said = [_limits(branch).removeprefix("each: ") for branch in schema["anyOf"]]
        return "; ".join(dict.fromkeys(limits for limits in said if limits))
    parts = []
    if "enum" in schema:
        parts.append(", ".join(plain_text(value) for value in schema["enum"]))
    parts += [*_range(schema), *_size(schema)]
    if "pattern" in schema:
        pattern = str(schema["pattern"])
        parts.append(f"matches {pattern}" if len(pattern) <= SHOWN_PATTERN else "matches a pattern")
    if schema.get("format"):
        parts.append(_FORMATS.get(schema["format"], str(schema["format"])))
    if isinstance(schema.get("items"), Mapping) and (each := _limits(schema["items"])):
        parts.append(f"each: {each}")
    return ", ".join(parts)


def _range(schema: Mapping[str, Any]) -> Iterable[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    unit = f" {schema['x-unit']}" if "x-unit" in schema else ""
    if low is not None and high is not None:
        yield f"{low} to {high}{unit}"
        return
    said = [
        f"{word} {limit}"
        for word, limit in (("at least", low), ("more than", above), ("at most", high), ("less than", below))
        if limit is not None
    ]
    if said or unit:
        yield f"{', '.join(said)}{unit}".strip()


def _size(schema: Mapping[str, Any]) -> Iterable[str]:
    for noun, what in (("Length", "characters"), ("Items", "items"), ("Properties", "entries")):
        least, most = schema.get(f"min{noun}"), schema.get(f"max{noun}")
        if least is not None and most is not None:
            yield f"{least:,} to {most:,} {what}" if least != most else f"{least:,} {what}"
        elif most is not None:
            yield f"at most {most:,} {what}"
        elif least is not None:
            yield f"at least {least:,} {what}"
