"""Bytes that would run code, were they unpickled: a format that decodes takes none of them for a result."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["payloads"]


class _Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self._path,)


def payloads(path: Path) -> Iterator[bytes]:
    """Payloads that make the file `path`, in the forms in which a careless reader takes them."""
    bomb = _Bomb(path)
    for protocol in (0, pickle.HIGHEST_PROTOCOL):
        pickled = pickle.dumps(bomb, protocol)
        yield pickled
        yield b"\n" * 8 + pickled
    try:
        import numpy as np  # where it is
    except ImportError:
        return
    for save in (np.save, np.savez):
        file = io.BytesIO()
        save(file, np.array([bomb], dtype=object), allow_pickle=True)
        yield file.getvalue()
