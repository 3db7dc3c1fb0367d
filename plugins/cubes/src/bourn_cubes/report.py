"""Counts of what had to change, filled while chunks are written by many threads."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

__all__ = ["Report"]


class Report:
    """What a format has to say of a result."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._names: dict[str, set[str]] = {}

    def count(self, kind: str, name: str, number: int) -> None:
        """Add to the count of a kind of change in a variable."""
        if number:
            with self._lock:
                self._counts[kind, name] += number

    def name(self, kind: str, name: str) -> None:
        """Add a variable to those that a kind of change has befallen."""
        self._names.setdefault(kind, set()).add(name)

    def as_mapping(self) -> dict[str, Any]:
        """Return the report as JSON."""
        found: dict[str, Any] = {kind: sorted(names) for kind, names in self._names.items()}
        for (kind, name), number in sorted(self._counts.items()):
            found.setdefault(kind, {})[name] = number
        return found
