"""Entry points as they stand in a distribution's ``entry_points.txt``: read, never imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GROUPS", "Entry", "PluginProblem", "parsed"]

GROUPS = {
    "bourn.destinations": "destination",
    "bourn.formats": "format",
    "bourn.shorthands": "shorthand",
    "bourn.hooks": "hook",
    "bourn.policies": "policy",
}
"""The groups of entry points that are ours, and the role of what they name."""


class PluginProblem(NamedTuple):
    """One thing that is wrong with something installed.

    Attributes
    ----------
    name : str
        Of the plugin; empty if it is about a whole distribution.
    role : str
        destination, format, shorthand, hook or policy; empty as above.
    distribution, version : str
        Who ships it; names joined by commas where several claim one name.
    reason : str
        One sentence without its full stop.
    cause : BaseException or None
        What was raised.
    fatal : bool
        Whether the plugin can't be used; False for a warning.
    """

    name: str
    role: str
    distribution: str
    version: str
    reason: str
    cause: BaseException | None = None
    fatal: bool = True


class Entry(NamedTuple):
    """One line: a name, and where in Python what it names is found.

    Attributes
    ----------
    role, name : str
    module, attribute : str
        ``attribute`` is empty where the module itself is meant.
    distribution, version : str
    """

    role: str
    name: str
    module: str
    attribute: str
    distribution: str
    version: str

    @property
    def value(self) -> str:
        """As the line has it: ``module:attribute``."""
        return f"{self.module}:{self.attribute}" if self.attribute else self.module


def parsed(text: str) -> Iterator[tuple[str, str, str, str]]:
    """The lines of our groups as (role, name, value, fault); the fault is empty where the line is right."""
    role = None
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            # A header that is never closed begins an unknown group.
            role = GROUPS.get(line[1:-1].strip()) if line[-1] == "]" else None
            continue
        if role is None:
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        # Extras were once allowed after the object; they mean nothing to us.
        value = value.partition("[")[0].strip()
        if not equals or not name:
            yield role, name, value, f"entry_points.txt has a malformed line: {line[:80]!r}"
        elif not _is_reference(value):
            yield role, name, value, f"its entry point {value[:80]!r} is not of the form module:attribute"
        else:
            yield role, name, value, ""


def split(value: str) -> tuple[str, str]:
    """``module:attribute`` as its two parts."""
    module, _, attribute = value.partition(":")
    return module.strip(), attribute.strip()


def _is_reference(value: str) -> bool:
    module, attribute = split(value)
    if ":" in value and not attribute:
        return False
    return all(part.isidentifier() for part in module.split(".") + (attribute.split(".") if attribute else []))
