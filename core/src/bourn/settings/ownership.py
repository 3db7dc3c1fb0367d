"""Who owns the folders and files that bourn trusts, and who else may change them, as ssh and git ask."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["file_problem", "folder_problem", "ownership_problems"]

_log = logging.getLogger("bourn")


def ownership_problems(home: Path, database: str, store: str, *, shared: bool) -> list[str]:
    """Return what is wrong with the owner and the permissions of home, ledger and store; one message a path.

    Parameters
    ----------
    home : Path
    database, store : str
        As URLs; only what lies in this machine's folders is looked at.
    shared : bool
        Whether a team shares the ledger: then other owners and groups are accepted, and everybody is not.
    """
    return [problem for problem in _problems(home, database, store, shared=shared) if problem]


def _problems(home: Path, database: str, store: str, *, shared: bool) -> Iterator[str]:
    yield folder_problem(home, shared=shared)
    if database.startswith("sqlite") and (path := _path_of(database)):
        yield file_problem(path, private=True, shared=shared)
        if path.parent != home:
            yield folder_problem(path.parent, shared=shared)
    folder = Path(store) if "://" not in store else _path_of(store) if store.startswith("file:") else None
    if folder is not None:
        yield folder_problem(folder, shared=shared)


def _path_of(url: str) -> Path | None:
    path = unquote(urlsplit(url).path)
    if not url.startswith("file:"):
        path = path.removeprefix("/")  # sqlite:///relative, sqlite:////absolute
    return Path(path) if path and path != ":memory:" else None


def folder_problem(path: Path, *, shared: bool = False) -> str:
    """Return why a folder is not to be used, with the command that mends it; empty if it may be used or is missing."""
    return _problem(path, private=False, shared=shared)


def file_problem(path: Path, *, private: bool = False, shared: bool = False) -> str:
    """Return why a file is not to be used, with the command that mends it; empty if it may be used or is missing.

    Parameters
    ----------
    path : Path
    private : bool
        Whether to take the right to read from other users: the ledger holds the keys of all links.
    shared : bool
        See `ownership_problems`.
    """
    return _problem(path, private=private, shared=shared)


def _problem(path: Path, *, private: bool, shared: bool) -> str:
    if not hasattr(os, "getuid"):  # Windows: access-control lists of the user's profile
        return ""
    try:
        found = path.stat()
    except OSError:  # missing, or not to be looked at: opening it says why
        return ""
    user = os.geteuid()
    if not shared and found.st_uid not in {user, 0}:
        mine = _name(user)
        return (
            f"{path} belongs to {_name(found.st_uid)}, and you are {mine}: sudo chown -R {mine} '{path}'; or set "
            "shared_ledger if a team shares it"
        )
    mode, private_group = stat.S_IMODE(found.st_mode), shared or _is_private_group(found.st_gid)
    if mode & (stat.S_IWOTH | (0 if private_group else stat.S_IWGRP)):
        command = f"chmod {'o' if private_group else 'go'}-w '{path}'"
        return f"other users may write to {path} (mode {mode:04o}): {command}"
    if private and mode & (stat.S_IROTH | (0 if private_group else stat.S_IRGRP)):
        return _closed(path, mode, keep_group=private_group)
    return ""


def _closed(path: Path, mode: int, *, keep_group: bool) -> str:
    """Take the right to read from other users, and say so; return why not if that fails."""
    kept = stat.S_IRWXU | (stat.S_IRWXG if keep_group else 0)
    try:
        path.chmod(mode & kept)
    except OSError as error:
        return f"other users may read {path} (mode {mode:04o}), and this can't be changed: {error.strerror}"
    _log.warning(
        "other users could read %s (mode %04o), and the keys of all links in it; now they can't. "
        "If one of them may have done so, end the links: Session().links.rotate(grace=timedelta(0))",
        path,
        mode,
    )
    return ""


def _is_private_group(group: int) -> bool:
    """Return whether a group is the user's own, with nobody else in it, as most Linux systems make one a user."""
    import grp  # absent on Windows
    import pwd

    try:
        user = pwd.getpwuid(os.geteuid())
        found = grp.getgrgid(group)
    except KeyError:
        return False
    return group == user.pw_gid and found.gr_name == user.pw_name and set(found.gr_mem) <= {user.pw_name}


def _name(user: int) -> str:
    import pwd  # absent on Windows

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
