"""How much memory is held while something runs: Python's own, and that of Arrow, which Python does not see."""

from __future__ import annotations

import sys
import tracemalloc
from typing import Any, Self

__all__ = ["Held"]


class Held:
    """Measures what is held from its entry on; for ``with``.

    Parameters
    ----------
    traced : bool
        Whether Python's own objects count, too: to follow each of them is slow.

    Attributes
    ----------
    peak_bytes : int
        The most that was held at a time. Of Arrow's pool what was seen when `look` was called.

    Examples
    --------
    >>> with Held() as held:
    ...     text = b"x" * 1_000_000
    ...     del text
    >>> 1_000_000 <= held.peak_bytes < 1_100_000
    True
    """

    def __init__(self, *, traced: bool = True) -> None:
        self.peak_bytes = 0
        self._traced = traced
        self._most_of_arrow = 0

    def __enter__(self) -> Self:
        if self._traced:
            tracemalloc.start()
        self._arrow_before = _arrow()
        return self

    def look(self) -> None:
        """Look at Arrow's pool; its own high-water mark can't be set back."""
        self._most_of_arrow = max(self._most_of_arrow, _arrow() - self._arrow_before)

    def __exit__(self, *_: object) -> None:
        self.look()
        self.peak_bytes = self._most_of_arrow
        if self._traced:
            self.peak_bytes += tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()


def _arrow() -> int:
    arrow: Any = sys.modules.get("pyarrow")
    return int(arrow.total_allocated_bytes()) if arrow is not None else 0
