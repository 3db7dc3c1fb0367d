"""The distributions that are known to have a plugin, for messages about one that is not installed."""

from __future__ import annotations

__all__ = ["distribution_of"]


def distribution_of(role: str, name: str) -> str | None:
    """Return what to install for a plugin; None for a name that no known distribution has.

    Examples
    --------
    >>> distribution_of("destination", "download"), distribution_of("format", "unknown")
    ('bourn-download', None)
    """
    import json  # only for a request with a name that is not installed
    from importlib.resources import files

    known = json.loads(files(__package__).joinpath("distributions.json").read_text(encoding="utf-8"))
    distribution: str | None = known[role].get(name)
    return distribution
