"""Messages as .eml files in a folder: whole or not at all, and each once."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["remove_all", "write"]


def name_of(delivery_id: str, number: int) -> str:
    """The name of a delivery's message to its `number`-th recipient: the same at every try."""
    return f"{delivery_id}-{number}.eml"


def write(folder: Path, delivery_id: str, number: int, message: bytes) -> Path:
    """Write a message down, durably: file, its name and the folder's name are synced, in this order."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name_of(delivery_id, number)
    temporary = folder / f".{path.name}.{secrets.token_hex(4)}"
    try:
        # A link in it lets anyone in, so that nobody else may read it.
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(message)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    # The folder's own name, too, each time: whoever made it may not have come so far.
    for each in (folder, folder.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return path


def remove_all(folder: Path, delivery_id: str) -> None:
    """Take back all messages of a delivery."""
    if folder.is_dir():
        for path in folder.glob(f"*{delivery_id}-*.eml*"):
            path.unlink(missing_ok=True)
