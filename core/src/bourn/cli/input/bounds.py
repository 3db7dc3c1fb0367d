"""What a file may not do: unpack to far more than it is, or lead to other files."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from bourn.errors import Problem, RequestError, SettingsError
from bourn.wording import clean, hide_credentials, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LARGEST_BYTES", "check_expansion", "check_folder", "reading", "unreadable"]

LARGEST_BYTES = 1 << 30
"""What a file may unpack to whatever its own size; the setting `largest_input_bytes` says another number."""

HONEST_RATIO = 100
"""A file may unpack to this many times its own size: real data rarely compress better."""


def unreadable(message: str) -> RequestError:
    """Return the error for an input that can't be read."""
    return RequestError([Problem("input", message)])


@contextlib.contextmanager
def reading(path: str, what: str, library: str) -> Iterator[None]:
    """Turn what a library raises about the file at `path` into one error that names it."""
    try:
        yield
    except (RequestError, SettingsError):
        raise
    except ImportError as error:
        missing = getattr(error, "name", None) or library
        missing = missing.partition(".")[0] if missing else library
        named = library if missing in {library, "pyarrow", "xarray"} else missing
        msg = f"{shown(path)} can't be read without {named}, which is not installed: pip install {named}"
        raise unreadable(msg) from error
    except OSError as error:
        if error.errno is not None:  # the file, not its content
            raise
        raise unreadable(_no_such(path, what, error)) from error
    except Exception as error:  # any error of Arrow or HDF5: their input may be anything
        raise unreadable(_no_such(path, what, error)) from error


def _no_such(path: str, what: str, error: Exception) -> str:
    return clean(hide_credentials(f"{shown(path)} is no {what}: {error}"))


def check_expansion(path: str, promised_bytes: int, limit: int = LARGEST_BYTES) -> None:
    """Refuse a file whose header promises far more bytes than the file has.

    Raises
    ------
    RequestError
        It names the setting that allows more.
    """
    size = _size(Path(path))
    if promised_bytes > limit and promised_bytes > HONEST_RATIO * size:
        msg = (
            f"{shown(path)} has {size:,} bytes and would unpack to {promised_bytes:,}: more than {HONEST_RATIO} times "
            f"as many, and more than the setting largest_input_bytes ({limit:,})"
        )
        raise unreadable(msg)


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    return sum(
        Path(folder, name).stat().st_size for folder, _, names in os.walk(path, followlinks=False) for name in names
    )


def check_folder(path: str) -> None:
    """Refuse a folder in which a symbolic link leads out of it."""
    root = Path(path).resolve()
    for folder, folders, files in os.walk(root, followlinks=False):
        for name in (*folders, *files):
            entry = Path(folder, name)
            if entry.is_symlink() and not entry.resolve().is_relative_to(root):
                msg = f"{shown(path)} has a symbolic link to another place: {shown(str(entry.relative_to(root)))}"
                raise unreadable(msg)
