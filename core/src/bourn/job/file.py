"""A result into a file of the caller's: checked before anything is computed, written whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bourn.errors import Problem
from bourn.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bourn.dispatch.plan import Plan

__all__ = ["PIECE_BYTES", "file_problems", "write_file"]

PIECE_BYTES = 1 << 20


def file_problems(file: Any, plans: Sequence[Plan], *, block: bool) -> Iterator[Problem]:
    """Everything that speaks against writing the result of these plans to `file`."""
    if len(plans) > 1:
        yield Problem("file", "goes with one destination, not with several")
    if not block:
        yield Problem("file", "is written when the job has ended: it goes with waiting for it only")
    for plan in plans:
        if not plan.to.plugin.gives_data:
            message = f"goes only with destinations that give data back, and {plan.to.name!r} does not"
            yield Problem("file", message)
    # The type is asked, never the object: even ``__class__`` may be somebody's own code.
    kind = type(file)
    if issubclass(kind, str | os.PathLike):
        yield from _path_problems(file)
    elif not callable(getattr(kind, "write", None)) or issubclass(kind, io.TextIOBase):
        yield Problem("file", f"expected a path or a binary file, got {shown(file)}")


def _path_problems(file: str | os.PathLike[str]) -> Iterator[Problem]:
    try:
        # Where a link leads to is what is written, as with any program that opens it.
        path = Path(file).resolve()
        mode = path.stat().st_mode if path.exists() else None
        folder = path.parent.is_dir()
    except (OSError, ValueError, TypeError) as error:
        yield Problem("file", f"{shown(file)} can't be a path: {error}")
        return
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # a stranger's __fspath__ may raise anything
        yield Problem("file", f"{shown(file)} can't be a path: it raised {type(error).__name__}")
        return
    if mode is not None and not stat.S_ISREG(mode):
        yield Problem("file", f"{shown(str(path))} is there, and is no regular file")
    elif not folder:
        yield Problem("file", f"there is no folder {shown(str(path.parent))}")
    elif not os.access(path.parent, os.W_OK):
        yield Problem("file", f"the folder {shown(str(path.parent))} can't be written to")


def write_file(file: str | os.PathLike[str] | BinaryIO, source: BinaryIO) -> None:
    """Write all of `source` to a path or a binary file; a path's readers see the old file or the new one."""
    if not isinstance(file, str | os.PathLike):
        _pour(source, file)
        return
    path = Path(file).resolve()
    # Not by tempfile: the new file shall have the permissions that any file of the user's has.
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}")
    try:
        with beside.open("xb") as target:
            _pour(source, target)
            target.flush()
            os.fsync(target.fileno())
        if path.exists():
            beside.chmod(stat.S_IMODE(path.stat().st_mode))
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        raise


def _pour(source: BinaryIO, target: BinaryIO) -> None:
    while piece := source.read(PIECE_BYTES):
        rest = memoryview(piece)
        while rest:  # a raw file may take less than it is given; one that does not say how much has taken all
            taken: int | None = target.write(rest)
            rest = rest[len(rest) if taken is None else taken :]
