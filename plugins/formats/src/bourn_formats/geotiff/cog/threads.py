"""Executors that encode tiles: one thread pool per process, or the calling thread."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["tile_executor"]

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_files = 0


@contextmanager
def tile_executor(*, small: bool) -> Iterator[Executor]:
    """Give the executor for the tiles of one file; a submitted function must not wait for another one.

    Small files are encoded in the calling thread when as many files as there are cores are written at once: all cores
    are busy then, and passing a tile to another thread costs a fifth of encoding it.
    """
    global _files  # noqa: PLW0603  # one count per process
    with _lock:
        _files += 1
        busy = _files >= _cores()
    try:
        yield _CallingThread() if small and busy else _thread_pool()
    finally:
        with _lock:
            _files -= 1


class _CallingThread(Executor):
    """Runs each function at once in the thread that submits it."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  # `result()` raises it
            done.set_exception(error)
        return done


def _thread_pool() -> ThreadPoolExecutor:
    """Return the pool of the process, made on first use."""
    global _pool  # noqa: PLW0603  # one per process
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(_cores(), thread_name_prefix="bourn-raster")
        return _pool


def _cores() -> int:
    """Return the number of cores that this process may use (in a container fewer than the machine has)."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _after_fork() -> None:
    """Start afresh in a forked child: the parent's threads do not exist there, and one of them may hold the lock."""
    global _lock, _pool, _files  # noqa: PLW0603  # see above
    _lock = threading.Lock()
    _pool = None
    _files = 0


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_after_fork)
