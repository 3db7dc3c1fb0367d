"""What is wrong with an installed plugin, and its text."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PluginProblem"]


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
