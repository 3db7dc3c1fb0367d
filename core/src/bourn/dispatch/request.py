"""What the caller wrote, taken down once: afterwards nobody looks at the caller's own objects again."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from bourn.errors import Problem, RequestTypeError
from bourn.wording import shown

__all__ = ["Half", "Role", "half", "halves"]

Role = Literal["destination", "format"]

DEEPEST = 64
"""How deep options may be nested."""

MOST_ENTRIES = 100_000
"""Of a mapping, which might never end."""

_PLAIN = (str, int, float, bool, type(None))
_NO_REQUEST = (bool, int, float, complex, bytes, bytearray, set, frozenset, list, tuple, type, type(None))

# Here and below the type is asked, never the object: even ``__class__`` may be somebody's own code.


@attrs.frozen(kw_only=True)
class Half:
    """One half of a request: the destination, or the format.

    Exactly one of these is said: a name with options as a mapping, or an object that stands for both.

    Attributes
    ----------
    role : {'destination', 'format'}
    name : str or None
        The plugin's name as the caller wrote it.
    given : mapping or None
        Its options, copied: the caller's mapping is neither changed nor kept.
    object : object or None
        A shorthand, or a typed options object.
    problems : sequence of Problem
        What was wrong with the form itself.
    """

    role: Role
    name: str | None = None
    given: Mapping[str, Any] | None = None
    object: Any = None
    problems: Sequence[Problem] = ()


def halves(value: Any) -> Mapping[str, Half] | None:
    """The destinations of a fan-out by where they stand: None unless `value` is a list of them."""
    if type(value) is not list:
        return None
    places = {f"destination[{index}]": item for index, item in enumerate(value)}
    return {at: half("destination", item, at=at) for at, item in places.items()}


def half(role: Role, value: Any, *, at: str | None = None) -> Half:
    """What the caller gave as ``destination=`` or ``format=``.

    Raises
    ------
    RequestTypeError
        Something that is neither a name, nor a mapping, nor an object of a class.
    """
    at = at or role
    kind = type(value)
    if issubclass(kind, str):
        return Half(role=role, name=str.__str__(value), given={})
    if issubclass(kind, Mapping):
        return _from_mapping(role, value, at)
    if issubclass(kind, _NO_REQUEST):
        msg = (
            f"{at} must be a name, a mapping with 'type', or an object that a plugin takes for one; got {shown(value)}"
        )
        raise RequestTypeError(msg)
    return Half(role=role, object=value)


def _from_mapping(role: Role, value: Mapping[Any, Any], at: str) -> Half:
    problems: list[Problem] = []
    try:
        copied = _copy(value, at, problems, ())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # a stranger's mapping may raise anything while it is read
        problem = Problem(at, f"the mapping can't be read: it raised {type(error).__name__}")
        return Half(role=role, problems=[problem])
    if copied is None:
        return Half(role=role, problems=problems)
    if "type" not in copied:
        problems.append(Problem(f"{at}.type", f"is required: the name of the {role}"))
        return Half(role=role, problems=problems)
    name = copied.pop("type")
    if not issubclass(type(name), str):
        problems.append(Problem(f"{at}.type", f"expected the name of a {role}, got {shown(name)}"))
        return Half(role=role, problems=problems)
    return Half(role=role, name=str.__str__(name), given=copied, problems=problems)


def _copy(value: Any, at: str, problems: list[Problem], above: tuple[int, ...]) -> Any:
    """A copy of the containers in `value`; what is no container is the plugin's business."""
    kind = type(value)
    if issubclass(kind, _PLAIN) or not issubclass(kind, (Mapping, list, tuple)):
        return value
    if id(value) in above:
        problems.append(Problem(at, "contains itself"))
        return None
    if len(above) >= DEEPEST:
        problems.append(Problem(at, f"is nested more than {DEEPEST} deep"))
        return None
    above = (*above, id(value))
    if issubclass(kind, Mapping):
        copied = {}
        # Its keys at once, as they are now: a mapping may change while it is read, and may have no end.
        keys = list(itertools.islice(value, MOST_ENTRIES + 1))
        if len(keys) > MOST_ENTRIES:
            problems.append(Problem(at, f"has more than {MOST_ENTRIES:,} entries"))
            return None
        for key in keys:
            if issubclass(type(key), str):
                plain = str.__str__(key)
                copied[plain] = _copy(value[key], f"{at}.{plain}", problems, above)
            else:
                problems.append(Problem(at, f"expected names of options as keys, got {shown(key)}"))
        return copied
    items = [_copy(item, f"{at}[{index}]", problems, above) for index, item in enumerate(value)]
    return items if issubclass(kind, list) else tuple(items)
