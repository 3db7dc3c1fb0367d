"""Everything that is wrong with a mapping of options, each fault with its path: the way taken when reading failed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bourn.errors import Problem, RequestError
from bourn.options.messages import Unfit, quoted
from bourn.options.shape import Field, Shape, fields_of
from bourn.options.strict import as_mapping, items_of, maker_of, mapping_of, reader_of
from bourn.wording import listed, nearest

__all__ = ["complaints_of", "complaints_of_value"]

_WORD = re.compile(r"[^\W\d][\w-]{0,79}", re.ASCII)


def complaints_of(cls: type, mapping: Mapping[Any, Any], at: str, about: str = "") -> Iterator[Problem]:
    """Every problem of a mapping that should become a `cls`, in the order of the mapping, then what is missing."""
    fields = {field.key: field for field in fields_of(cls)}
    given: dict[str, Any] = {}
    whole = True
    for key, value in mapping.items():
        if not issubclass(type(key), str):
            yield Problem(at, f"expected names of options, which are strings, got {quoted(key)}")
            whole = False
            continue
        name = str.__str__(key)
        if name not in fields:
            yield Problem(_joined(at, name), _unknown(name, fields, about))
            whole = False
            continue
        given[name] = value
        for problem in complaints_of_value(fields[name].shape, value, _joined(at, name)):
            whole = False
            yield problem
    for name, field in fields.items():
        if field.required and name not in given:
            yield Problem(_joined(at, name), f"is required: {field.facts.help}" if field.facts.help else "is required")
            whole = False
    if whole:
        yield from _at_birth(cls, given, at)


def _at_birth(cls: type, given: dict[str, Any], at: str) -> Iterator[Problem]:
    """What the class itself says when each option alone is right: its attrs validators, `__attrs_post_init__`."""
    try:
        maker_of(cls)(given)
    except Unfit as error:
        yield Problem(at, str(error))
    except RequestError as error:  # it says itself what is wrong with which of them
        yield from (Problem(_under(at, problem.path), problem.message) for problem in error.problems)
    except Exception as error:  # a stranger's class  # noqa: BLE001
        # The text may quote a value, and among the values may be a secret.
        hidden = any(field.shape.kind == "secret" for field in fields_of(cls))
        yield Problem(at, "is not allowed" if hidden else _reason(error))


def _reason(error: Exception) -> str:
    """The text of an error; of that of an attrs validator its first part, the others being for programs."""
    first = error.args[0] if error.args else ""
    return first if isinstance(first, str) and first else f"is not allowed: {type(error).__name__}"


def complaints_of_value(shape: Shape, value: Any, at: str) -> Iterator[Problem]:
    """The problems of one value: those of its parts if it has any, else its own."""
    found = False
    for problem in _of_parts(shape, value, at):
        found = True
        yield problem
    if found:
        return
    try:
        reader_of(shape)(value)
    except Unfit as error:
        yield Problem(at, str(error))
    except Exception as error:  # a stranger's class, or a stranger's value  # noqa: BLE001
        yield Problem(at, _reason(error))


def _of_parts(shape: Shape, value: Any, at: str) -> Iterator[Problem]:
    if shape.kind == "union":
        # If the value can be meant for one branch only, the fault is within it.
        meant = [branch for branch in shape.items if _is_for(branch, value)]
        if len(meant) == 1:
            yield from complaints_of_value(meant[0], value, at)
    elif shape.kind in ("list", "tuple"):
        items = items_of(value) or []
        shapes = shape.items * len(items) if shape.kind == "list" else shape.items
        if len(shapes) == len(items):
            for number, (item_shape, item) in enumerate(zip(shapes, items, strict=True)):
                yield from complaints_of_value(item_shape, item, f"{at}[{number}]")
    elif shape.kind in ("class", "map"):
        yield from _of_entries(shape, value, at)


def _of_entries(shape: Shape, value: Any, at: str) -> Iterator[Problem]:
    cls = shape.cls
    if cls is not None and issubclass(type(value), cls):
        yield from complaints_of(cls, as_mapping(cls, value), at)
        return
    try:
        entries = mapping_of(value)
    except Unfit:
        return  # what the reader says of the whole is told
    if entries is None:
        return
    if cls is not None:
        yield from complaints_of(cls, entries, at)
        return
    for key, entry in entries.items():
        if issubclass(type(key), str):
            yield from complaints_of_value(shape.items[0], entry, _joined(at, str.__str__(key)))


_TEXTS = frozenset({"str", "path", "datetime", "date"})


def _is_for(shape: Shape, value: Any) -> bool:
    if shape.kind in ("list", "tuple"):
        return issubclass(type(value), list | tuple)
    if shape.kind in ("class", "map"):
        return issubclass(type(value), Mapping)
    if shape.kind == "choice":
        return type(value) in {type(plain) for plain, _ in shape.choices}
    if shape.kind in _TEXTS:
        return issubclass(type(value), str)
    return type(value) in (int, float) and shape.kind in ("int", "float", "timedelta")


def _joined(at: str, key: str) -> str:
    if _WORD.fullmatch(key):
        return f"{at}.{key}" if at else key
    return f"{at}[{quoted(key)}]"


def _under(at: str, path: str) -> str:
    return f"{at}.{path}" if at and path else at or path


def _unknown(name: str, fields: Mapping[str, Field], about: str) -> str:
    if not fields:
        return f"unknown option; {about or 'it'} has none"
    folded = name.casefold()
    meant = nearest(name, [key for key, field in fields.items() if folded not in field.facts.unlike])
    hint = "" if meant is None else f"; did you mean {meant!r}?"
    return f"unknown option{hint or '.'} Options: {listed(fields)}"
