"""Folders that are there after a power cut, too: a name is kept once the folder that it stands in is synchronised."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["fsync_directory", "make_directory"]


def make_directory(folder: Path) -> None:
    """Make a folder with its parents, for its owner only, each new one written down in its own parent."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_directory(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
    fsync_directory(folder.parent)


def fsync_directory(folder: Path) -> None:
    """Have the names in a folder written down."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
