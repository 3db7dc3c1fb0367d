"""Warnings of what was changed or lost, at the line of the caller's own that asked for it."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

from bourn.errors import BournWarning

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

__all__ = ["BLANKET", "describe_losses", "warn"]

BLANKET = ("ignore", None, Warning, None, 0)
"""Filter that ``simplefilter("ignore")`` adds.

rasterio's ``reproject`` adds it temporarily with `warnings.catch_warnings`, which is not thread-safe: of two
overlapping ones the last to end restores the filters of the other, and all warnings stay ignored.
"""


def warn(message: str, category: type[BournWarning] = BournWarning) -> None:
    """Warn at the innermost line outside of bourn and its plugins.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn("3 pixels were clipped")
    >>> str(caught[0].message)
    '3 pixels were clipped'
    """
    frame = _calling_frame()
    place = frame.f_code.co_filename, frame.f_lineno
    if BLANKET not in warnings.filters or "ignore" in sys.warnoptions:
        registry = frame.f_globals.setdefault("__warningregistry__", {})
        warnings.warn_explicit(message, category, *place, frame.f_globals.get("__name__"), registry)
        return
    action = next((action for action, said, kind, module, line in warnings.filters
                   if issubclass(category, kind) and (action, said, kind, module, line) != BLANKET
                   and (said is None or said.match(message)) and module is None and not line), "default")  # fmt: skip
    if action == "error":
        raise category(message)
    if action != "ignore":
        warnings.showwarning(category(message), category, *place)


def describe_losses(report: Mapping[str, Any], losses: Mapping[str, str]) -> str:
    """Return what a format's report counts of its losses; empty if there is nothing.

    Parameters
    ----------
    report : mapping
        Counts by kind of change and, under ``first``, the path of the first of each.
    losses : mapping of str to str
        By kind, what happened; see `bourn.plugin.Format`.

    Examples
    --------
    >>> describe_losses({"nan": 2, "tuple": 1, "first": {"nan": "result[1]"}}, {"nan": "NaN became null"})
    'NaN became null (2, the first at result[1])'
    """
    first = report.get("first") or {}
    said = []
    for kind, text in losses.items():
        count = report.get(kind)
        if count:
            at = f"at {first[kind]}" if kind in first else ""
            several = f"{count:,}{', the first ' if at else ''}" if isinstance(count, int) and count > 1 else ""
            said.append(f"{text} ({several}{at})" if several or at else text)
    return "; ".join(said)


def _calling_frame() -> FrameType:
    """Return the innermost frame outside of bourn and its plugins, else the outermost one."""
    frame = sys._getframe(1)  # noqa: SLF001  # as `warnings` itself does it; inspect reads source files
    while frame.f_back is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package != "bourn" and not package.startswith("bourn_"):
            break
        frame = frame.f_back
    return frame
