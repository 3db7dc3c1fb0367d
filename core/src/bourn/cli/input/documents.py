"""JSON documents and lines of JSON, read strictly: nothing that they say is dropped."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from bourn.cli.input.bounds import unreadable
from bourn.wording import shown

__all__ = ["parse_document", "read_document", "read_lines"]


def read_document(path: str) -> Any:
    """Return the value of a JSON file."""
    return parse_document(Path(path).read_bytes(), shown(path))


def read_lines(path: str) -> list[Any]:
    """Return the values of a file with one JSON value per line; empty lines are left out."""
    text = _decoded(Path(path).read_bytes(), shown(path))
    lines = enumerate(text.split("\n"), 1)
    return [_parsed(line, shown(path), offset=number - 1) for number, line in lines if line.strip()]


def parse_document(data: bytes, where: str) -> Any:
    """Return the value of JSON in UTF-8.

    Raises
    ------
    RequestError
        It is not JSON, names a key twice, or has a number beyond float64.
    """
    return _parsed(_decoded(data, where), where)


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")  # editors on Windows begin with a byte order mark
    except UnicodeDecodeError as error:
        raise unreadable(f"{where} is not UTF-8: {error.reason} at byte {error.start:,}") from error


def _parsed(text: str, where: str, *, offset: int = 0) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_mapping, parse_float=_float)
    except json.JSONDecodeError as error:
        line = error.lineno + offset
        raise unreadable(f"{where} is not JSON: {error.msg}, line {line} column {error.colno}") from error
    except _LossError as error:
        raise unreadable(f"{where} can't be read without a loss: {error}") from error
    except (RecursionError, ValueError) as error:  # 10,000 levels deep; an int of 5,000 digits
        raise unreadable(f"{where} can't be read: {type(error).__name__}") from error


class _LossError(Exception):
    """Python's values can't hold what the text says."""


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"the key {shown(twice)} stands twice in one object"
        raise _LossError(msg)
    return mapping


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        msg = f"the number {shown(text)} is beyond float64; write it as a text"
        raise _LossError(msg)
    return value
