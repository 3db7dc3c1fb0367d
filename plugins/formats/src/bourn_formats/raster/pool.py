"""The threads that encode tiles: one pool for the whole process, as large as there are cores."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

__all__ = ["pool"]

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def pool() -> ThreadPoolExecutor:
    """The pool, made on first use. What it runs must never wait for something else that it is to run."""
    global _pool  # noqa: PLW0603  # one for the process is what it is for
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(_cores(), thread_name_prefix="bourn-raster")
        return _pool


def _cores() -> int:
    """Those that this process may use, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _forget() -> None:
    """In a forked child: the parent's threads do not exist there, and its lock may be held by one of them."""
    global _lock, _pool  # noqa: PLW0603  # see above
    _lock = threading.Lock()
    _pool = None


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_forget)
