"""A store in a folder of this machine: temporary file, fsync, link, fsync of the folders."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bourn.folders import fsync_directory, make_directory
from bourn.store.interface import CHUNK_BYTES, Store, check_key
from bourn.store.sink import StoreSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta

__all__ = ["FolderStore"]

INCOMING = ".incoming"
"""The folder of unfinished objects, inside the store: a link does not reach over file systems."""

_LINK_MISSING = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""What a file system says that knows no hard links (exFAT, many network ones), or no more of them."""

_NO_LINKS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC

_TRIES = 100
"""How often a name is tried whose folder is taken away by a `delete` at just that moment."""


class FolderStore(Store):
    """Objects as files of a folder, readable by their owner only.

    Parameters
    ----------
    root : Path
        Made when the first object is.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root.expanduser()))  # noqa: PTH100  # resolve() would follow links, too
        self._rooted = False

    @contextmanager
    def create(
        self,
        key: str,
        *,
        media_type: str | None = None,  # in the ledger
        filename: str | None = None,  # in the ledger
    ) -> Iterator[StoreSink]:
        """A sink for a new object; see `Store.create`."""
        path = self._path(key)
        descriptor, temporary = self._incoming()
        try:
            try:
                sink = StoreSink(lambda piece: _write(descriptor, piece))
                yield sink
                sink.finish()
                os.fsync(descriptor)
                self._publish(temporary, path, sink)
            finally:
                os.close(descriptor)
        finally:
            temporary.unlink(missing_ok=True)

    def open(self, key: str) -> BinaryIO:
        """Open the object's file; symbolic links are not followed, and nothing but a regular file is opened."""
        *folders, name = check_key(key).split("/")
        folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for inner in folders:
                outer, folder = folder, os.open(inner, _NO_LINKS | os.O_DIRECTORY, dir_fd=folder)
                os.close(outer)
            descriptor = os.open(name, _NO_LINKS | os.O_NONBLOCK, dir_fd=folder)  # a pipe would wait for a writer
        finally:
            os.close(folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "not a regular file", str(self._path(key)))
        return os.fdopen(descriptor, "rb")

    def local_path(self, key: str) -> Path | None:
        """Return the object's file; None if there is none."""
        return None if self._facts(key) is None else self._path(key)

    def size(self, key: str) -> int | None:
        """Return the object's bytes; None if there is none."""
        facts = self._facts(key)
        return None if facts is None else facts.st_size

    def _facts(self, key: str) -> os.stat_result | None:
        """Return the status of the object's file; None for a symbolic link, on the way to it or itself."""
        path = self._path(key)
        try:
            facts = path.lstat()
            links = any(folder.is_symlink() for folder in self._folders(path)[:-1])
        except (FileNotFoundError, NotADirectoryError):
            return None
        return facts if stat.S_ISREG(facts.st_mode) and not links else None

    def delete(self, key: str) -> None:
        """Remove the object, and its folder with the last one."""
        path = self._path(key)
        with suppress(FileNotFoundError):
            path.unlink()
        # Also where it was gone: the process that unlinked it may have been killed before the folder was written.
        for folder in self._folders(path):
            with suppress(FileNotFoundError):
                fsync_directory(folder)
                if folder != self.root:
                    with suppress(OSError):  # other objects are in it
                        folder.rmdir()

    def copy(self, source: str, target: str, *, media_type: str | None = None, filename: str | None = None) -> None:
        """A second name for the same bytes, or a copy where the file system has no hard links."""
        old, new = self._path(source), self._path(target)
        try:
            self._name(os.link, old, new)
        except FileExistsError:
            if not _same(old, new):
                raise
        except OSError as error:
            if error.errno not in _LINK_MISSING:
                raise
            super().copy(source, target)
            return
        self._sync(new)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin with `prefix`."""
        inside, _, _ = prefix.rpartition("/")
        if inside:
            check_key(inside)
        yield from (key for key in self._below(inside) if key.startswith(prefix))

    def stream(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to `end`."""
        with self.open(key) as file:
            file.seek(start)
            while start < end and (piece := file.read(min(CHUNK_BYTES, end - start))):
                start += len(piece)
                yield piece

    def presigned(self, key: str, expires: timedelta) -> None:  # a file has no server of its own
        """None."""

    def clean(self, older_than: timedelta, now: datetime) -> int:
        """Remove the temporary files of dead writers, and folders that were made for objects that never came."""
        before = (now - older_than).timestamp()
        removed = 0
        with suppress(FileNotFoundError):
            for entry in os.scandir(self.root / INCOMING):
                removed += _remove_stale(Path(entry.path), before)
        with suppress(FileNotFoundError):
            for entry in os.scandir(self.root):
                with suppress(OSError):  # not empty, or made use of just now: then `_link` makes it anew
                    if (
                        entry.is_dir(follow_symlinks=False)
                        and entry.name != INCOMING
                        and entry.stat().st_mtime <= before
                    ):
                        os.rmdir(entry.path)  # noqa: PTH106  # one call, no object
        return removed

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _folders(self, path: Path) -> list[Path]:
        """The folders from the file's own up to the root."""
        inner = path.relative_to(self.root).parents
        return [self.root / folder for folder in inner]

    def _incoming(self) -> tuple[int, Path]:
        """A new temporary file, locked for as long as it is written: the lock falls with its process."""
        folder = self.root / INCOMING
        while True:
            path = folder / secrets.token_hex(16)
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                make_directory(folder)
                continue
            with suppress(OSError):  # a network file system without locks: `clean` goes by age there
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                return descriptor, path
            os.close(descriptor)  # `clean` was here between the two

    def _publish(self, temporary: Path, path: Path, sink: StoreSink) -> None:
        with suppress(FileExistsError, FileNotFoundError):  # mostly it is new
            path.parent.mkdir(mode=0o700)
        try:
            try:
                self._name(os.link, temporary, path)
            except OSError as error:
                if error.errno not in _LINK_MISSING:
                    raise
                self._name(self._rename, temporary, path)
        except FileExistsError as error:
            if not _holds(path, sink):
                raise FileExistsError(errno.EEXIST, "the object exists already", str(path)) from error
            self._sync(path)  # the process that published it may have been killed before this line
            return
        try:
            self._sync(path)
        except OSError:
            path.unlink(missing_ok=True)  # not durable, so not there
            raise

    @staticmethod
    def _name(give: Callable[[Path, Path], None], old: Path, new: Path) -> None:
        """Give a file a new name; the file system itself decides who is first."""
        for tries_left in reversed(range(_TRIES)):
            try:
                give(old, new)
            except FileNotFoundError:
                # The folder is new, or it was empty for a moment and a `delete` took it away.
                if not tries_left or not old.exists():
                    raise
                with suppress(FileExistsError, FileNotFoundError):  # others make and take it at the same time
                    os.makedirs(new.parent, mode=0o700)  # noqa: PTH103  # Path.mkdir looks twice, and trips
            else:
                return

    def _rename(self, old: Path, new: Path) -> None:
        """What a link does, without links: one at a time, under a lock that falls with its process."""
        descriptor = os.open(self.root / INCOMING, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if new.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new))
            old.rename(new)
        finally:
            os.close(descriptor)

    def _sync(self, path: Path) -> None:
        """Write down the names that lead to a file. Not only new ones: their maker may have died too early."""
        for folder in self._folders(path):
            fsync_directory(folder)
        if not self._rooted:
            fsync_directory(self.root.parent)
            self._rooted = True

    def _below(self, inside: str) -> Iterator[str]:
        try:
            entries = list(os.scandir(self.root / inside))
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            key = f"{inside}/{entry.name}" if inside else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from self._below(key)
            else:
                yield key


def _write(descriptor: int, piece: memoryview) -> None:
    while piece:
        piece = piece[os.write(descriptor, piece) :]


def _holds(path: Path, sink: StoreSink) -> bool:
    """Whether the file holds the very bytes that went through the sink."""
    with os.fdopen(os.open(path, _NO_LINKS), "rb") as file:
        if os.fstat(file.fileno()).st_size != sink.size_bytes:
            return False
        return hashlib.file_digest(file, "sha256").hexdigest() == sink.sha256


def _same(one: Path, other: Path) -> bool:
    if one.samefile(other):
        return True
    with one.open("rb") as first, other.open("rb") as second:
        return hashlib.file_digest(first, "sha256").digest() == hashlib.file_digest(second, "sha256").digest()


def _remove_stale(path: Path, before: float) -> bool:
    """Remove a temporary file if it is old and nobody writes it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        if os.fstat(descriptor).st_mtime > before:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
