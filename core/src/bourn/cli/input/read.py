"""What ``bourn send`` is given: a file by its suffix, JSON on standard input, or ``module:callable``."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bourn.cli.input import arrays, documents, tables
from bourn.cli.input.bounds import LARGEST_BYTES, unreadable
from bourn.wording import hide_credentials, listed, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Selection", "read_input"]

Selection = dict[str, str]
"""``{name: value}`` of the options ``--select``."""

_CALLABLE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
_URL = re.compile(r"[a-z][a-z0-9+.-]+://")


class _Reader(Protocol):
    """Reads a file of one kind."""

    def __call__(self, path: str, *, select: Mapping[str, str], limit: int) -> Any:
        """Return what is in the file."""
        ...


def _document(path: str, *, select: Mapping[str, str], limit: int) -> Any:  # noqa: ARG001
    return documents.read_document(path)


def _lines(path: str, *, select: Mapping[str, str], limit: int) -> Any:  # noqa: ARG001
    return documents.read_lines(path)


# The suffix chooses the reader only; what a raster is, its own content says.
_READERS: dict[str, _Reader] = {
    **dict.fromkeys((".json", ".geojson"), _document),
    **dict.fromkeys((".jsonl", ".ndjson"), _lines),
    **dict.fromkeys((".csv", ".tsv"), tables.read_csv),
    **dict.fromkeys((".parquet", ".geoparquet"), tables.read_parquet),
    **dict.fromkeys((".arrow", ".arrows", ".feather"), tables.read_feather),
    **dict.fromkeys((".nc", ".nc4", ".h5", ".hdf5"), arrays.read_netcdf),
    **dict.fromkeys((".tif", ".tiff", ".jp2", ".png", ".jpg", ".jpeg", ".webp"), arrays.read_raster),
    ".npy": arrays.read_array,
    ".npz": arrays.read_arrays,
    ".zarr": arrays.read_zarr,
}

_SELECTABLE: dict[_Reader, tuple[str, ...]] = {
    tables.read_csv: ("separator", "encoding"),
    arrays.read_arrays: ("variable",),
    arrays.read_netcdf: ("group", "variable", "a dimension"),
    arrays.read_zarr: ("group", "variable", "a dimension"),
}


def read_input(given: str, select: Mapping[str, str] | None = None, *, limit: int = LARGEST_BYTES) -> Any:
    """Return the object to send; a raster, an array and a dataset stay in their file until they are used.

    Parameters
    ----------
    given : str
        ``-``, ``module:callable``, or the path of a file whose suffix says what it is. No other file is opened.
    select : mapping, optional
        What is taken of a file that has several things in it, and how it is written: ``variable``, ``group``, names of
        dimensions; ``separator`` and ``encoding`` of CSV.
    limit : int
        Bytes that a small file may unpack to.

    Raises
    ------
    RequestError
        There is no such file, or it can't be read.
    """
    select = select or {}
    if given == "-":
        return documents.parse_document(sys.stdin.buffer.read(), "standard input")
    path = Path(given)
    if _URL.match(given):
        return _raster_at(given)
    if not path.exists() and _CALLABLE.fullmatch(given):
        return _imported(given)
    reader = _reader_of(given)
    if path.is_dir() if reader is not arrays.read_zarr else not path.is_dir():
        raise unreadable(_missing(path))
    if not path.exists():
        raise unreadable(_missing(path))
    _check_selection(given, reader, select)
    try:
        return reader(given, select=select, limit=limit)
    except OSError as error:
        raise unreadable(f"{shown(given)} can't be read: {error.strerror or error}") from error


def _check_selection(given: str, reader: _Reader, select: Mapping[str, str]) -> None:
    known = _SELECTABLE.get(reader, ())
    for name in select:
        if name not in known and "a dimension" not in known:
            allowed = f"it takes {', '.join(known)}" if known else "it takes none"
            raise unreadable(f"--select {name}: {shown(given)} has nothing of this name to select; {allowed}")


def _raster_at(url: str) -> Any:
    name = hide_credentials(url)
    if _reader_of(url.partition("?")[0]) is not arrays.read_raster:
        raise unreadable(f"{shown(name)}: only a raster can be read from a URL; fetch it first")
    return arrays.read_raster(url, select={})


def _reader_of(name: str) -> _Reader:
    suffix = Path(name).suffix.lower()
    if suffix in _READERS:
        return _READERS[suffix]
    suggestion = nearest(suffix, _READERS)
    hint = f" Did you mean {suggestion!r}?" if suggestion else ""
    what = (
        f"a file that ends in {shown(suffix)}" if suffix else f"{shown(hide_credentials(name))}, which has no suffix,"
    )
    raise unreadable(f"{what} can't be read; it can be {listed(_READERS)}, '-', or module:callable.{hint}")


def _missing(path: Path) -> str:
    if path.is_dir():
        return f"{shown(str(path))} is a folder"
    beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    suggestion = nearest(path.name, beside)
    hint = f" Did you mean {str(path.with_name(suggestion))!r}?" if suggestion else ""
    return f"there is no file {shown(str(path))}.{hint}"


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
            suggestion = nearest(step, [name for name in dir(found) if not name.startswith("_")])
            hint = f" Did you mean {suggestion!r}?" if suggestion else ""
            raise unreadable(f"{module_name!r} has no {step!r}.{hint}")
        found = getattr(found, step)
    return found
