"""How far a job is, and the bar that shows it."""

from __future__ import annotations

import sys
from typing import TextIO

import attrs

__all__ = ["Bar", "Progress"]

WIDTH = 6


@attrs.frozen(kw_only=True)
class Progress:
    """How far a job is.

    Attributes
    ----------
    stage : str
    done, total : int
        Steps: dask tasks while it computes, blocks while it encodes, what the destination says while it delivers.
    note : str
        What is being waited for, such as ``mail: try 2 in 40 s``.
    """

    stage: str
    done: int = 0
    total: int = 0
    note: str = ""

    def __str__(self) -> str:
        ended = self.stage == "SUCCEEDED"
        total = max(self.total, 1)
        done = total if ended else min(self.done, total)
        filled = "#" * (WIDTH * done // total)
        text = f"[{filled:<{WIDTH}}] | Steps: {done}/{total} | Stage: {self.stage}"
        return f"{text} | {self.note}" if self.note else text


class Bar:
    """Draws progress on one line of a terminal or a notebook, after a line with the job's id."""

    def __init__(self, job_id: str, stream: TextIO | None) -> None:
        self._job_id = job_id
        self._stream = stream
        self._length = 0

    @classmethod
    def drawn_where(cls, job_id: str, *, wanted: bool | None) -> Bar:
        """A bar where it is wanted: None is in notebooks only."""
        drawn = _in_notebook() if wanted is None else wanted
        return cls(job_id, sys.stderr if drawn and not _in_notebook() else sys.stdout if drawn else None)

    @property
    def shown(self) -> bool:
        """Whether anything is drawn."""
        return self._stream is not None

    def draw(self, progress: Progress) -> None:
        """Draw, over what was drawn before."""
        if self._stream is None:
            return
        if not self._length:
            self._stream.write(f"Job ID: {self._job_id}\n")
        text = str(progress)
        self._stream.write(f"\r{text:<{self._length}}")
        self._stream.flush()
        self._length = len(text)

    def close(self) -> None:
        """End the line."""
        if self._stream is not None and self._length:
            self._stream.write("\n")
            self._stream.flush()


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"
