"""The formats as an openEO back-end lists them at ``/file_formats`` (openEO API 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["file_formats"]

_DATA_TYPES = {"image": "raster", "array": "raster", "features": "vector", "table": "table", "value": "other"}
"""The kind of a result -> what openEO calls such data."""


def file_formats(described: Mapping[str, Any], names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The formats that bourn writes; it reads none for openEO, so ``input`` is empty.

    Parameters
    ----------
    described : mapping
        What ``registry.describe()`` gives.
    names : mapping, optional
        The name of a format -> the name that openEO's users know it by. openEO wants GDAL's names where GDAL has
        the format, and no others beside them; bourn's are its own.
    """
    names = names or {}
    formats = {
        names.get(name, name): {
            "title": name,
            "description": plugin["description"],
            "gis_data_types": _data_types(plugin["kinds"]),
            "parameters": _parameters(plugin["options"]),
        }
        for name, plugin in described["formats"].items()
        if "broken" not in plugin
    }
    return {"input": {}, "output": formats}


def _data_types(kinds: list[str]) -> list[str]:
    kinds = list(_DATA_TYPES) if kinds == ["*"] else kinds
    return list(dict.fromkeys(_DATA_TYPES[kind] for kind in kinds))


def _parameters(options: Mapping[str, Any]) -> dict[str, Any]:
    required = options.get("required", ())
    return {name: _parameter(schema, name in required) for name, schema in options.get("properties", {}).items()}


def _parameter(schema: Mapping[str, Any], required: bool) -> dict[str, Any]:
    """An option's schema; ``required`` means something else here, so that of a mapping's own options moves aside."""
    own = {key: value for key, value in schema.items() if key not in {"required", "writeOnly"}}
    inner = {"allOf": [{"required": schema["required"]}]} if schema.get("required") else {}
    return {"description": "", **own, **inner, "required": required}
