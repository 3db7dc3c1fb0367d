"""The limits of an option: read from its facts and from plain attrs validators, as one set of facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from bourn.contract.option import OptionFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NO_LIMITS", "limits_of", "merged"]

NO_LIMITS = OptionFacts()

_COMPARISONS = {">=": "ge", ">": "gt", "<=": "le", "<": "lt"}


def merged(own: OptionFacts, other: OptionFacts) -> OptionFacts:
    """`own`, with whatever only `other` says."""
    said = {
        name: theirs
        for name in attrs.fields_dict(OptionFacts)
        if getattr(own, name) in (None, "", ()) and (theirs := getattr(other, name)) not in (None, "", ())
    }
    return attrs.evolve(own, **said) if said else own


def limits_of(validator: Any) -> tuple[OptionFacts, OptionFacts]:
    """What an attrs validator says of a value, and of each item of it.

    attrs runs its validators itself when the object is made; they are read here so that schema, documentation
    and messages know them. One that is not understood says nothing here.
    """
    own: dict[str, Any] = {}
    items = NO_LIMITS
    for single in _each(validator):
        # attrs keeps the classes of its validators private, and has no other way to ask them what they check.
        name = type(single).__name__
        if name == "_NumberValidator" and single.compare_op in _COMPARISONS:
            own[_COMPARISONS[single.compare_op]] = single.bound
        elif name == "_InValidator":
            own["choices"] = tuple(single.options)
        elif name == "_MaxLengthValidator":
            own["max_length"] = single.max_length
        elif name == "_MinLengthValidator":
            own["min_length"] = single.min_length
        elif name == "_MatchesReValidator":
            own["pattern"] = _pattern(single)
        elif name == "_DeepIterable":
            items = merged(items, limits_of(single.member_validator)[0])
            own.update(_said(limits_of(single.iterable_validator)[0]))
    return OptionFacts(**own), items


def _each(validator: Any) -> Iterator[Any]:
    name = type(validator).__name__
    if name == "_AndValidator":
        for single in validator._validators:  # noqa: SLF001  # see limits_of
            yield from _each(single)
    elif name == "_OptionalValidator":
        within = validator.validator
        for single in within if isinstance(within, tuple | list) else (within,):
            yield from _each(single)
    elif validator is not None:
        yield validator


def _pattern(validator: Any) -> str | None:
    source = validator.pattern
    if not isinstance(source.pattern, str) or source.flags & ~32:  # 32 is re.UNICODE, which every str pattern has
        return None
    how = getattr(validator.match_func, "__name__", "fullmatch")
    return {"search": source.pattern, "match": f"^(?:{source.pattern})"}.get(how, f"^(?:{source.pattern})$")


def _said(facts: OptionFacts) -> dict[str, Any]:
    return {
        name: said for name in attrs.fields_dict(OptionFacts) if (said := getattr(facts, name)) not in (None, "", ())
    }
