"""Folders of an installation: for their owner only, and durable after a power cut."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["fsync_directory", "make_directory"]


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
