"""The JSON Schema (2020-12) of an options class, derived from the types, constraints and texts of its fields."""

from __future__ import annotations

import copy
import enum
import functools
import inspect
import pathlib
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import attrs

from bourn.contract.option import Secret
from bourn.options.fields import Field, constraints_of, fields_of
from bourn.options.serialization import plain

if TYPE_CHECKING:
    from bourn.contract.option import OptionFacts

__all__ = ["PYTHON_TYPE", "class_schema", "schema_of"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

PYTHON_TYPE = "x-python-type"
"""The keyword of a type in the schemas that bourn itself validates with; it is in no schema that is published."""

_SCALARS: dict[Any, dict[str, Any]] = {
    Any: {},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    pathlib.Path: {"type": "string"},
    Secret: {"type": "string", "writeOnly": True},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    timedelta: {"type": "number", "x-unit": "seconds"},
}
_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


def schema_of(options_class: type) -> dict[str, Any]:
    """The JSON Schema of an attrs class whose fields are made by `option`; a copy that the caller may change.

    Raises
    ------
    PluginError
        It is not an attrs class, or the type of a field has no JSON Schema.

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
    return {"$schema": DIALECT, **class_schema(options_class)}


def class_schema(cls: type, *, with_types: bool = False) -> dict[str, Any]:
    """The schema of a class; with the Python type of each value under `PYTHON_TYPE` where that is asked for."""
    schema: dict[str, Any] = {"type": "object"}
    doc = cls.__dict__.get("__doc__")
    if doc:
        schema["description"] = inspect.cleandoc(doc).partition("\n")[0]
    fields = fields_of(cls)
    schema["properties"] = {field.key: _field_schema(field, with_types=with_types) for field in fields}
    required = [field.key for field in fields if field.required]
    if required:
        schema["required"] = required
    return {**schema, "additionalProperties": False}


def _field_schema(field: Field, *, with_types: bool) -> dict[str, Any]:
    schema, facts = type_schema(field.type, with_types=with_types), field.facts
    if facts.help:
        schema["description"] = facts.help
    if facts.unit is not None:
        schema["x-unit"] = facts.unit
    if facts.check is not None:
        schema["x-checked"] = True  # a function of the plugin checks the value, too
    if facts.format is not None:
        # The format is that of the text: of the items of a list, of the branches of a union.
        for inner in schema.get("anyOf", [schema]):
            if inner.get("type") != "null":
                inner.get("items", inner)["format"] = facts.format
    if field.is_secret:
        return schema
    default = field.known_default()
    if default is not attrs.NOTHING:
        schema["default"] = plain(default)
    if facts.examples:
        schema["examples"] = [plain(example) for example in facts.examples]
    return schema


def type_schema(hint: Any, *, with_types: bool = False) -> dict[str, Any]:
    """The schema of a value of a type as `Field.type` has it."""
    if get_origin(hint) is Union:
        branches = [type_schema(b, with_types=with_types) for b in get_args(hint) if b is not type(None)]
        schema = branches[0] if len(branches) == 1 else {"anyOf": branches}
        return _or_null(schema) if type(None) in get_args(hint) else schema
    bare, facts = constraints_of(hint)
    schema = _bare_schema(bare, with_types=with_types) | _constraints(bare, facts)
    return schema | {PYTHON_TYPE: hint} if with_types else schema


def _bare_schema(bare: Any, *, with_types: bool) -> dict[str, Any]:
    if bare in _SCALARS:
        return dict(_SCALARS[bare])
    if attrs.has(bare):
        return class_schema(bare, with_types=with_types)
    origin, arguments = get_origin(bare), get_args(bare)
    if origin is Literal:
        values = [value.value if isinstance(value, enum.Enum) else value for value in arguments]
        types = list(dict.fromkeys(_JSON_TYPES[type(value)] for value in values))
        return {"type": types[0] if len(types) == 1 else types, "enum": values}
    if origin is tuple and arguments[-1] is not Ellipsis:
        prefix = [type_schema(item, with_types=with_types) for item in arguments]
        size = len(arguments)
        return {"type": "array", "prefixItems": prefix, "items": False, "minItems": size, "maxItems": size}
    if origin is dict:
        return {"type": "object", "additionalProperties": type_schema(arguments[1], with_types=with_types)}
    schema = {"type": "array", "items": type_schema(arguments[0], with_types=with_types)}
    return {**schema, "uniqueItems": True} if origin in (set, frozenset) else schema


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        schema["type"] = [*types, "null"]
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    if "anyOf" in schema:
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    return schema


def _constraints(bare: Any, facts: OptionFacts) -> dict[str, Any]:
    stated: dict[str, Any] = {}
    if bare in (int, float, timedelta):
        stated = {
            "minimum": facts.ge, "exclusiveMinimum": facts.gt, "maximum": facts.le, "exclusiveMaximum": facts.lt,
        }  # fmt: skip
    elif bare in (str, Secret, pathlib.Path):
        stated = {"minLength": facts.min_length, "maxLength": facts.max_length, "pattern": facts.pattern}
    elif get_origin(bare) is dict:
        stated = {"minProperties": facts.min_length, "maxProperties": facts.max_length}
    elif get_origin(bare) in (list, tuple, set, frozenset):
        stated = {"minItems": facts.min_length, "maxItems": facts.max_length}
    return {keyword: value for keyword, value in stated.items() if value is not None}
