"""Files of settings that the user has trusted, by path and digest, as direnv does."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

from bourn.errors import SettingsError
from bourn.settings.ownership import file_problem, folder_problem

__all__ = ["is_trusted", "trust", "untrust"]

LIST = "trusted.json"
"""The list in the user's home: ``{path: sha256 in hex}``."""


def is_trusted(file: Path, home: Path) -> bool:
    """Return whether the user has trusted this file with just this content."""
    trusted = _read(home)
    digest = trusted.get(str(file.resolve())) if trusted else None
    return digest is not None and digest == _digest(file) and not file_problem(file)


def trust(file: Path, home: Path) -> None:
    """Trust a file with the content it has now.

    Raises
    ------
    SettingsError
        It can't be read, or other users may change it.
    """
    problem = file_problem(file)
    if problem:
        raise SettingsError(problem)
    digest = _digest(file)
    if digest is None:
        msg = f"{file}: there is no such file of settings"
        raise SettingsError(msg)
    _write(home, {**_read(home), str(file.resolve()): digest})


def untrust(file: Path, home: Path) -> bool:
    """Trust a file no longer; return whether it was trusted."""
    trusted = _read(home)
    was_trusted = trusted.pop(str(file.resolve()), None) is not None
    if was_trusted:
        _write(home, trusted)
    return was_trusted


def _digest(file: Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


def _read(home: Path) -> dict[str, str]:
    path = home / LIST
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return {}
    problem = folder_problem(home) or file_problem(path)
    if problem:
        raise SettingsError(problem)
    try:
        trusted = json.loads(text)
    except ValueError as error:
        msg = f"{path} can't be read: {error}; remove it, and trust your files again"
        raise SettingsError(msg) from error
    return {str(path): str(digest) for path, digest in trusted.items()} if isinstance(trusted, dict) else {}


def _write(home: Path, trusted: dict[str, str]) -> None:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    problem = folder_problem(home)
    if problem:
        raise SettingsError(problem)
    number, name = tempfile.mkstemp(dir=home, prefix=LIST)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        json.dump(trusted, file, indent=1, sort_keys=True)
    Path(name).replace(home / LIST)
