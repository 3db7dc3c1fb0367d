"""The registry as plain JSON, for people and machines that want all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.discovery.schema import schema_of
from bourn.errors import PluginError

if TYPE_CHECKING:
    from bourn.contract.destination import Example
    from bourn.discovery.registry import Registry
    from bourn.discovery.spec import Spec

__all__ = ["inventory"]


def inventory(registry: Registry) -> dict[str, Any]:
    """Every plugin with its options, the matrix and the problems; what is broken stands there as broken."""
    registry.check()
    return {
        "destinations": {name: _told(spec) for name, spec in registry.destinations.items()},
        "formats": {name: _told(spec) for name, spec in registry.formats.items()},
        "matrix": [
            {"destination": destination, "format": written, "kinds": list(cell.kinds), "reason": cell.reason}
            for (destination, written), cell in registry.matrix().items()
        ],
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


def _told(spec: Spec) -> dict[str, Any]:
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
    known |= {
        "summary": spec.summary,
        "kinds": list(plugin.kinds),
        "options": spec.schema,
        "settings": schema_of(spec.settings_class),
        "examples": [_example(example) for example in spec.examples],
    }
    if spec.role == "destination":
        return {**known, "formats": list(plugin.formats), "gives_data": plugin.gives_data}
    return {
        **known,
        "media_type": plugin.media_type,
        "suffix": plugin.suffix,
        "decodes": plugin.decodes,
        "lazy": plugin.lazy,
    }


def _example(example: Example) -> dict[str, Any]:
    told: dict[str, Any] = {"title": example.title}
    for half in ("destination", "format"):
        given = getattr(example, half)
        if given is not None:
            told[half] = given if isinstance(given, str) else dict(given)
    return told
