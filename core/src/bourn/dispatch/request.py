"""References to plugins as a request gives them, copied: the caller's own objects are read once."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from bourn.errors import Problem, RequestTypeError
from bourn.wording import shown

__all__ = ["PluginReference", "Role", "fan_out", "plugin_reference"]

Role = Literal["destination", "format"]

DEEPEST = 64
"""How deep options may be nested."""

MOST_ENTRIES = 100_000
"""Of a mapping, which might never end."""

_PLAIN = (str, int, float, bool, type(None))
_NO_REQUEST = (bool, int, float, complex, bytes, bytearray, set, frozenset, list, tuple, type, type(None))

# Only types are inspected here, never the objects: even ``__class__`` may be a property.


@attrs.frozen(kw_only=True)
class PluginReference:
    """A destination or a format as a request gives it: a name with a mapping of options, or an object for both.

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
        What is wrong with the form of the reference.
    """

    role: Role
    name: str | None = None
    given: Mapping[str, Any] | None = None
    object: Any = None
    problems: Sequence[Problem] = ()


def fan_out(value: Any) -> Mapping[str, PluginReference] | None:
    """Return the destinations of a fan-out by their path; None unless `value` is a list."""
    if type(value) is not list:
        return None
    places = {f"destination[{index}]": item for index, item in enumerate(value)}
    return {at: plugin_reference("destination", item, at=at) for at, item in places.items()}


def plugin_reference(role: Role, value: Any, *, at: str | None = None) -> PluginReference:
    """Return the reference in an argument ``destination=`` or ``format=``.

    Raises
    ------
    RequestTypeError
        The value is neither a name, nor a mapping, nor an object of a class.
    """
    at = at or role
    kind = type(value)
    if issubclass(kind, str):
        return PluginReference(role=role, name=str.__str__(value), given={})
    if issubclass(kind, Mapping):
        return _from_mapping(role, value, at)
    if issubclass(kind, _NO_REQUEST):
        msg = (
            f"{at} must be a name, a mapping with 'type', or an object that a plugin takes for one; got {shown(value)}"
        )
        raise RequestTypeError(msg)
    return PluginReference(role=role, object=value)


def _from_mapping(role: Role, value: Mapping[Any, Any], at: str) -> PluginReference:
    problems: list[Problem] = []
    try:
        copied = _copy(value, at, problems, ())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # a foreign mapping may raise anything while it is read
        problem = Problem(at, f"the mapping can't be read: it raised {type(error).__name__}")
        return PluginReference(role=role, problems=[problem])
    if copied is None:
        return PluginReference(role=role, problems=problems)
    if "type" not in copied:
        problems.append(Problem(f"{at}.type", f"is required: the name of the {role}"))
        return PluginReference(role=role, problems=problems)
    name = copied.pop("type")
    if not issubclass(type(name), str):
        problems.append(Problem(f"{at}.type", f"expected the name of a {role}, got {shown(name)}"))
        return PluginReference(role=role, problems=problems)
    return PluginReference(role=role, name=str.__str__(name), given=copied, problems=problems)


def _copy(value: Any, at: str, problems: list[Problem], above: tuple[int, ...]) -> Any:
    """Copy the containers in `value`; other objects are left to the options of the plugin."""
    kind = type(value)
    if kind in _PLAIN or issubclass(kind, _PLAIN) or not issubclass(kind, (Mapping, list, tuple)):
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
        # All keys are read first: a mapping may change while it is read, and may have no end.
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
