"""Threads that run jobs, at most so many at a time; and calls with a time limit."""

from __future__ import annotations

import contextvars
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, TypeVar

import attrs

from bourn.errors import JobTimeout
from bourn.job.at_exit import is_over

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Executor", "TimeLimit", "in_job", "mark_thread"]

T = TypeVar("T")

STALL_SECONDS = 0.3
"""How long nothing may happen before a job that a caller waits for, and that is queued, gets a thread of its own."""

IDLE_SHARE = 0.2
"""The share of one processor below which the process counts as idle."""

_thread = threading.local()


def mark_thread() -> None:
    """Mark the current thread as one that works for a job: a job that it waits for runs in it."""
    _thread.in_job = True


def in_job() -> bool:
    """Whether the current thread works for a job."""
    return getattr(_thread, "in_job", False)


class Executor:
    """Runs works in threads of its own, at most `limit` at a time; the others wait in a queue.

    The threads are daemons: `bourn.job.at_exit` waits for jobs before the interpreter ends, and a session that is
    dropped closes its executor. They do not come from `concurrent.futures`, which takes nothing more by then.

    Parameters
    ----------
    limit : int
    name : str
        Of the threads.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._ready = threading.Condition()
        self._queue: deque[Callable[[], None]] = deque()
        self._running = 0
        self._threads = 0
        self._idle = 0
        self._closed = False
        self._changes = 0
        self._seen = _Usage()

    def submit(self, work: Callable[[], None], *, waits: bool = False) -> None:
        """Have `work` run, which raises nothing; where the caller `waits` for it, perhaps in its own thread.

        Waking another thread costs more than a small job. In the main thread it runs elsewhere all the same:
        Ctrl-C is raised there, and must find it waiting.
        """
        if is_over():  # in an atexit handler: nobody would wait for another thread
            work()
        elif in_job():
            # The thread has a place already: if each waited for another one, all might wait for ever.
            if waits:
                work()
            else:
                self.run_apart(work)
        elif waits and threading.current_thread() is not threading.main_thread() and self._enter():
            try:
                _run(work)
            finally:
                self._leave()
        else:
            self._enqueue(work)

    def run_apart(self, work: Callable[[], None]) -> None:
        """Run `work` in a thread of its own, beyond the limit."""
        threading.Thread(target=_run, args=(work,), name=f"{self._name}-apart", daemon=True).start()

    def stalled(self) -> bool:
        """Whether nothing goes on: all places are taken, no work began or ended for a while, and the process is idle.

        Then what is running may wait for what is in the queue, in threads that nobody knows to be a job's; and one
        more at a time costs nobody anything.
        """
        with self._ready:
            if self._running < self._limit:
                return False
            before, now = self._seen, _Usage(self._changes)
            if before.changes != now.changes:
                self._seen = now
                return False
            if now.at - before.at < STALL_SECONDS:
                return False
            self._seen = now
            return now.processor - before.processor < IDLE_SHARE * (now.at - before.at)

    def close(self) -> None:
        """End the threads once the queue is empty."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def _enter(self) -> bool:
        with self._ready:
            if self._running >= self._limit:
                return False
            self._running += 1
            self._changes += 1
            return True

    def _leave(self) -> None:
        with self._ready:
            self._running -= 1
            self._changes += 1
            if self._queue:
                self._ready.notify()

    def _enqueue(self, work: Callable[[], None]) -> None:
        with self._ready:
            self._queue.append(work)
            if self._idle < len(self._queue) and self._threads < self._limit:
                try:
                    threading.Thread(target=self._serve, name=f"{self._name}-{self._threads}", daemon=True).start()
                except RuntimeError:  # no room for a thread; those that there are will do
                    if not self._threads:
                        self._queue.pop()
                        raise
                else:
                    self._threads += 1
            self._ready.notify()

    def _serve(self) -> None:
        mark_thread()
        while (work := self._next()) is not None:
            try:
                work()
            finally:
                del work  # it refers to the result
                self._leave()

    def _next(self) -> Callable[[], None] | None:
        with self._ready:
            self._idle += 1
            try:
                while not (self._queue and self._running < self._limit):
                    if self._closed and not self._queue:
                        self._threads -= 1
                        return None
                    self._ready.wait()
                self._running += 1
                self._changes += 1
                return self._queue.popleft()
            finally:
                self._idle -= 1


def _run(work: Callable[[], None]) -> None:
    before = in_job()
    _thread.in_job = True
    try:
        work()
    finally:
        _thread.in_job = before


@attrs.frozen
class _Usage:
    """What the process had used at one moment."""

    changes: int = -1
    at: float = attrs.field(factory=time.monotonic)
    processor: float = attrs.field(factory=time.process_time)


class TimeLimit:
    """The time that a caller gives, by the monotonic clock; None sets no limit.

    Parameters
    ----------
    seconds : float or None
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    def left(self) -> float | None:
        """Return the seconds left, at least 0; None without a limit."""
        return None if self._end is None else max(self._end - time.monotonic(), 0.0)

    def run(self, call: Callable[[], T], doing: str) -> T:
        """Return what `call` returns, or raise what it raises; at the end of the time, JobTimeout.

        With a limit it runs in a thread of its own, which goes on when the time is over: a database that is locked
        or a store that does not answer can't be interrupted.
        """
        left = self.left()
        if left is None:
            return call()
        answers: list[T] = []
        errors: list[BaseException] = []
        done = threading.Event()
        context, marked = contextvars.copy_context(), in_job()

        def run() -> None:
            _thread.in_job = marked
            try:
                answers.append(context.run(call))
            except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
                errors.append(error)
            finally:
                done.set()

        threading.Thread(target=run, name="bourn-limited", daemon=True).start()
        if not done.wait(left):
            msg = f"{doing} did not end in the {self.seconds:.3g} s given"
            raise JobTimeout(msg)
        if errors:
            raise errors[0]
        return answers[0]
