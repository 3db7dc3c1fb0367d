"""The JSON Schema (2020-12) of an options class, derived from its fields and never written twice."""

from __future__ import annotations

import copy
import functools
import inspect
from typing import TYPE_CHECKING, Any

import attrs

from bourn.options.options import plain
from bourn.options.shape import Field, Shape, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn.contract.option import OptionFacts

__all__ = ["schema_of"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TYPES: dict[str, dict[str, Any]] = {
    "any": {},
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "str": {"type": "string"},
    "path": {"type": "string"},
    "secret": {"type": "string", "writeOnly": True},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "timedelta": {"type": "number", "x-unit": "seconds"},
}


def schema_of(options_class: type) -> dict[str, Any]:
    """The JSON Schema of an attrs class whose fields are made by `option`; the caller's own to change.

    Raises
    ------
    PluginError
        It is no attrs class, or the type of a field has no JSON Schema; says which.

    Examples
    --------
    >>> import attrs
    >>> from bourn.plugin import option
    >>> @attrs.frozen
    ... class Options:
    ...     retries: int = option(default=3, ge=0, le=10, help="How often to try again.")
    >>> schema_of(Options)["properties"]["retries"]
    {'type': 'integer', 'minimum': 0, 'maximum': 10, 'description': 'How often to try again.', 'default': 3}
    """
    return copy.deepcopy(_cached(options_class))


@functools.cache
def _cached(options_class: type) -> dict[str, Any]:
    return {"$schema": DIALECT, **_of_class(options_class)}


def _of_class(cls: type) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    own = cls.__dict__.get("__doc__")
    if own:
        schema["description"] = inspect.cleandoc(own).partition("\n")[0]
    fields = fields_of(cls)
    schema["properties"] = {field.key: _of_field(field) for field in fields}
    required = [field.key for field in fields if field.required]
    if required:
        schema["required"] = required
    return {**schema, "additionalProperties": False}


def _of_field(field: Field) -> dict[str, Any]:
    schema = _of_shape(field.shape)
    if field.facts.help:
        schema["description"] = field.facts.help
    if field.facts.unit is not None:
        schema["x-unit"] = field.facts.unit
    if field.facts.check is not None:
        schema["x-checked"] = True  # by a function of the plugin's own, besides
    if field.facts.format is not None:
        _with_format(schema, field.facts.format)
    if field.shape.kind == "secret":
        return schema
    default = field.known_default()
    if default is not attrs.NOTHING:
        schema["default"] = plain(default)
    if field.facts.examples:
        schema["examples"] = [plain(example) for example in field.facts.examples]
    return schema


def _with_format(schema: dict[str, Any], name: str) -> None:
    """Set the format where the text is: in the items of a list, in the branches of a union."""
    for inner in schema.get("anyOf", [schema]):
        if inner.get("type") != "null":
            inner.get("items", inner)["format"] = name


def _of_shape(shape: Shape) -> dict[str, Any]:
    schema = _BUILDERS[shape.kind](shape) if shape.kind in _BUILDERS else dict(_TYPES[shape.kind])
    schema |= _limits(shape.kind, shape.limits)
    if shape.nullable:
        _or_null(schema)
    return schema


def _or_null(schema: dict[str, Any]) -> None:
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        schema["type"] = [*kinds, "null"]
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    if "anyOf" in schema:
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]


def _limits(kind: str, facts: OptionFacts) -> dict[str, Any]:
    size = {"list": "Items", "tuple": "Items", "map": "Properties"}.get(kind, "Length")
    said: dict[str, Any] = {}
    if kind in ("int", "float", "timedelta"):
        said = {
            "minimum": facts.ge, "exclusiveMinimum": facts.gt, "maximum": facts.le, "exclusiveMaximum": facts.lt,
        }  # fmt: skip
    elif kind not in ("bool", "any", "class", "choice", "union", "datetime", "date"):
        said = {f"min{size}": facts.min_length, f"max{size}": facts.max_length}
        if size == "Length":
            said["pattern"] = facts.pattern
    return {keyword: value for keyword, value in said.items() if value is not None}


def _choice(shape: Shape) -> dict[str, Any]:
    values = [value for value, _ in shape.choices]
    names = {str: "string", bool: "boolean", int: "integer", float: "number"}
    kinds = list(dict.fromkeys(names[type(value)] for value in values))
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": values}


def _list(shape: Shape) -> dict[str, Any]:
    unique = {"uniqueItems": True} if shape.cls in (set, frozenset) else {}
    return {"type": "array", "items": _of_shape(shape.items[0]), **unique}


def _tuple(shape: Shape) -> dict[str, Any]:
    number = len(shape.items)
    items = {"prefixItems": [_of_shape(item) for item in shape.items]} if number else {}
    return {"type": "array", **items, "items": False, "minItems": number, "maxItems": number}


def _map(shape: Shape) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": _of_shape(shape.items[0])}


def _class(shape: Shape) -> dict[str, Any]:
    assert shape.cls is not None  # a shape of this kind has its class
    return _of_class(shape.cls)


def _union(shape: Shape) -> dict[str, Any]:
    return {"anyOf": [_of_shape(branch) for branch in shape.items]}


_BUILDERS: dict[str, Callable[[Shape], dict[str, Any]]] = {
    "choice": _choice, "list": _list, "tuple": _tuple, "map": _map, "class": _class, "union": _union,
}  # fmt: skip
