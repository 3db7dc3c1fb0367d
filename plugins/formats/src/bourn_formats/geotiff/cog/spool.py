"""Spool compressed tiles until the file can be assembled: in memory while they are few, then on disk."""

from __future__ import annotations

import tempfile
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NoSpace", "Spool"]

IN_MEMORY_BYTES = 16 << 20
"""A larger spool goes to disk."""

PIECE = 1 << 20
"""Bytes read from disk at a time."""


class NoSpace(OSError):
    """No space is left in the folder for temporary files."""


class Spool:
    """Bytes that are written once and then read once from the start.

    The file on disk has no name: the operating system frees its space even if the process is killed.

    Attributes
    ----------
    size_bytes : int
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        self._pieces: list[Any] = []
        self._file: IO[bytes] | None = None

    def append(self, *pieces: Any) -> None:
        """Append buffers.

        Raises
        ------
        NoSpace
            No space is left in the folder for temporary files.
        """
        self._pieces += pieces
        self.size_bytes += sum(len(piece) for piece in pieces)
        if self._file is None and self.size_bytes <= IN_MEMORY_BYTES:
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="bourn-", buffering=0)  # noqa: SIM115  # closed by close()
            for piece in self._pieces:  # one by one: joining large pieces costs more than the calls
                data = memoryview(piece)
                while data:
                    data = data[self._file.write(data) :]
            self._pieces.clear()
        except OSError as cause:
            msg = f"no room to put the GeoTIFF together in {tempfile.gettempdir()}: {cause.strerror}"
            raise NoSpace(msg) from cause

    def pieces(self) -> Iterator[Any]:
        """Yield all bytes in order, about a MiB at a time."""
        if self._file is None:
            yield b"".join(self._pieces)
            return
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            yield piece

    def close(self) -> None:
        """Free the memory or the disk space."""
        self._pieces.clear()
        if self._file is not None:
            self._file.close()
