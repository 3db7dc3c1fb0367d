"""obstore's threads: begun where there is room for them, and anew in a forked child, where they do not exist."""

from __future__ import annotations

import errno
import importlib.machinery
import importlib.util
import os
import sys
import threading
from contextlib import suppress
from typing import Any

__all__ = ["is_panic", "ready"]

_CODE = "obstore._obstore"

_FILES = 8
"""How many more files must there be room for; it opens three."""

_lock = threading.Lock()
_stale = False
_begun = False
_kept: list[Any] = []
"""What the parent has made: nobody ever takes it apart here, for that too would wait for its threads."""


def ready(inherited: object = None) -> None:
    """Have `import obstore` give one that works in this process; `inherited` is an object of the parent's.

    The runtime below obstore can't be started twice, and without its threads each call would hang for ever
    (tokio-rs/tokio#4301; this may go when that is mended). But it is only once in each copy of the code: a child
    gets a copy of its own, in memory. Costs 40 ms, once in a child that uses an object service. The same where it
    could not be started: that it would not forget either.
    """
    global _stale, _begun  # noqa: PLW0603  # one a process, like what they stand for
    if inherited is not None:
        _kept.append(inherited)
    with _lock:
        if _begun:
            return
        if _stale and not hasattr(os, "memfd_create"):
            msg = "a process can't use an object store here that its parent used, or that failed: start another one"
            raise OSError(msg)
        try:
            if _stale:
                _load_a_copy()
                _stale = False
            _begin()
        except BaseException as error:
            if not is_panic(error) and not isinstance(error, ImportError):
                raise
            _stale = _stale or is_panic(error)
            raise OSError(errno.EIO, f"the threads of obstore can't be started: {error}") from error
        _begun = True


def is_panic(error: BaseException) -> bool:
    """Whether it is a panic of obstore, which is not an `Exception` and whose class has no module."""
    return type(error).__name__ == "PanicException"


def _begin() -> None:
    """Start the runtime; not where that fails for want of files."""
    taken: list[int] = []
    try:
        while len(taken) < _FILES:
            taken.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    finally:
        for descriptor in taken:
            os.close(descriptor)
    import obstore  # a heavy library, on first use
    from obstore.store import MemoryStore

    with suppress(FileNotFoundError):
        obstore.head(MemoryStore(), "anything")  # waits for the runtime, whatever it is asked for


def _load_a_copy() -> None:
    library = getattr(sys.modules[_CODE], "_bourn_copied_from", None) or sys.modules[_CODE].__file__
    assert library is not None  # it is machine code, so it is in a file
    memory = os.memfd_create(_CODE)
    try:
        with open(library, "rb") as code:  # noqa: PTH123  # the number is what is needed
            left = os.fstat(code.fileno()).st_size
            while left:
                left -= os.sendfile(memory, code.fileno(), None, left)
        old = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "obstore"}
        _kept.append(old)
        finder = _Finder(f"/proc/self/fd/{memory}")
        sys.meta_path.insert(0, finder)
        try:
            import obstore.exceptions
            import obstore.store  # noqa: F401  # loads it
        except BaseException:
            sys.modules.update(old)  # what it is to be a copy of, the next time
            raise
        finally:
            sys.meta_path.remove(finder)
        sys.modules[_CODE]._bourn_copied_from = library  # type: ignore[attr-defined]  # noqa: SLF001  # for grandchildren
    finally:
        os.close(memory)


class _Finder:
    """Finds obstore's machine code at another place."""

    def __init__(self, path: str) -> None:
        self._path = path

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != _CODE:
            return None
        loader = importlib.machinery.ExtensionFileLoader(name, self._path)
        return importlib.util.spec_from_file_location(name, self._path, loader=loader)


def _forked() -> None:
    global _stale, _begun, _lock
    _stale, _begun, _lock = _CODE in sys.modules, False, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
