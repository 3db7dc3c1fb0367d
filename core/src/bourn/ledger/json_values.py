"""Values of JSON columns: what one database takes and another one refuses is refused by all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["check_json"]


def check_json(value: Any, what: str) -> None:
    """Refuse what JSON, or a database of the ledger, does not hold.

    NaN and infinity are not JSON; PostgreSQL stores neither NUL nor lone surrogates in texts, SQLite does.

    Parameters
    ----------
    value : object
        Mappings, sequences and scalars.
    what : str
        What it is, for the message.

    Examples
    --------
    >>> check_json({"mean": [1.0, float("nan")]}, "the report")
    Traceback (most recent call last):
    ...
    ValueError: the report holds nan at mean[1]: JSON has no such number

    Raises
    ------
    ValueError
        With the path within the value.
    """
    found = _first_problem(value, "")
    if found is not None:
        path, problem = found
        at = f" at {path.lstrip('.')}" if path else ""
        msg = f"{what} holds {problem.partition(':')[0]}{at}:{problem.partition(':')[2]}"
        raise ValueError(msg)


def _first_problem(value: Any, path: str) -> tuple[str, str] | None:
    if isinstance(value, str):
        problem = _text_problem(value)
        return None if problem is None else (path, problem)
    if isinstance(value, float) and not math.isfinite(value):
        return path, f"{value}: JSON has no such number"
    if isinstance(value, Mapping):
        for name, each in value.items():
            if isinstance(name, str) and (problem := _text_problem(name)) is not None:
                return path, f"{problem} in the name of a key"
            found = _first_problem(each, f"{path}.{name}")
            if found is not None:
                return found
    elif isinstance(value, list | tuple):
        for place, each in enumerate(value):
            found = _first_problem(each, f"{path}[{place}]")
            if found is not None:
                return found
    return None


def _text_problem(text: str) -> str | None:
    if "\0" in text:
        return "the character NUL: PostgreSQL does not store it"
    if not text.isascii() and any("\ud800" <= each <= "\udfff" for each in text):
        return "a lone surrogate: it is not a character, and PostgreSQL does not store it"
    return None
