"""Messages as .eml files in a folder, each written once and atomically."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["remove_all", "write_message"]


def name_of(delivery_id: str, number: int) -> str:
    """Return the file name for the `number`-th recipient of a delivery: the same at every try."""
    return f"{delivery_id}-{number}.eml"


def write_message(folder: Path, delivery_id: str, number: int, message: bytes) -> Path:
    """Write a message durably: the file, its folder and the folder's parent are synced in this order."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name_of(delivery_id, number)
    temporary = folder / f".{path.name}.{secrets.token_hex(4)}"
    try:
        # The message holds a link that works for anyone, so only its owner may read the file.
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(message)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    # The parent each time, too: the process that made the folder may have ended before it synced.
    for each in (folder, folder.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return path


def remove_all(folder: Path, delivery_id: str) -> None:
    """Delete all messages of a delivery."""
    if folder.is_dir():
        for path in folder.glob(f"*{delivery_id}-*.eml*"):
            path.unlink(missing_ok=True)
