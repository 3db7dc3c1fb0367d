"""The JSON Schema of a whole request: what `destination=` and `format=` may be, by the plugins installed.

Every request that the schema lets pass bourn plans too, unless only the plugin itself can tell: by a function of its
own (``x-checked``), in its preflight, or by the reading of a date. And 1.0 is an integer to JSON Schema, not to bourn.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Defaults", "request_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


@attrs.frozen(kw_only=True)
class Defaults:
    """What a request means that leaves a half out: the session's own defaults."""

    destination: str = "download"
    format: str = "pyarrow"


def request_schema(
    described: Mapping[str, Any], *, kind: str | None = None, any_case: bool = False, defaults: Defaults | None = None
) -> Schema:
    """The JSON Schema (2020-12) of ``{"destination": ..., "format": ...}``; what is broken is left out of it.

    A half is a name, or a mapping by its ``type``; a list of destinations is a fan-out. Pairs that the matrix forbids
    do not pass.

    Parameters
    ----------
    described : mapping
        What ``registry.describe()`` gives.
    kind : str, optional
        Only requests for a result of this kind, such as ``"image"``.
    any_case : bool
        Whether names and choices pass in any case of ASCII letters, as bourn takes them; forms and editors are
        better served by the one spelling.
    defaults : Defaults, optional
    """
    made = _Maker(described, kind=kind, any_case=any_case, defaults=defaults or Defaults())
    return {
        "$schema": DIALECT,
        "title": "A request to bourn",
        "description": "Where a result goes, and how it is written.",
        "type": "object",
        "properties": {
            "destination": {
                "description": "Where the result goes: a name, a mapping with `type`, or a list of these.",
                "anyOf": [
                    {"$ref": "#/$defs/destination"},
                    {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/destination"}},
                    *([] if made.must_say_destination else [{"type": "null"}]),
                ],
            },
            "format": {
                "description": "How the result is written: a name, or a mapping with `type`.",
                "anyOf": [{"$ref": "#/$defs/format"}, {"type": "null"}],
            },
        },
        **({"required": ["destination"]} if made.must_say_destination else {}),
        "additionalProperties": False,
        **({"allOf": pairs} if (pairs := list(made.pairs())) else {}),
        "$defs": made.definitions(),
    }


class _Maker:
    """Makes the parts of the schema; what is broken is left out from the start."""

    def __init__(self, described: Mapping[str, Any], *, kind: str | None, any_case: bool, defaults: Defaults) -> None:
        self._plugins = {
            role: {name: plugin for name, plugin in described[f"{role}s"].items() if "broken" not in plugin}
            for role in ("destination", "format")
        }
        self._passing = {
            (cell["destination"], cell["format"])
            for cell in described["matrix"]
            if (cell["kinds"] if kind is None else kind in cell["kinds"])
        }
        self._allowed = {(cell["destination"], cell["format"]) for cell in described["matrix"] if cell["kinds"]}
        self._any_case = any_case
        self._default_destination = defaults.destination.lower()
        self._default_format = defaults.format.lower()
        plain = self._plugins["destination"].get(self._default_destination)
        self.must_say_destination = plain is None or not isinstance(plain["request"], str)

    def definitions(self) -> dict[str, Any]:
        """Each half whole, then each plugin, as ``destination.email``."""
        return {
            "destination": self._half("destination"),
            "format": self._half("format"),
            **{
                f"{role}.{name}": self._plugin(plugin)
                for role, plugins in self._plugins.items()
                for name, plugin in plugins.items()
            },
        }

    def _half(self, role: str) -> Schema | bool:
        plugins = self._plugins[role]
        if not plugins:
            return False  # no value is right
        names = [
            {**self._named(name), "description": plugin["summary"]}
            for name, plugin in plugins.items()
            if isinstance(plugin["request"], str)  # a name alone will do where no option must be given
        ]
        return {"oneOf": [*names, *({"$ref": f"#/$defs/{role}.{name}"} for name in plugins)]}

    def _plugin(self, plugin: Mapping[str, Any]) -> Schema:
        options = plugin["options"]
        properties = options.get("properties", {})
        return {
            "title": plugin["name"],
            "description": plugin["summary"],
            "type": "object",
            "properties": {
                "type": self._named(plugin["name"]),
                **{name: self._folded(option) for name, option in properties.items()},
            },
            "required": ["type", *options.get("required", ())],
            "additionalProperties": False,
        }

    def pairs(self) -> Iterator[Schema]:
        """For each destination the formats that it takes, and whether one must be said."""
        for name in self._plugins["destination"]:
            fitting = [written for written in self._plugins["format"] if (name, written) in self._passing]
            default = self._default_for(name)
            silent = default in fitting and isinstance(self._plugins["format"][default]["request"], str)
            if silent and len(fitting) == len(self._plugins["format"]):
                continue
            then: Schema = {"properties": {"format": self._among(fitting, null=silent)}}
            yield {"if": self._goes_to(name), "then": then if silent else {**then, "required": ["format"]}}

    def _default_for(self, destination: str) -> str | None:
        """The format of a request that names none: as the dispatcher chooses it."""
        if (destination, self._default_format) in self._allowed:
            return self._default_format
        plugin = self._plugins["destination"][destination]
        return plugin.get("default_format") or next(iter(plugin.get("takes", ())), None)

    def _goes_to(self, name: str) -> Schema:
        """Whether a request has this destination, alone or among others."""
        here = {"anyOf": [self._named(name), self._typed([name])]}
        said = {"properties": {"destination": {"anyOf": [here, {"type": "array", "contains": here}]}}}
        said["required"] = ["destination"]  # type: ignore[assignment]
        if name != self._default_destination:
            return said
        unsaid = [{"not": {"required": ["destination"]}}, {"properties": {"destination": {"type": "null"}}}]
        return {"anyOf": [said, *unsaid]}

    def _among(self, names: Sequence[str], *, null: bool) -> Schema | bool:
        branches = [*map(self._named, names), *([self._typed(names)] if names else [])]
        return {"anyOf": [*branches, *([{"type": "null"}] if null else [])]} if branches else False

    def _typed(self, names: Sequence[str]) -> Schema:
        """A mapping whose ``type`` is one of the names."""
        named = [self._named(name) for name in names]
        of_type = named[0] if len(named) == 1 else {"anyOf": named}
        return {"type": "object", "properties": {"type": of_type}, "required": ["type"]}

    def _named(self, name: str) -> Schema:
        return {"type": "string", "pattern": _in_any_case([name])} if self._any_case else {"const": name}

    def _folded(self, schema: Any) -> Any:
        """An option's schema with its choices in any case, if that is asked for."""
        if not self._any_case:
            return schema
        if isinstance(schema, list):
            return [self._folded(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        folded = {
            key: {name: self._folded(option) for name, option in inner.items()} if key == "properties"
            else inner if key in _VALUES else self._folded(inner)
            for key, inner in schema.items()
        }  # fmt: skip
        texts = [value for value in schema.get("enum", ()) if isinstance(value, str) and value.isascii()]
        # Two choices that differ in case only are distinguished by case.
        alone = [text for text in texts if [other.lower() for other in texts].count(text.lower()) == 1]
        if not alone:
            return folded
        of_type = {key: folded.pop(key) for key in ("enum", "type") if key in folded}
        return {**folded, "anyOf": [of_type, {"type": "string", "pattern": _in_any_case(alone)}]}


_VALUES = frozenset({"default", "examples", "enum", "const", "required"})
"""Keywords beneath which stand values, not schemas."""


_MEANT = re.compile(r"[.^$*+?()\[\]{}|\\/]")
"""What means something in a pattern; `re.escape` escapes more than JavaScript allows."""


def _in_any_case(names: Sequence[str]) -> str:
    """A pattern, read alike by Python and JavaScript, of these texts in any case of ASCII letters."""
    folded = [
        "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else _MEANT.sub(r"\\\g<0>", c) for c in name)
        for name in names
    ]
    return rf"^(?:{'|'.join(folded)})(?![\s\S])"  # not $, which for Python may stand before a last line end
