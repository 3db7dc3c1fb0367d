"""What ``bourn send`` is given: a file by its suffix, JSON on standard input, or ``module:callable``."""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bourn.cli.tables import read_csv, read_feather, read_netcdf, read_parquet
from bourn.cli.unreadable import unreadable
from bourn.wording import listed, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["read_input"]

_CALLABLE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_URL = re.compile(r"[a-z][a-z0-9+.-]+://")


def read_input(given: str) -> Any:
    """The object that is to be sent; a raster and an array stay in their file until they are needed.

    Parameters
    ----------
    given : str
        ``-``, ``module:callable``, or the path of a file whose suffix says what it is.

    Raises
    ------
    RequestError
        There is no such thing, or it can't be read.
    """
    if given == "-":
        return _parsed(_decoded(sys.stdin.buffer.read(), "standard input"), "standard input")
    path = Path(given)
    if _URL.match(given):
        return _raster_at(given)
    if not path.exists() and _CALLABLE.fullmatch(given):
        return _imported(given)
    reader = _reader_of(given)
    if not path.is_file():
        raise unreadable(_missing(path))
    try:
        return reader(given)
    except OSError as error:
        raise unreadable(f"{shown(given)} can't be read: {error.strerror or error}") from error


def _raster_at(url: str) -> Any:
    if _reader_of(url.partition("?")[0]) is not _raster:
        raise unreadable(f"{shown(url)}: only a raster can be read from a URL; fetch it first")
    return _raster(url)


def _reader_of(name: str) -> Callable[[str], Any]:
    suffix = Path(name).suffix.lower()
    if suffix in _READERS:
        return _READERS[suffix]
    meant = nearest(suffix, _READERS)
    hint = f" Did you mean {meant!r}?" if meant else ""
    what = f"a file that ends in {shown(suffix)}" if suffix else f"{shown(name)}, which has no suffix,"
    raise unreadable(f"{what} can't be read; it can be {listed(_READERS)}, '-', or module:callable.{hint}")


def _missing(path: Path) -> str:
    if path.is_dir():
        return f"{shown(str(path))} is a folder"
    beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    meant = nearest(path.name, beside)
    hint = f" Did you mean {str(path.with_name(meant))!r}?" if meant else ""
    return f"there is no file {shown(str(path))}.{hint}"


def _raster(path: str) -> Any:
    from bourn.image.image import Image  # numpy, where it is needed

    return Image.open(path)


def _array(path: str) -> Any:
    import numpy as np  # where it is needed

    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise unreadable(f"{shown(path)} is no array that can be read without running code: {error}") from error


def _document(path: str) -> Any:
    return _parsed(_decoded(Path(path).read_bytes(), shown(path)), shown(path))


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")  # Windows' editors begin with a byte order mark
    except UnicodeDecodeError as error:
        raise unreadable(f"{where} is not UTF-8: {error.reason} at byte {error.start:,}") from error


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise unreadable(f"{where} is not JSON: {error.msg}, line {error.lineno} column {error.colno}") from error
    except (RecursionError, ValueError) as error:  # 10,000 deep; an int of 5,000 digits
        raise unreadable(f"{where} can't be read: {type(error).__name__}") from error


def _imported(given: str) -> Any:
    module_name, _, attribute = given.partition(":")
    try:
        folder = str(Path.cwd())
    except OSError:  # the current folder was removed
        folder = ""
    if folder and folder not in sys.path:  # as `python -m` has it, and every tool that takes module:attribute
        sys.path.insert(0, folder)
    try:
        found: Any = import_module(module_name)
    except Exception as error:  # the user's own module may raise anything
        raise unreadable(f"the module {module_name!r} can't be imported: {type(error).__name__}: {error}") from error
    for step in attribute.split("."):
        if not hasattr(found, step):
            meant = nearest(step, [name for name in dir(found) if not name.startswith("_")])
            hint = f" Did you mean {meant!r}?" if meant else ""
            raise unreadable(f"{module_name!r} has no {step!r}.{hint}")
        found = getattr(found, step)
    return found


_READERS: dict[str, Callable[[str], Any]] = {".json": _document, ".geojson": _document, ".npy": _array}
_READERS |= {".parquet": read_parquet, ".csv": read_csv, ".nc": read_netcdf}
_READERS |= dict.fromkeys((".arrow", ".arrows", ".feather"), read_feather)
_READERS |= dict.fromkeys((".tif", ".tiff", ".jp2", ".png", ".jpg", ".jpeg", ".webp"), _raster)
# The suffix chooses the reader only; what a raster is, its own content says.
