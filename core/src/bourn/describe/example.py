"""A plugin's examples as lines of Python, or of a shell, that can be pasted."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["call_of", "calls_of", "command_of", "commands_of"]


WIDEST = 88
"""Characters of a line; what is longer is broken as formatters of Python break it."""


LONGEST_COMMAND = 110
"""Characters of a command on one line: a terminal breaks it better than we do, up to there."""


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
    return [(title, call_of(*halves)) for title, *halves in _examples_of(plugin)]


def commands_of(plugin: Mapping[str, Any]) -> list[str]:
    """The same requests as commands."""
    return [command_of(*halves) for _, *halves in _examples_of(plugin)]


def _examples_of(plugin: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Title, destination and format."""
    plainest = plugin["request"]
    halves = (plainest, None) if plugin["role"] == "destination" else (None, plainest)
    found = [(each["title"], each.get("destination"), each.get("format")) for each in plugin["examples"]]
    return found or [("", *halves)]


def command_of(destination: Any = None, written: Any = None, result: str = "INPUT") -> str:
    r"""A request as a command.

    Examples
    --------
    >>> command_of({"type": "email", "subject": "It is done", "to": ["a@x.org", "b@x.org"]}, "json")
    "bourn send INPUT --destination email -o 'subject=It is done' -o to=a@x.org -o to=b@x.org --format json"
    >>> command_of(None, {"type": "geotiff", "level": 6})
    'bourn send INPUT --format geotiff -f level=6'
    """
    parts = []
    for half, named, option in ((destination, "--destination", "-o"), (written, "--format", "-f")):
        if half is None:
            continue
        mapping = half if isinstance(half, Mapping) else {"type": half}
        parts.append(f"{named} {shlex.quote(str(mapping['type']))}")
        own = {key: value for key, value in mapping.items() if key != "type"}
        parts += [f"{option} {_word(pair)}" for pair in _pairs(own)]
    line = " ".join(["bourn send", result, *parts])
    return line if len(line) <= LONGEST_COMMAND else " \\\n    ".join([f"bourn send {result}", *parts])


def _pairs(options: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """``KEY=VALUE`` as the command takes them: a list of texts one by one, a mapping by its parts."""
    for key, value in options.items():
        if isinstance(value, Mapping) and value:
            yield from _pairs(value, f"{at}{key}.")
        elif isinstance(value, list | tuple) and len(value) > 1 and all(isinstance(item, str) for item in value):
            yield from (f"{at}{key}={item}" for item in value)
        else:
            yield f"{at}{key}={value if isinstance(value, str) else json.dumps(value, default=list)}"


def _word(text: str) -> str:
    """Quoted for a shell; with line ends on one line all the same."""
    if text.isprintable():
        return shlex.quote(text)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t")
    return f"$'{escaped}'"


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
