"""The JSON Schema of a whole request: what `destination=` and `format=` may be, by the plugins installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.discovery.registry import Registry
    from bourn.discovery.spec import Spec

__all__ = ["request_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def request_schema(registry: Registry) -> dict[str, Any]:
    """The JSON Schema of ``{"destination": ..., "format": ...}``; what is broken is left out of it.

    A name stands for a mapping that has only its ``type``; a list of destinations is a fan-out.
    """
    definitions = {
        f"{role}.{name}": schema
        for role, named in (("destination", registry.destinations), ("format", registry.formats))
        for name, spec in named.items()
        if (schema := _mapping_of(spec)) is not None
    }
    destination = _half("destination", definitions)
    return {
        "$schema": DIALECT,
        "title": "A request to bourn",
        "type": "object",
        "properties": {
            "destination": {"anyOf": [destination, {"type": "array", "minItems": 1, "items": destination}]},
            "format": _half("format", definitions),
        },
        "additionalProperties": False,
        "$defs": definitions,
    }


def _half(role: str, definitions: Mapping[str, Any]) -> dict[str, Any] | bool:
    named = [key for key in definitions if key.startswith(f"{role}.")]
    if not named:
        return False  # no value is right
    # A name alone will do where no option must be given.
    plain = [key.partition(".")[2] for key in named if definitions[key]["required"] == ["type"]]
    branches: list[dict[str, Any]] = [{"$ref": f"#/$defs/{key}"} for key in named]
    return {"oneOf": [*([{"type": "string", "enum": plain}] if plain else []), *branches]}


def _mapping_of(spec: Spec) -> dict[str, Any] | None:
    try:
        schema = spec.schema
    except PluginError:
        return None
    return {
        "type": "object",
        "description": spec.summary,
        "properties": {"type": {"const": spec.name}, **schema.get("properties", {})},
        "required": ["type", *schema.get("required", ())],
        "additionalProperties": False,
    }
