"""Write a result to a file of the caller: checked before anything is computed, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import select
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from bourn.errors import Problem
from bourn.wording import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bourn.dispatch.plan import Plan

__all__ = ["PIECE_BYTES", "file_problems", "filename_in", "write_file"]

PIECE_BYTES = 1 << 20

STALL_SECONDS = 60.0
"""How long a file that takes no bytes for now (a full pipe or socket that does not block) is waited for."""

STALL_UNKNOWN_SECONDS = 0.5
"""The same for an object without a file descriptor: nothing says when it is ready."""

POLL_SECONDS = 0.005
"""Pause before such a file is tried again."""

LINKS_MAX = 40
"""How many symbolic links a path may lead through (Linux's own limit)."""


class Readable(Protocol):
    """A file that is read piece by piece."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size`; none at its end."""


def file_problems(file: Any, plans: Sequence[Plan], *, block: bool) -> Iterator[Problem]:
    """Yield every reason why the result of these plans can't be written to `file`."""
    if len(plans) > 1:
        yield Problem("file", "goes with one destination, not with several")
    if not block:
        yield Problem("file", "is written when the job has ended: it goes with waiting for it only")
    for plan in plans:
        if not plan.chosen_destination.plugin.gives_data:
            message = f"goes only with destinations that give data back, and {plan.chosen_destination.name!r} does not"
            yield Problem("file", message)
    # The type is asked, never the object: even ``__class__`` may run code.
    kind = type(file)
    if issubclass(kind, str | os.PathLike):
        problem = _path_problem(file)
        if problem is not None:
            yield Problem("file", problem)
    elif not callable(getattr(kind, "write", None)) or issubclass(kind, io.TextIOBase):
        yield Problem("file", f"expected a path or a binary file, got {shown(file)}")


def filename_in(file: Any) -> str | None:
    """Return the name of the file, if it is given as a path."""
    # The type is asked, see below; what is not a path is refused there.
    if not issubclass(type(file), str | os.PathLike):
        return None
    try:
        return os.fsdecode(Path(file).name)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001  # a third party's __fspath__ may raise anything
        return None


def _path_problem(file: str | os.PathLike[str]) -> str | None:
    """Return why `file` can't be written as a path; None if it can."""
    try:
        # As with any program that opens it, a link is followed and its target is written.
        path = _resolved(Path(file))
        status = path.stat() if path.exists() else None
        folder = path.parent.is_dir()
        foreign = _foreign(Path(file).absolute(), status)
    except (OSError, ValueError, TypeError) as error:
        return f"{shown(file)} can't be a path: {error}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # a third party's __fspath__ may raise anything
        return f"{shown(file)} can't be a path: it raised {type(error).__name__}"
    if status is not None and not stat.S_ISREG(status.st_mode):
        return f"{shown(str(path))} exists and is not a regular file"
    if not folder:
        return f"there is no folder {shown(str(path.parent))}"
    if not os.access(path.parent, os.W_OK):
        return f"the folder {shown(str(path.parent))} can't be written to"
    return foreign


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except RuntimeError as error:  # a loop of symbolic links, before Python 3.13
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error


def _foreign(path: Path, status: os.stat_result | None) -> str | None:
    """Return why the path leads to something that another user has laid out in a shared folder; None if it does not.

    The rule of Linux's protected_symlinks and protected_regular: in a folder that all may write to and that has the
    sticky bit (such as /tmp), neither a link nor a file of another user is written through.
    """
    links = 0
    parts = list(path.parts)
    folder = Path(parts.pop(0))
    while parts:
        entry = folder / parts.pop(0)
        if not entry.is_symlink():
            folder = entry
            continue
        links += 1
        if links > LINKS_MAX:
            return f"{shown(str(path))} leads through too many symbolic links"
        if _owned_by_other(entry.lstat(), entry.parent):
            return f"{shown(str(entry))} is a symbolic link of another user in a folder that all may write to"
        target = Path(os.path.normpath(entry.parent / entry.readlink()))
        parts = [*target.parts[1:], *parts]
        folder = Path(target.parts[0])
    if status is not None and _owned_by_other(status, folder.parent):
        return f"{shown(str(folder))} belongs to another user and is in a folder that all may write to"
    return None


def _owned_by_other(status: os.stat_result, folder: Path) -> bool:
    if not hasattr(os, "geteuid"):  # Windows has no such folders
        return False
    around = folder.stat()
    shared = bool(around.st_mode & stat.S_ISVTX) and bool(around.st_mode & stat.S_IWOTH)
    return shared and status.st_uid not in {os.geteuid(), around.st_uid}


def write_file(file: str | os.PathLike[str] | BinaryIO, source: Readable) -> None:
    """Write all of `source` to a path or a binary file; a path's readers see the old file or the new one.

    Raises
    ------
    OSError
        The file does not take all bytes: it is incomplete then, if it is not a path.
    """
    if not isinstance(file, str | os.PathLike):
        _copy(source, file)
        return
    path = Path(file).resolve()
    problem = _path_problem(file)  # it may have changed since the request was checked
    if problem is not None:
        raise OSError(problem)
    # Not by tempfile: the new file has the permissions that any file of the user has.
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}")
    try:
        with temporary.open("xb") as target:
            _copy(source, target)
            os.fsync(target.fileno())
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise


def _copy(source: Readable, target: BinaryIO) -> None:
    """Write all of `source` to `target`, whatever way it has to say that it took less."""
    while piece := source.read(PIECE_BYTES):
        rest, stalled = memoryview(piece), _Stall(target)
        while rest:
            taken = _write(target, piece if len(rest) == len(piece) else rest)
            if taken:
                rest, stalled = rest[taken:], _Stall(target)
            else:
                stalled.wait()
    flush: Callable[[], object] | None = getattr(target, "flush", None)
    if callable(flush):
        stalled = _Stall(target)
        while True:
            try:
                flush()
            except BlockingIOError:
                stalled.wait()
            else:
                return


def _write(target: BinaryIO, data: bytes | memoryview) -> int:
    """Write once; return how many bytes were taken."""
    try:
        taken: Any = target.write(data)
    except BlockingIOError as error:  # io.BufferedWriter: what it did take is in the error
        return getattr(error, "characters_written", 0)
    if taken is None:
        # By io.RawIOBase: nothing could be written without blocking. Other objects that say nothing have taken all.
        return 0 if isinstance(target, io.RawIOBase) or _never_blocks(target) else len(data)
    if isinstance(taken, bool) or not hasattr(type(taken), "__index__") or not 0 <= int(taken) <= len(data):
        msg = f"write() of {type(target).__name__} returned {shown(taken)} for {len(data)} bytes"
        raise OSError(msg)
    return int(taken)


def _never_blocks(target: BinaryIO) -> bool:
    try:
        return not os.get_blocking(target.fileno())
    except (AttributeError, OSError, TypeError, ValueError):
        return False


class _Stall:
    """Waits while a file takes no bytes, for a limited time."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._began: float | None = None

    def wait(self) -> None:
        """Wait until the file may be ready; raise OSError where it was not for too long."""
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        try:
            descriptor, limit = self._target.fileno(), self._began + STALL_SECONDS
        except (AttributeError, OSError, TypeError, ValueError):
            descriptor, limit = None, self._began + STALL_UNKNOWN_SECONDS
        if now >= limit:
            msg = f"{type(self._target).__name__} takes no more bytes: the result is not written whole"
            raise OSError(msg)
        if descriptor is not None:
            with contextlib.suppress(OSError, ValueError):  # not a thing that select knows
                select.select([], [descriptor], [], limit - now)
        time.sleep(POLL_SECONDS)
