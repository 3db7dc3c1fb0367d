"""Who encodes tiles: one pool for the process, as large as there are cores; or the thread that writes the file."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["crew"]

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None
_writing = 0


@contextmanager
def crew(*, small: bool) -> Iterator[Executor]:
    """Who encodes the tiles of one file while it is written; what is handed over must not wait for anything else.

    Where as many files are written at once as there are cores, those that are small are left to their own threads:
    all cores are busy then, and handing a tile over and back costs a fifth of encoding it.
    """
    global _writing  # noqa: PLW0603  # one count for the process
    with _lock:
        _writing += 1
        busy = _writing >= _cores()
    try:
        yield _Here() if small and busy else _shared()
    finally:
        with _lock:
            _writing -= 1


class _Here(Executor):
    """Does what it is given at once, in the thread that gives it."""

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*given, **named))
        except BaseException as error:  # noqa: BLE001  # whoever asks for the result gets it
            done.set_exception(error)
        return done


def _shared() -> ThreadPoolExecutor:
    """The pool, made on first use."""
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
    global _lock, _pool, _writing  # noqa: PLW0603  # see above
    _lock = threading.Lock()
    _pool = None
    _writing = 0


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_forget)
