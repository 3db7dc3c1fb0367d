"""Where a job is carried out: in a thread of the pool, in the one that waits for it, or in one of its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Places"]


class Places:
    """Room for so many jobs at a time; the others wait.

    Parameters
    ----------
    number : int
    name : str
        Of the pool's threads.
    """

    def __init__(self, number: int, name: str) -> None:
        self._free = threading.BoundedSemaphore(number)
        self._pool = ThreadPoolExecutor(number, thread_name_prefix=name)
        self._here = threading.local()

    def carry(self, work: Callable[[], None], *, waits: bool = False) -> None:
        """Have `work` done, which raises nothing; where the caller `waits` for it, perhaps by himself.

        A thread that waits for another one pays for being woken more than a small job costs. The main thread has
        it done by others all the same: Ctrl-C is raised there, and must find it waiting.
        """
        if getattr(self._here, "carries", False):
            # A job of a job has the thread's own place: waiting for another one, they might all wait for ever.
            if waits:
                work()
            else:
                threading.Thread(target=self._do, args=(work,), name="bourn-job-of-job").start()
        elif waits and threading.current_thread() is not threading.main_thread() and self._free.acquire(blocking=False):
            try:
                self._do(work)
            finally:
                self._free.release()
        else:
            self._pool.submit(self._do_in_place, work)

    def close(self) -> None:
        """Take no more; what waits is done."""
        self._pool.shutdown(wait=False)

    def _do_in_place(self, work: Callable[[], None]) -> None:
        with self._free:
            self._do(work)

    def _do(self, work: Callable[[], None]) -> None:
        self._here.carries = True
        try:
            work()
        finally:
            self._here.carries = False
