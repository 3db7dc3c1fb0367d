"""Locks that survive a fork: free in the child, and what they guard is whole there."""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["ForkSafeLock"]

WAIT_SECONDS = 2.0
"""How long a fork waits for other threads to release their locks."""


class ForkSafeLock:
    """A reentrant lock that no thread of the parent holds in a forked child.

    A fork takes it first, so that what it guards is not half done in the child: a plugin that another thread is
    importing, for example. Where that takes too long the child gets a free lock all the same.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._taken_for_fork = False
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()

    def before_fork(self, until: float) -> None:
        """Take the lock, by that time of the monotonic clock."""
        self._taken_for_fork = self._lock.acquire(timeout=max(until - time.monotonic(), 0.0))

    def after_fork(self, *, child: bool) -> None:
        """Release the lock; in the child make a new one."""
        if child:
            self._lock = threading.RLock()
        elif self._taken_for_fork:
            self._lock.release()
        self._taken_for_fork = False


_locks: weakref.WeakSet[ForkSafeLock] = weakref.WeakSet()
_for_fork: list[ForkSafeLock] = []


def _before() -> None:
    until = time.monotonic() + WAIT_SECONDS
    _for_fork[:] = _locks
    for lock in _for_fork:
        lock.before_fork(until)


def _after(*, child: bool) -> None:
    for lock in _for_fork:
        lock.after_fork(child=child)
    _for_fork.clear()


def _after_in_parent() -> None:
    _after(child=False)


def _after_in_child() -> None:
    _after(child=True)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
