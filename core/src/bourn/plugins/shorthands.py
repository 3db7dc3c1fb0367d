"""Classes whose objects stand for a destination or format, known by their type alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bourn.plugins.entry_points import Entry

__all__ = ["claim_on", "is_of"]


def claim_on(obj: Any, entries: Iterable[Entry]) -> Entry | None:
    """The entry whose class, or a base class of it, is the type of `obj`; None if there is none.

    An object can be of a class only if the class's module is loaded: so nothing is imported, and of `obj` nothing is
    asked but its type (not even ``__class__``, which a lazy object may invent).
    """
    claims = [(entry, cls) for entry in entries if (cls := _loaded(entry)) is not None]
    if not claims:
        return None
    for base in _bases_of(obj):
        for entry, cls in claims:
            if cls is base:
                return entry
    return None


def is_of(obj: Any, cls: type) -> bool:
    """Whether `obj` is of that class, whatever its class makes of `isinstance`."""
    return any(base is cls for base in _bases_of(obj))


def _bases_of(obj: Any) -> tuple[type, ...]:
    # A metaclass can hide `type(obj).__mro__`; this is the slot itself.
    return type.__dict__["__mro__"].__get__(type(obj))  # type: ignore[no-any-return]


def _loaded(entry: Entry) -> Any:
    """The class that the entry names, if its module is loaded and has it."""
    found: Any = sys.modules.get(entry.module)
    for step in entry.attribute.split("."):
        if found is None:
            return None
        try:
            found = vars(found).get(step) or _exported(found, step)
        except TypeError:  # it has no __dict__
            return None
    return found if isinstance(found, type) else None


def _exported(module: Any, name: str) -> Any:
    """What a package hands out by its ``__getattr__``, if the class itself is loaded already."""
    prefix = getattr(module, "__name__", "") + "."
    for loaded, inner in list(sys.modules.items()):
        if loaded.startswith(prefix) and isinstance(getattr(inner, "__dict__", {}).get(name), type):
            try:
                return getattr(module, name, None)
            except Exception:  # noqa: BLE001  # a third party's __getattr__; then nothing claims it
                return None
    return None
