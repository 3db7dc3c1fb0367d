"""A plugin's examples as lines of Python that can be pasted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bourn.contract.destination import Example

__all__ = ["call_of", "calls_of"]


def call_of(destination: Any = None, written: Any = None, result: str = "result") -> str:
    """A request as a call.

    Examples
    --------
    >>> call_of("email", {"type": "json", "nan": "error"})
    'bourn.compute(result, destination="email", format={"type": "json", "nan": "error"})'
    """
    halves = (("destination", destination), ("format", written))
    return f"bourn.compute({', '.join([result, *(f'{key}={_python(v)}' for key, v in halves if v is not None)])})"


def calls_of(examples: tuple[Example, ...], role: str, name: str) -> list[tuple[str, str]]:
    """Title and call of every example; without any, the plainest request there is."""
    found = [(example.title, call_of(example.destination, example.format)) for example in examples]
    return found or [("", call_of(name) if role == "destination" else call_of(None, name))]


def _python(value: Any) -> str:
    """A literal with the quotes that the rest of the documentation has."""
    if isinstance(value, str) and '"' not in value and "\\" not in value and value.isprintable():
        return f'"{value}"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_python(key)}: {_python(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        inner = ", ".join(map(_python, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)
