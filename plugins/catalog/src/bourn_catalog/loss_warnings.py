"""Warn of lost pixels at the line that requested the image."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["LossWarning", "warn_of_losses"]

BLANKET = ("ignore", None, Warning, None, 0)
"""Filter that ``simplefilter("ignore")`` adds.

rasterio's ``reproject`` adds it temporarily with `warnings.catch_warnings`, which is not thread-safe: of two
overlapping ones the last to end restores the filters of the other, and all warnings stay ignored.
"""


class LossWarning(UserWarning):
    """Pixels could not be kept as they were: how many, in which band and why.

    Ignore it, or make it an error, by its own name: ``warnings.simplefilter("ignore", LossWarning)``. A filter
    for all warnings does not silence it, since libraries set one by accident; ``python -W ignore`` does.
    """


def warn_of_losses(message: str) -> None:
    """Warn at the line outside of bourn's packages that requested the image."""
    frame = _calling_frame()
    place = frame.f_code.co_filename, frame.f_lineno
    if BLANKET not in warnings.filters or "ignore" in sys.warnoptions:
        registry = frame.f_globals.setdefault("__warningregistry__", {})
        warnings.warn_explicit(message, LossWarning, *place, frame.f_globals.get("__name__"), registry)
        return
    action = next((action for action, said, category, module, line in warnings.filters
                   if issubclass(LossWarning, category) and (action, said, category, module, line) != BLANKET
                   and (said is None or said.match(message)) and module is None and not line), "default")  # fmt: skip
    if action == "error":
        raise LossWarning(message)
    if action != "ignore":
        warnings.showwarning(LossWarning(message), LossWarning, *place)


def _calling_frame() -> FrameType:
    """Return the innermost frame outside of bourn and its plugins, else the outermost one."""
    frame = sys._getframe(1)  # noqa: SLF001  # as `warnings` itself does it; inspect reads source files
    while frame.f_back is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package != "bourn" and not package.startswith("bourn_"):
            break
        frame = frame.f_back
    return frame
