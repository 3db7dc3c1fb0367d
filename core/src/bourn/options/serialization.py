"""Options from a request's mapping to a typed object and back: strictly, with every problem at once."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import attrs

from bourn.contract.option import Secret
from bourn.options.fields import fields_of

if TYPE_CHECKING:
    from bourn.errors import Problem

__all__ = ["examine", "normalize", "plain", "read", "secrets_of", "with_blanks", "with_secrets", "write"]


def read(options_class: type, given: Any, *, at: str = "destination", owner: str = "") -> tuple[Any, list[Problem]]:
    """The typed options of a mapping, or every problem of it.

    Parameters
    ----------
    options_class : type
        An attrs class whose fields are made by `option`.
    given : mapping or options object
        Neither changed nor kept. An options object is read like the mapping of its options, so that choices get the
        spelling that was declared.
    at : str
        The path of the mapping, such as ``destination``; the path of every problem begins with it.
    owner : str
        The name of the plugin, for messages.

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
    from bourn.options import converter  # cattrs costs 80 ms, on first use

    cls: Any = options_class  # mypy holds `type` to be unhashable
    fields_of(cls)  # a class that is none is the plugin's fault, not the request's
    try:
        return converter.structure(options_class, given), []
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # a foreign mapping, class or check may raise anything
        from bourn.options import validation  # jsonschema costs 180 ms, where something is wrong

        return None, validation.problems_of(options_class, given, at, owner, error)


def examine(options: object, *, at: str = "destination") -> list[Problem]:
    """Every problem of an options object that a caller made, by the rules for mappings."""
    return read(type(options), options, at=at)[1]


def normalize(options: object) -> list[Problem]:
    """For an ``__attrs_post_init__``: replace each field's value by what a mapping with it would be read as.

    So an object that a caller makes is checked as strictly, and with the same messages, as a request.

    Returns
    -------
    list of Problem
        What is wrong with single fields, with the name of the field as path. The class itself checks what must hold
        between several fields.

    Examples
    --------
    >>> import attrs
    >>> from bourn.plugin import normalize, option
    >>> @attrs.frozen
    ... class Options:
    ...     retries: int = option(default=3, ge=0, help="How often to try again.")
    ...
    ...     def __attrs_post_init__(self):
    ...         if problems := normalize(self):
    ...             raise ValueError(problems[0].path)
    >>> Options(retries=-1)
    Traceback (most recent call last):
    ValueError: retries
    """
    from bourn.options import converter  # see `read`

    problems: list[Problem] = []
    for field in fields_of(_class_of(options)):
        value = getattr(options, field.name)
        try:
            object.__setattr__(options, field.name, converter.structure_value(field.type, value))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # a foreign value may raise anything
            from bourn.options import validation  # see `read`

            problems += validation.problems_of_value(field.type, value, field.key, error)
    return problems


def write(options: object) -> dict[str, Any]:
    """The options as plain JSON, with defaults filled in and secrets left out; `read` accepts it.

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
        field.key: plain(getattr(options, field.name)) for field in fields_of(_class_of(options)) if not field.is_secret
    }


def plain(value: Any) -> Any:  # noqa: PLR0911  # one line a kind
    """A typed value as JSON has it."""
    if type(value) in _JSON_SCALARS:
        return value
    if isinstance(value, Secret):
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
    return _plain_container(value)


def _plain_container(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, set | frozenset):
        return [plain(item) for item in sorted(value, key=repr)]  # the same JSON in every process
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


_JSON_SCALARS = frozenset((bool, int, float, str, type(None)))


def secrets_of(options: object) -> dict[str, str]:
    """The secrets of an options object by path (``password``, ``login.password``): what `write` leaves out."""
    return dict(_secrets(options, ""))


def _secrets(options: object, within: str) -> Iterator[tuple[str, str]]:
    for field in fields_of(_class_of(options)):
        value = getattr(options, field.name)
        if isinstance(value, Secret):
            yield within + field.key, value.reveal()
        elif field.nested is not None and value is not None:
            yield from _secrets(value, f"{within}{field.key}.")


def with_secrets(written: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """A copy of what `write` gave, with what `secrets_of` gave put back."""
    whole = dict(written)
    for path, text in secrets.items():
        *outer, last = path.split(".")
        place = whole
        for step in outer:
            place[step] = dict(place.get(step) or {})
            place = place[step]
        place[last] = text
    return whole


def with_blanks(options_class: type, written: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of what `write` gave, with stars for required secrets: for a job that has ended, whose own are erased."""
    whole = dict(written)
    for field in fields_of(options_class):
        inner = whole.get(field.key)
        if field.is_secret and field.required:
            whole.setdefault(field.key, "*" * max(3, field.facts.min_length or 0))
        elif field.nested is not None and isinstance(inner, Mapping):
            whole[field.key] = with_blanks(field.nested, inner)
    return whole


def _class_of(options: object) -> Any:
    return type(options)  # mypy holds `type[object]` to be unhashable
