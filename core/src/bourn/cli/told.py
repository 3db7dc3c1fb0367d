"""What a terminal was told already: that links work on this machine only need not be said with every result."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bourn.settings import Settings

__all__ = ["is_news"]

FILE = "told"
"""In the home: one line for each terminal that was told something lately."""

MOST_LINES = 20


def is_news(settings: Settings, note: str) -> bool:
    """Whether this terminal hears the note for the first time; from now on it has.

    A terminal is a session of the system: a window, a login, a script that cron starts. Where that can't be told, or
    written down, everything is news.
    """
    key = _terminal()
    if key is None:
        return True
    line, file = f"{key} {note}", Path(settings.home, FILE)
    with contextlib.suppress(OSError, UnicodeDecodeError):
        before = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        if line in before:
            return False
        file.write_text("\n".join([*before[-MOST_LINES + 1 :], line, ""]), encoding="utf-8")
    return True


def _terminal() -> str | None:
    """The system's session and when it began: its number alone is given again some day."""
    if not hasattr(os, "getsid"):
        return None
    leader = os.getsid(0)
    with contextlib.suppress(OSError, IndexError):
        stat = Path(f"/proc/{leader}/stat").read_text(encoding="utf-8", errors="replace")
        return f"{leader}:{stat.rpartition(')')[2].split()[19]}"  # starttime, the 22nd field
    return str(leader)
