"""Options: from a request's mapping to a typed object and back, strictly, with every problem at once."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from itertools import islice
from pathlib import PurePath
from typing import Any

import attrs

from bourn.contract.option import Secret
from bourn.errors import Problem
from bourn.options.messages import Unfit, quoted
from bourn.options.problems import complaints_of, complaints_of_value
from bourn.options.shape import Field, fields_of
from bourn.options.strict import as_mapping, maker_of, mapping_of, reader_of
from bourn.wording import clean

__all__ = ["examine", "plain", "read", "secrets_of", "settle", "with_blanks", "with_secrets", "write"]

MOST_PROBLEMS = 100
"""How many problems of one mapping are told."""


def read(options_class: type, given: Any, *, at: str = "destination", about: str = "") -> tuple[Any, list[Problem]]:
    """The typed options of a mapping, or every problem of it.

    Parameters
    ----------
    options_class : type
        An attrs class whose fields are made by `option`.
    given : mapping or options object
        Never changed, never kept. An options object is read like the mapping of its options, so that choices come
        out in the spelling that was declared.
    at : str
        Where the mapping stands, such as ``destination``; every path begins with it.
    about : str
        Whose options they are, such as ``destination 'email'``.

    Returns
    -------
    options : options_class or None
        None if there are problems.
    problems : list of Problem
        At most 100.

    Examples
    --------
    >>> import attrs
    >>> from bourn.plugin import option, read
    >>> @attrs.frozen
    ... class Options:
    ...     retries: int = option(default=3, ge=0, help="How often to try again.")
    >>> read(Options, {"retries": 1})
    (Options(retries=1), [])
    >>> read(Options, {"retires": 1})[1][0].path
    'destination.retires'
    """
    cls: Any = options_class  # mypy takes a class for unhashable here
    make = maker_of(cls)
    # Whatever a stranger's mapping, class or check raises from here on is a problem of the request; only the
    # interrupt of whoever sits before the screen passes.
    first: BaseException
    mapping: dict[Any, Any] | None = None
    try:
        mapping = given.copy() if type(given) is dict else _mapping(options_class, given)
        return make(mapping), []
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # see above
        first = error
    if mapping is None:
        return None, [Problem(at, clean(str(first)) if isinstance(first, Unfit) else _unreadable(first))]
    found: list[Problem] = []
    try:
        for problem in islice(complaints_of(options_class, mapping, at, about), MOST_PROBLEMS):
            found.append(Problem(clean(problem.path), clean(problem.message)))  # noqa: PERF401  # kept if it breaks off
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # see above
        first = error
    return None, found or [Problem(at, _unreadable(first))]


def examine(options: object, *, at: str = "destination") -> list[Problem]:
    """Every problem of an options object that a caller made, by the same rules as those of a mapping."""
    return read(type(options), options, at=at)[1]


def settle(options: object) -> list[Problem]:
    """For a ``__attrs_post_init__``: bring each field into the form in which a mapping of it would be read.

    So an object that a caller makes is as strict, and says the same, as one that is read from a request.

    Returns
    -------
    list of Problem
        What is wrong with single fields, each with its name as its path; the class says what is wrong with
        several together.

    Examples
    --------
    >>> import attrs
    >>> from bourn.plugin import option, settle
    >>> @attrs.frozen
    ... class Options:
    ...     retries: int = option(default=3, ge=0, help="How often to try again.")
    ...
    ...     def __attrs_post_init__(self):
    ...         if problems := settle(self):
    ...             raise ValueError(problems[0].path)
    >>> Options(retries=-1)
    Traceback (most recent call last):
    ValueError: retries
    """
    problems: list[Problem] = []
    for field in fields_of(_class_of(options)):
        value = getattr(options, field.name)
        try:
            object.__setattr__(options, field.name, _reader_of(field)(value))
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001  # a stranger's value may raise anything while it is read
            found = complaints_of_value(field.shape, value, field.key)
            problems += [Problem(clean(p.path), clean(p.message)) for p in islice(found, MOST_PROBLEMS)]
    return problems


@functools.cache
def _reader_of(field: Field) -> Callable[[Any], Any]:
    return reader_of(field.shape)


def write(options: object) -> dict[str, Any]:
    """The options as plain JSON, with defaults filled in and secrets left out; `read` takes it back.

    Examples
    --------
    >>> import attrs
    >>> from bourn.plugin import option, write
    >>> @attrs.frozen
    ... class Options:
    ...     retries: int = option(default=3, ge=0, help="How often to try again.")
    >>> write(Options())
    {'retries': 3}
    """
    return {
        field.key: plain(getattr(options, field.name))
        for field in fields_of(_class_of(options))
        if field.shape.kind != "secret"
    }


def secrets_of(options: object) -> dict[str, str]:
    """The secrets of an options object by name (``password``, ``login.password``): what `write` leaves out."""
    return dict(_secrets(options, ""))


def with_secrets(written: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """What `write` gave, with what `secrets_of` gave put back in its places; neither is changed."""
    whole = dict(written)
    for name, text in secrets.items():
        *outer, last = name.split(".")
        place = whole
        for step in outer:
            place[step] = dict(place.get(step) or {})
            place = place[step]
        place[last] = text
    return whole


def plain(value: Any) -> Any:  # noqa: PLR0911  # one line a kind
    """A typed value as JSON has it."""
    if value is None or isinstance(value, Secret):
        return None
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, PurePath):
        return str(value)
    if attrs.has(type(value)):
        return write(value)
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, set | frozenset):
        return [plain(item) for item in sorted(value, key=repr)]  # the same JSON in every process
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def with_blanks(options_class: type, written: Mapping[str, Any]) -> dict[str, Any]:
    """What `write` gave, with stars for secrets that must be given: for a job that has ended, whose own are erased."""
    whole = dict(written)
    for field in fields_of(options_class):
        inner = whole.get(field.key)
        if field.shape.kind == "secret" and field.required:
            whole.setdefault(field.key, "*" * max(3, field.shape.limits.min_length or 0))
        elif field.shape.kind == "class" and field.shape.cls is not None and isinstance(inner, Mapping):
            whole[field.key] = with_blanks(field.shape.cls, inner)
    return whole


def _secrets(options: object, within: str) -> Iterator[tuple[str, str]]:
    for field in fields_of(_class_of(options)):
        value = getattr(options, field.name)
        if isinstance(value, Secret):
            yield within + field.key, value.reveal()
        elif field.shape.kind == "class" and value is not None:
            yield from _secrets(value, f"{within}{field.key}.")


def _class_of(options: object) -> Any:
    return type(options)  # mypy holds `type[object]` to be unhashable


def _mapping(options_class: type, given: Any) -> dict[Any, Any]:
    if issubclass(type(given), options_class):
        return as_mapping(options_class, given)
    mapping = mapping_of(given)
    if mapping is None:
        msg = f"expected a mapping of options, got {quoted(given)}"
        raise Unfit(msg)
    return mapping


def _unreadable(error: BaseException) -> str:
    return f"can't be read: {type(error).__name__}"
