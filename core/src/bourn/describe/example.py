"""A plugin's examples as lines of Python that can be pasted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["call_of", "calls_of"]


WIDEST = 88
"""Characters of a line; what is longer is broken as formatters of Python break it."""


def call_of(destination: Any = None, written: Any = None, result: str = "result") -> str:
    """A request as a call.

    Examples
    --------
    >>> call_of("email", {"type": "json", "nan": "error"})
    'bourn.compute(result, destination="email", format={"type": "json", "nan": "error"})'
    """
    halves = {"destination": destination, "format": written}
    given = [(f"{key}=", value) for key, value in halves.items() if value is not None]
    call = f"bourn.compute({', '.join([result, *(key + _python(value) for key, value in given)])})"
    if len(call) <= WIDEST:
        return call
    lines = [f"    {result},", *(line for key, value in given for line in _broken(key, value))]
    return "\n".join(["bourn.compute(", *lines, ")"])


def _broken(key: str, value: Any) -> list[str]:
    """An argument on a line of its own, or a mapping with a line for each entry."""
    line = f"    {key}{_python(value)},"
    if len(line) <= WIDEST or not isinstance(value, Mapping):
        return [line]
    entries = (f"        {_python(name)}: {_python(entry)}," for name, entry in value.items())
    return [f"    {key}{{", *entries, "    },"]


def calls_of(plugin: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Title and call of every example of a described plugin; without any, the plainest request that is right."""
    found = [
        (example["title"], call_of(example.get("destination"), example.get("format")))
        for example in plugin["examples"]
    ]  # fmt: skip
    plainest = plugin["request"]
    return found or [("", call_of(plainest) if plugin["role"] == "destination" else call_of(None, plainest))]


def _python(value: Any) -> str:
    """A literal with the quotes that the rest of the documentation has."""
    if isinstance(value, str):
        written = repr(value)
        if written[0] == "'":  # its other quotes are written plainly
            written = '"' + written[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
        return written
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_python(key)}: {_python(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        inner = ", ".join(map(_python, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)
