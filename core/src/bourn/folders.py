"""Folders and files of an installation: durable after a power cut, and writable by their owner only."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from bourn.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_private", "fsync_directory", "make_directory"]


def make_directory(folder: Path) -> None:
    """Create a folder and its parents with mode 0700, each durable in its parent."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_directory(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    fsync_directory(folder.parent)


def fsync_directory(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_private(path: Path, what: str, *, secret: bool = False) -> None:
    """Refuse a file or folder that another user owns or may write to, as sshd and git do.

    A path that does not exist passes, and so does one of root's. A user's private group (same name, no other
    member) counts as the user.

    Parameters
    ----------
    path : Path
    what : str
        What it is, for the message.
    secret : bool
        Whether others may not read it either; they can't where they may not enter its folder.

    Raises
    ------
    SettingsError
        With the command that mends it.
    """
    if not hasattr(os, "geteuid"):  # Windows has access control lists instead
        return
    try:
        facts = path.stat()
    except OSError:  # opening it says what is wrong
        return
    user = os.geteuid()
    if facts.st_uid not in {user, 0}:
        msg = f"{what} {path} belongs to the user {facts.st_uid}, not to you ({user}): sudo chown -R {user} {path}"
        raise SettingsError(msg)
    if secret and not path.parent.stat().st_mode & 0o077:
        return
    wrong = stat.S_IMODE(facts.st_mode) & (0o077 if secret else 0o022)
    if wrong and not wrong & 0o007 and _is_private_group(facts.st_gid, facts.st_uid):
        return
    if wrong:
        verb = "write to" if wrong & 0o022 else "read"
        who = "everybody" if wrong & 0o007 else "its group"
        mode = stat.S_IMODE(facts.st_mode)
        fix = f"chmod {'go-rwx' if secret else 'go-w'} {path}"
        if mode & stat.S_ISVTX:  # /tmp and its like
            fix = f"use a folder of its own, such as by mkdir -m 700 {path}/bourn"
        msg = f"{who} may {verb} {what} {path} (permissions {mode:04o}); it must be private: {fix}"
        raise SettingsError(msg)


def _is_private_group(gid: int, uid: int) -> bool:
    import grp  # POSIX only
    import pwd

    try:
        user, group = pwd.getpwuid(uid), grp.getgrgid(gid)
    except KeyError:
        return False
    return user.pw_gid == gid and user.pw_name == group.gr_name and set(group.gr_mem) <= {user.pw_name}
