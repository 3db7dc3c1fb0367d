"""Ctrl-C: cancels jobs, and leaves none behind that nobody knows of yet."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bourn.job.job import Job

__all__ = ["cancelled_by_interrupt", "interrupts_held"]


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """A Ctrl-C within the block takes effect at its end; a second one at once."""
    if threading.current_thread() is not threading.main_thread():  # only there can it be told, or come
        yield
        return
    held = False

    def hold(number: int, frame: Any) -> None:
        nonlocal held
        if held:
            signal.default_int_handler(number, frame)
        held = True

    before = signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt


@contextlib.contextmanager
def cancelled_by_interrupt(jobs: Iterable[Job]) -> Iterator[None]:
    """A Ctrl-C within the block cancels the jobs, those that were added within it too."""
    try:
        yield
    except KeyboardInterrupt:
        for job in jobs:
            job.cancel()
        raise
