"""How places in a result, and types, are worded in messages."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["key_path", "type_path", "zone_fault"]

LONGEST_KEY = 40
"""Characters of a key that is quoted in a path."""


def type_path(value: object) -> str:
    """Where the class of `value` is from: ``decimal.Decimal``."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def zone_fault(zone: object, cause: Exception) -> str:
    """What is said of a moment whose time zone is a third party's and raised `cause`."""
    return f"a moment in a time zone of type {type_path(zone)}, which raises {type(cause).__name__},"


def key_path(key: Any, index: int) -> str:
    """The step to the value under `key` as Python writes it: ``["a"]``; the number of the entry for odd keys."""
    if isinstance(key, str):
        text = key if len(key) <= LONGEST_KEY else key[:LONGEST_KEY] + "…"
        return f"[{json.dumps(text, ensure_ascii=False)}]"
    if key is None or isinstance(key, bool | float) or (isinstance(key, int) and key.bit_length() <= 64):  # noqa: PLR2004  # what fits a line
        return f"[{key!r}]"
    return f"[<key {index // 2}>]"
