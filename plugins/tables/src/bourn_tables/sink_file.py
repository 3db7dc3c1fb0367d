"""A sink as the file object that pyarrow writes to."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from bourn.plugin import EncodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bourn.plugin import Sink

__all__ = ["SinkFile", "translated_errors"]


class SinkFile:
    """A sink with the methods that `pyarrow.PythonFile` calls.

    Attributes
    ----------
    error : BaseException or None
        What the sink raised; pyarrow raises another error for it.
    """

    closed = False

    def __init__(self, sink: Sink, transform: Callable[[bytes], bytes] | None = None) -> None:
        self._sink, self._transform = sink, transform
        self._position = 0
        self.error: BaseException | None = None

    def write(self, data: Any) -> int:
        """Write a buffer, transformed."""
        view = memoryview(data)
        try:
            self._sink.write(view if self._transform is None else self._transform(bytes(view)))
        except BaseException as error:
            self.error = error
            raise
        self._position += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        """Bytes that pyarrow has written."""
        return self._position

    def writable(self) -> bool:
        """Always: pyarrow asks."""
        return True

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def close(self) -> None:
        """Do nothing: the owner of the sink closes it."""


@contextmanager
def translated_errors(file: SinkFile) -> Iterator[None]:
    """Raise the sink's own error where it has one, and pyarrow's as `EncodeError`."""
    try:
        yield
    except pa.ArrowException as error:
        if file.error is not None:
            raise file.error from error
        raise EncodeError(f"result: {str(error).splitlines()[0]}") from error
