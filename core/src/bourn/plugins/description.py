"""The registry as plain JSON: the one source of every page, table and schema that is made of it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from bourn import errors
from bourn.errors import BournError, PluginError
from bourn.options.minimal import minimal_request
from bourn.options.schema import schema_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.contract.destination import Example
    from bourn.plugins.registry import Registry
    from bourn.plugins.spec import Spec

__all__ = ["describe_plugin", "describe_registry"]

FORM = 1
"""The version of this form: keys may be added to it, none is renamed or taken away."""


def describe_registry(registry: Registry) -> dict[str, Any]:
    """Every plugin with its options, the matrix, the errors and the problems; broken ones are marked as broken."""
    registry.check()
    shorthands = registry.shorthands
    return {
        "form": FORM,
        "destinations": {
            name: describe_plugin(spec, shorthands, _pairs_of(registry, name))
            for name, spec in registry.destinations.items()
        },
        "formats": {name: describe_plugin(spec, shorthands, {}) for name, spec in registry.formats.items()},
        "matrix": [
            {"destination": destination, "format": written, "kinds": list(cell.kinds), "reason": cell.reason}
            for (destination, written), cell in registry.matrix().items()
        ],
        "errors": [_error(cls) for cls in _errors()],
        "problems": [
            {
                "name": problem.name,
                "role": problem.role,
                "distribution": problem.distribution,
                "version": problem.version,
                "reason": problem.reason,
                "fatal": problem.fatal,
            }
            for problem in registry.problems
        ],
    }


def describe_plugin(
    spec: Spec, shorthands: Mapping[tuple[str, str], list[str]] | None = None, pairs: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One plugin as `describe_registry` has it, or why it is broken."""
    known: dict[str, Any] = {
        "name": spec.name,
        "role": spec.role,
        "distribution": spec.distribution,
        "version": spec.version,
        "entry": spec.entry,
    }
    try:
        plugin = spec.load()
    except PluginError as error:
        return {**known, "broken": error.message}
    schema = spec.schema
    known |= {
        "summary": spec.summary,
        "description": _description(plugin),
        "shorthands": (shorthands or {}).get((spec.role, spec.name), []),
        "kinds": list(plugin.kinds),
        "options": schema,
        "settings": schema_of(spec.settings_class),
        "request": minimal_request(spec.name, schema),
        "examples": [_example(example) for example in spec.examples],
    }
    if spec.role == "destination":
        return {**known, "formats": list(plugin.formats), **(pairs or {}), "gives_data": plugin.gives_data}
    return {
        **known,
        "media_type": plugin.media_type,
        "suffix": plugin.suffix,
        "decodes": plugin.decodes,
        "lazy": plugin.lazy,
    }


def _pairs_of(registry: Registry, name: str) -> dict[str, Any]:
    """The formats that a destination takes, and the one that it would choose itself."""
    matrix = registry.matrix()
    try:
        return {"takes": matrix.formats_of(name), "default_format": matrix.default_format(name)}
    except PluginError:
        return {}  # it is listed as broken


def _description(plugin: object) -> str:
    """What the author says of the plugin, whole; sections for programmers, such as Parameters, are left out."""
    described = type(plugin).__doc__
    if not isinstance(described, str):
        return ""
    lines = inspect.cleandoc(described).splitlines()
    for number, line in enumerate(lines[1:], 1):
        if line.strip() and not line.strip(" -="):  # the line under a heading
            return "\n".join(lines[: number - 1]).strip()
    return "\n".join(lines)


def _example(example: Example) -> dict[str, Any]:
    described: dict[str, Any] = {"title": example.title}
    for half in ("destination", "format"):
        given = getattr(example, half)
        if given is not None:
            described[half] = given if isinstance(given, str) else dict(given)
    return described


def _errors() -> list[type[BournError]]:
    """Every error that bourn raises, each before those under it."""
    return [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, BournError)]


def _error(cls: type[BournError]) -> dict[str, Any]:
    return {
        "name": cls.__name__,
        "code": cls.code,
        "above": [base.__name__ for base in cls.__bases__ if issubclass(base, BournError)],
        "cause": inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0].replace("\n", " "),
        "cure": cls.cure,
    }
