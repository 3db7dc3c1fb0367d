"""The registry as a page for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs

from bourn.serve.answers import json_answer, page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from bourn.serve.serving import Serving

__all__ = ["html", "machine"]


def machine(session: Serving, request: Request) -> Response:  # noqa: ARG001  # every answer takes one
    """Everything, as JSON."""
    return json_answer(session.registry.describe())


def html(session: Serving, request: Request) -> Response:  # noqa: ARG001  # every answer takes one
    """The matrix, then every plugin with its options and examples, then what is broken."""
    told = session.registry.describe()
    cells = {(cell["destination"], cell["format"]): cell for cell in told["matrix"]}
    return page(
        "registry.html",
        destinations=[_plugin(each) for each in told["destinations"].values()],
        formats=[_plugin(each) for each in told["formats"].values()],
        cells=cells,
        problems=told["problems"],
    )


@attrs.frozen(kw_only=True)
class OptionRow:
    """One line of a table of options."""

    name: str
    type: str
    default: str
    limits: str
    meaning: str


def _plugin(told: Mapping[str, Any]) -> dict[str, Any]:
    """A plugin with its options as rows and its examples as text."""
    return {
        **told,
        "rows": _rows(told.get("options", {})),
        "shown_examples": [_example(example) for example in told.get("examples", ())],
    }


def _rows(schema: Mapping[str, Any], before: str = "") -> Sequence[OptionRow]:
    """The options of a schema; those of an option that has options of its own come after it, with its name."""
    rows: list[OptionRow] = []
    required = schema.get("required", ())
    for name, option in schema.get("properties", {}).items():
        default = "required" if name in required else _value(option["default"]) if "default" in option else ""
        rows.append(
            OptionRow(
                name=before + name,
                type=_type(option),
                default=default,
                limits=", ".join(_limits(option)),
                meaning=option.get("description", ""),
            )
        )
        rows += _rows(option, f"{before}{name}.")
        if isinstance(option.get("items"), dict):
            rows += _rows(option["items"], f"{before}{name}[].")
    return rows


def _value(value: Any) -> str:
    """A JSON value as one writes it in Python."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_value(key)}: {_value(each)}" for key, each in value.items()) + "}"
    return repr(value)


_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None", "object": "mapping"}


def _type(schema: Mapping[str, Any]) -> str:
    """The type in a word or two, as one says it in Python; choices are their own type."""
    if "enum" in schema:
        return " | ".join(map(_value, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(map(_type, schema["anyOf"])))
    kinds = schema.get("type", "any")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    inner = schema.get("items")
    many = f"list of {_type(inner)}" if isinstance(inner, dict) else "list"
    return " | ".join(many if kind == "array" else _TYPES.get(kind, kind) for kind in kinds)


_LIMITS = {
    "minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}",
    "minLength": "at least {} characters", "maxLength": "at most {} characters",
    "minItems": "at least {} items", "maxItems": "at most {} items",
    "pattern": "matches {}", "format": "{}", "x-unit": "in {}",
}  # fmt: skip


def _limits(schema: Mapping[str, Any]) -> list[str]:
    """The limits in words; of a list, those of its items, too."""
    said = [
        text.format(f"{schema[key]:,}" if isinstance(schema[key], int | float) else schema[key])
        for key, text in _LIMITS.items()
        if key in schema
    ]
    inner = schema.get("items")
    return said + (_limits(inner) if isinstance(inner, dict) else [])


def _example(example: Mapping[str, Any]) -> dict[str, str]:
    arguments = "".join(
        f", {half}={_value(example[half])}" for half in ("destination", "format") if example.get(half) is not None
    )
    return {"title": example["title"], "code": f"bourn.compute(result{arguments})"}
