"""An OpenAPI 3.1 description of a request and of what the server answers: a fragment for a platform's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.describe.schema import DIALECT, request_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.describe.schema import Defaults

__all__ = ["openapi"]


def openapi(described: Mapping[str, Any], version: str, *, defaults: Defaults | None = None) -> dict[str, Any]:
    """The fragment: ``components`` has the request and each plugin; ``paths`` what `bourn serve` answers.

    Parameters
    ----------
    described : mapping
        What ``registry.describe()`` gives.
    version : str
        Of bourn.
    defaults : Defaults, optional
    """
    schema = _moved(request_schema(described, defaults=defaults))
    definitions = schema.pop("$defs")
    del schema["$schema"]
    return {
        "openapi": "3.1.0",
        "info": {"title": "bourn", "version": version, "description": "Results, and what is installed."},
        "jsonSchemaDialect": DIALECT,
        "paths": _paths(),
        "components": {"schemas": {"Request": schema, **_halves(definitions), "Fault": _FAULT}},
    }


def _halves(definitions: dict[str, Any]) -> dict[str, Any]:
    """The definitions, the mappings of each half with a discriminator, from which clients are generated."""
    found = dict(definitions)
    for role in ("destination", "format"):
        half = found[role]
        mappings = {
            key.partition(".")[2]: f"#/components/schemas/{key}" for key in definitions if key.startswith(f"{role}.")
        }
        if half is False:
            found[role] = {"not": {}}
            continue
        found[f"{role}.mapping"] = {
            "oneOf": [{"$ref": path} for path in mappings.values()],
            "discriminator": {"propertyName": "type", "mapping": mappings},
        }
        names = [branch for branch in half["oneOf"] if "$ref" not in branch]
        found[role] = {"oneOf": [*names, {"$ref": f"#/components/schemas/{role}.mapping"}]}
    return found


def _moved(schema: Any) -> Any:
    """A schema whose references lead into ``components``."""
    if isinstance(schema, dict):
        moved = {key: _moved(inner) for key, inner in schema.items()}
        if isinstance(moved.get("$ref"), str):
            moved["$ref"] = moved["$ref"].replace("#/$defs/", "#/components/schemas/")
        return moved
    return [_moved(inner) for inner in schema] if isinstance(schema, list) else schema


_FAULT = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "message": {"type": "string"}},
    "required": ["error", "message"],
}


def _paths() -> dict[str, Any]:
    gone = {"404": _answer("There is no such link.", "Fault"), "410": _answer("Its time is over.", "Fault")}
    data = {
        "200": {"description": "The data.", "content": {"*/*": {}}},
        "206": {"description": "A part of them.", "content": {"*/*": {}}},
        **gone,
    }
    parts = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in ("token", "filename")
    ]
    return {
        "/d/{token}/{filename}": {
            "get": {
                "summary": "What a link leads to.",
                "operationId": "download",
                "parameters": parts,
                "responses": data,
            }
        },
        "/registry.json": _get("What is installed.", "registry"),
        "/request.schema.json": _get("The JSON Schema of a request.", "request-schema"),
        "/file_formats": _get("The formats, as openEO lists them.", "file-formats"),
        "/healthz": _get("Whether database and store answer.", "health"),
    }


def _get(summary: str, operation: str) -> dict[str, Any]:
    answer = {"200": {"description": summary, "content": {"application/json": {"schema": {"type": "object"}}}}}
    return {"get": {"summary": summary, "operationId": operation, "responses": answer}}


def _answer(description: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}
