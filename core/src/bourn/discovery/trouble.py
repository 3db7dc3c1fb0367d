"""What is wrong with an installed plugin, and how that is told."""

from __future__ import annotations

from typing import NamedTuple

from bourn.wording import clean

__all__ = ["PluginProblem", "reason_of"]


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


def reason_of(error: BaseException) -> str:
    """An exception of a stranger's as text: safe to print, and never raising itself."""
    try:
        text = str(error).strip()
    except BaseException:  # noqa: BLE001  # its own __str__ may raise anything
        text = ""
    name = type(error).__name__
    if not text:
        return name
    # An ImportError says what is missing by itself; of a KeyError('x') the text alone would be 'x'.
    return clean(text if isinstance(error, ImportError) else f"{name}: {text}")
