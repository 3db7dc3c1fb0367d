"""The warning of pixels that were lost: it names the line that asked for them, and is not lost itself."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["LossWarning", "warn_of_loss"]

BLANKET = ("ignore", None, Warning, None, 0)
"""What ``simplefilter("ignore")`` leaves in the filters, and so do libraries.

rasterio's ``reproject`` takes it for its own time, and `warnings.catch_warnings` is not safe under threads: where two
of them overlap, the one that ends last puts back what the other had set, and from then on nobody hears a warning.
"""


class LossWarning(UserWarning):
    """Pixels could not be kept as they were; how many, in which band and why.

    To be ignored, or made an error, by its own name: ``warnings.simplefilter("ignore", LossWarning)``. That all
    warnings are ignored does not silence it, since libraries do that by accident; ``python -W ignore`` does.
    """


def warn_of_loss(message: str) -> None:
    """Warn of it at the line outside of bourn's own packages that asked for the image."""
    frame = _asking()
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


def _asking() -> FrameType:
    """The innermost frame that is none of bourn's, nor of a plugin's; where there is none, the outermost one."""
    frame = sys._getframe(1)  # noqa: SLF001  # as `warnings` itself does it; inspect reads source files
    while frame.f_back is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package != "bourn" and not package.startswith("bourn_"):
            break
        frame = frame.f_back
    return frame
