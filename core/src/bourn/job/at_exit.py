"""The end of the interpreter: wait for the jobs of this process, and tell of those that nobody saw fail."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Protocol

    class Finishing(Protocol):
        """What is waited for: an engine."""

        def drain(self) -> None:
            """Wait until it runs no job any more."""

        def cancel_all(self) -> None:
            """Ask for all its jobs to be cancelled."""

        def open_jobs(self) -> list[str]:
            """Say of each of its jobs that has not succeeded what has become of it."""


__all__ = ["failed_unseen", "forget_failure", "forget_failures", "is_over", "wait_at_exit"]

LINES_MAX = 20
"""How many jobs are listed by name."""

_engines: weakref.WeakSet[Any] = weakref.WeakSet()
_over = False
_failures: dict[str, tuple[int, str]] = {}
"""Why jobs failed whose callers never asked, by id, with the id of their engine."""

FAILURES_MAX = 1000
"""How many of those are kept."""


def wait_at_exit(engine: Finishing) -> None:
    """Have the interpreter wait for the jobs of `engine` before it ends; call it again for each job.

    `concurrent.futures` refuses new work once the interpreter begins to end, and the threads of dask with it. What is
    registered last is called first: so this is registered after all modules that do the same, and whatever a job
    uses still works while it is waited for.
    """
    _engines.add(engine)
    registered: list[Any] = getattr(threading, "_threading_atexits", [])
    if _over or (registered and getattr(registered[-1], "func", registered[-1]) is _finish):
        return
    import concurrent.futures.thread  # noqa: F401  # registers its own end first

    register: Callable[[Callable[[], None]], Any] = getattr(threading, "_register_atexit", atexit.register)
    with contextlib.suppress(RuntimeError):  # it is ending, and waits for this thread
        register(_finish)


def failed_unseen(engine: object, job_id: str, failure: str) -> None:
    """Keep why a job failed; it is reported at exit if its caller never asks."""
    _failures[job_id] = id(engine), failure
    if len(_failures) > FAILURES_MAX:
        _failures.pop(next(iter(_failures)), None)


def forget_failure(job_id: str) -> None:
    """A caller knows how the job ended."""
    _failures.pop(job_id, None)


def forget_failures(engine: object) -> None:
    """Do not report the failed jobs of an engine at exit: those of tests are part of the test."""
    for job_id, (owner, _) in _failures.copy().items():
        if owner == id(engine):
            forget_failure(job_id)


def is_over() -> bool:
    """Whether nobody waits for jobs any more: what is begun now must end before its caller goes on."""
    return _over


def _finish() -> None:
    """Wait for all jobs; the first Ctrl-C cancels them, the second gives up."""
    global _over  # noqa: PLW0603  # one a process
    engines = list(_engines)
    try:
        with _open_to_modules():
            _drain(engines)
    except KeyboardInterrupt:
        _print(["bourn: interrupted: cancelling the jobs that still run; Ctrl-C again leaves them"])
        with contextlib.suppress(KeyboardInterrupt):
            for engine in engines:
                engine.cancel_all()
            _drain(engines)
    _over = True
    lines = [f"job {job_id} failed: {failure}" for job_id, (_, failure) in _failures.items()]
    lines += [line for engine in engines for line in engine.open_jobs()]
    if lines:
        more = [f"and {len(lines) - LINES_MAX} more"] if len(lines) > LINES_MAX else []
        _print([f"bourn: {line}" for line in lines[:LINES_MAX] + more])
        sys.stderr = _FailingAtEnd(sys.stderr)


@contextlib.contextmanager
def _open_to_modules() -> Iterator[None]:
    """Within this, a module that a job imports may register its own end, as `concurrent.futures.process` does."""
    module: Any = threading
    registered: list[Callable[[], object]] = getattr(module, "_threading_atexits", [])
    before, ending = len(registered), getattr(module, "_SHUTTING_DOWN", False)
    module._SHUTTING_DOWN = False  # noqa: SLF001  # the interpreter's own, which has no other interface
    try:
        yield
    finally:
        module._SHUTTING_DOWN = ending  # noqa: SLF001  # as above
        for call in reversed(registered[before:]):  # the interpreter is past these
            call()


def _drain(engines: Iterable[Finishing]) -> None:
    for engine in engines:
        engine.drain()


def _print(lines: Iterable[str]) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write("".join(f"{line}\n" for line in lines))
            sys.stderr.flush()


class _FailingAtEnd:
    """Standard error whose last flush fails: the interpreter ends with status 120 then (see `sys.exit`).

    Once the interpreter ends there is no other way to an exit status that lets all modules end in order.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()
        if sys.is_finalizing():
            msg = "a job failed"
            raise OSError(msg)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _forget_parent() -> None:
    """In a forked child: the jobs are its parent's."""
    _failures.clear()
    _engines.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
