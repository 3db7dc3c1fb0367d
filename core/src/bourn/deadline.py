"""Time limits: how long the caller of the current thread waits for a ledger or a store that does not answer."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["call_within_limit", "remaining_seconds", "time_limit"]

T = TypeVar("T")

_deadline: ContextVar[float | None] = ContextVar("bourn_deadline", default=None)
"""By the monotonic clock; threads that are started meanwhile have none."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Let calls of this thread to the ledger and to object stores fail after `seconds` in all; None: no limit.

    An outer limit that ends earlier stays in force.

    Examples
    --------
    >>> with time_limit(3):
    ...     0 < remaining_seconds() <= 3
    True
    """
    outer = _deadline.get()
    inner = None if seconds is None else time.monotonic() + seconds
    ends = min((each for each in (outer, inner) if each is not None), default=None)
    token = _deadline.set(ends)
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining_seconds() -> float | None:
    """Return the seconds that are left, at least 0; None without a limit."""
    ends = _deadline.get()
    return None if ends is None else max(0.0, ends - time.monotonic())


def call_within_limit(work: Callable[[], T], what: str) -> T:
    """Return `work()`; under a time limit it runs in a thread of its own, which is abandoned when time is up.

    Raises
    ------
    TimeoutError
        `what` did not answer in time.
    """
    left = remaining_seconds()
    if left is None:
        return work()
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(work())
        except BaseException as error:  # noqa: BLE001  # raised in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, name="bourn-limited", daemon=True)
    thread.start()
    thread.join(left)
    if errors:
        raise errors[0]
    if not answers:
        msg = f"{what} did not answer in the time given"
        raise TimeoutError(msg)
    return answers[0]
