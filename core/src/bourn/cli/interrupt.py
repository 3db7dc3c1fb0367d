"""Ctrl-C: cancels jobs, and is held back while jobs are started."""

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
    """Delay a Ctrl-C within the block to its end; a second one takes effect at once."""
    if threading.current_thread() is not threading.main_thread():  # signals arrive in the main thread only
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
    """Cancel the jobs, also those added within the block, on a Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        for job in jobs:
            job.cancel()
        raise
