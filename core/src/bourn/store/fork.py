"""obstore in a forked child, where the threads that it waits for do not exist."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from typing import Any

__all__ = ["ready"]

_CODE = "obstore._obstore"

_stale = False
_kept: list[Any] = []
"""What the parent has made: nobody ever takes it apart here, for that too would wait for its threads."""


def ready(inherited: object = None) -> None:
    """Have `import obstore` give one that works in this process; `inherited` is an object of the parent's.

    The runtime below obstore can't be started twice, and without its threads each call would hang for ever
    (tokio-rs/tokio#4301; this may go when that is mended). But it is only once in each copy of the code: a child
    gets a copy of its own, in memory. Costs 40 ms, once in a child that uses an object service.
    """
    global _stale  # noqa: PLW0603  # one a process, like what it stands for
    if inherited is not None:
        _kept.append(inherited)
    if not _stale:
        return
    if not hasattr(os, "memfd_create"):
        msg = "a forked process can't use the object store of its parent here: start it by `spawn`"
        raise OSError(msg)
    _load_a_copy()
    _stale = False


def _load_a_copy() -> None:
    library = getattr(sys.modules[_CODE], "_bourn_copied_from", None) or sys.modules[_CODE].__file__
    assert library is not None  # it is machine code, so it is in a file
    _kept.append([sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "obstore"])
    memory = os.memfd_create(_CODE)
    try:
        with open(library, "rb") as code:  # noqa: PTH123  # the number is what is needed
            left = os.fstat(code.fileno()).st_size
            while left:
                left -= os.sendfile(memory, code.fileno(), None, left)
        finder = _Finder(f"/proc/self/fd/{memory}")
        sys.meta_path.insert(0, finder)
        try:
            import obstore.exceptions
            import obstore.store  # noqa: F401  # loads it
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
    global _stale  # noqa: PLW0603  # see above
    _stale = _CODE in sys.modules


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
