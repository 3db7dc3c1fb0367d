"""Open raster files: of which formats, how many at a time, and whether it is still the same file."""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DRIVERS", "Datasets"]

DRIVERS = ("GTiff", "JP2OpenJPEG", "PNG", "JPEG", "WEBP")
"""Formats whose files hold their pixels themselves. A VRT does not, and any file may turn out to be one whatever it
is called: by it a third party's file could read others, and URLs."""

_OPENING = threading.Lock()
"""Warnings are filtered for the whole process: two threads that did it at once would leave the filter behind."""

BY_BLOCKS = ("GTiff", "JP2OpenJPEG")
"""Formats of which a block is decoded without those before it."""

MOST_IDLE = 8
"""Open files that are kept for the next read."""


class Datasets:
    """The open datasets of one file: one is used by one thread at a time, since GDAL's are not thread-safe.

    Parameters
    ----------
    path : str
        A path or a URL.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._stamp = _stamp(path)
        self._forget()

    def _forget(self) -> None:
        self._idle: list[Any] = []
        self._lock = threading.Lock()
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        # A dask graph takes this to other processes: they open the file themselves.
        return {"path": self.path, "_stamp": self._stamp}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def __dask_tokenize__(self) -> tuple[str, Any]:
        return self.path, self._stamp

    @contextlib.contextmanager
    def borrowed(self) -> Iterator[Any]:
        """An open dataset, for this thread alone.

        Raises
        ------
        OSError
            The file can't be read, or is another one than when it was opened first.
        """
        if self._process != os.getpid():  # a fork shares file positions with its parent
            self._forget()
        with self._lock:
            dataset = self._idle.pop() if self._idle else None
        if dataset is None:
            dataset = self._open()
        try:
            yield dataset
        except BaseException:
            dataset.close()
            raise
        with self._lock:
            if len(self._idle) < MOST_IDLE:
                self._idle.append(dataset)
                return
        dataset.close()

    def drop_blocks(self) -> None:
        """Free the decoded blocks that GDAL keeps of this file, by default in 5 % of the machine's memory.

        For readers that need each block once. Files that are decoded from their beginning for any row stay open.
        """
        with self._lock:
            idle, self._idle = self._idle, []
            kept = [dataset for dataset in idle if dataset.driver not in BY_BLOCKS]
            self._idle += kept
        for dataset in idle:
            if dataset not in kept:
                dataset.close()

    def _open(self) -> Any:
        if _stamp(self.path) != self._stamp:
            msg = f"{self.path} has changed since it was opened"
            raise OSError(msg)
        return _opened(self.path)


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # may be a URL
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _opened(path: str) -> Any:
    from rasterio._path import _parse_path  # 0.3 s; the only way to DatasetReader, see below
    from rasterio.env import ensure_env_with_credentials  # loaded by then
    from rasterio.errors import NotGeoreferencedWarning, RasterioError  # the same
    from rasterio.io import DatasetReader  # the same

    is_vrt = path.lower().endswith(".vrt")

    def opened(name: str) -> Any:
        # rasterio.open takes one driver only, DatasetReader a list of those that may be tried.
        return DatasetReader(_parse_path(name), driver=["VRT"] if is_vrt else list(DRIVERS))

    try:
        with _OPENING, warnings.catch_warnings():
            # A file without a grid is an image without a grid, which is reported where a grid is needed.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return ensure_env_with_credentials(opened)(path)
    except RasterioError as cause:
        raise OSError(str(cause)) from cause
