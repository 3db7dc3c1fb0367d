"""Which band of an image becomes which band of a product: by name, or in order where no name says anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from bourn.plugin import Note, Problem

from bourn_catalog.pixels.band_spec import alpha_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn_catalog.pixels.band_spec import BandSpec

__all__ = ["Order", "ordered"]

AT = "image"
"""The option that the problems are about: which image it becomes."""


@attrs.frozen
class Order:
    """Where the bands of a product come from.

    Attributes
    ----------
    sources : tuple of (int or None)
        One for each band of the product: the image's band, None where an alpha is made. Empty where there are problems.
    problems : tuple of Problem
    notes : tuple of Note
    """

    sources: tuple[int | None, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()


def ordered(names: Sequence[str] | None, count: int, specs: Sequence[BandSpec]) -> Order:
    """Where the bands of a product come from.

    | names | spec |
    |---|---|
    | all match exactly | by name |
    | none match, all do ignoring case, one to one | by name, with a note |
    | none match, ignoring case either | as already in order, with a note |
    | some match, ignoring case or not | refused: the others would be swapped in silence |

    The alpha band goes by its name and takes no part in that; where the image is one band short, it is made.

    Parameters
    ----------
    names : sequence of str or None
        The image's; None where only their number is known: then nothing but that is looked at.
    count : int
        How many bands the image has.
    specs : sequence of BandSpec
        The product's bands.
    """
    alpha = alpha_of(specs)
    brought = None if names is None or alpha is None else _alpha_among(names, specs, alpha)
    short = alpha is not None and brought is None and count == len(specs) - 1
    if count != len(specs) and not short:
        return Order(problems=(Problem(AT, _miscounted(names, count, specs, alpha, brought)),))
    if names is None:
        return Order()
    apart = short or brought is not None  # the alpha goes its own way
    targets = [index for index in range(len(specs)) if not (apart and index == alpha)]
    given = [index for index in range(count) if index != brought]
    chosen, problems, notes = _matched([names[i] for i in given], [specs[i].name for i in targets])
    if problems:
        return Order(problems=problems)
    sources: list[int | None] = [None] * len(specs)
    for target, place in zip(targets, chosen, strict=True):
        sources[target] = given[place]
    if brought is not None and alpha is not None:
        sources[alpha] = brought
    if short and alpha is not None:
        notes = (*notes, Note(f"the alpha band {specs[alpha].name!r} is made from the image's mask", AT))
    return Order(tuple(sources), (), notes)


def _alpha_among(names: Sequence[str], specs: Sequence[BandSpec], alpha: int) -> int | None:
    """The image's band that bears the alpha's name, exactly, else ignoring case if it is the only one that does."""
    wanted = specs[alpha].name
    if wanted in names:
        return list(names).index(wanted)
    others = {spec.name for spec in specs}
    found = [i for i, name in enumerate(names) if name.casefold() == wanted.casefold() and name not in others]
    return found[0] if len(found) == 1 else None


def _matched(
    given: Sequence[str], wanted: Sequence[str]
) -> tuple[Sequence[int], tuple[Problem, ...], tuple[Note, ...]]:
    """For each wanted name the place among those given; else problems; and notes."""
    if set(given) == set(wanted) and len(set(wanted)) == len(wanted):
        places = [list(given).index(name) for name in wanted]
        if places == sorted(places):
            return places, (), ()
        return places, (), (Note(f"the bands are put in the product's order: {', '.join(wanted)}", AT),)
    some = [name for name in given if name in wanted]
    if some:
        return (), (Problem(AT, _only_some(given, wanted, some)),), ()
    folded, folds = [name.casefold() for name in given], [name.casefold() for name in wanted]
    if set(folded) == set(folds) and len(set(folded)) == len(folded) and len(set(folds)) == len(folds):
        pairs = ", ".join(
            f"{given[folded.index(fold)]!r} is {name!r}" for fold, name in zip(folds, wanted, strict=True)
        )
        return [folded.index(fold) for fold in folds], (), (Note(f"the bands go by name, ignoring case: {pairs}", AT),)
    some = [name for name, fold in zip(given, folded, strict=True) if fold in folds]
    if some:
        return (), (Problem(AT, _only_some(given, wanted, some)),), ()
    pairs = ", ".join(f"{one!r} is {other!r}" for one, other in zip(given, wanted, strict=True))
    return (
        range(len(wanted)),
        (),
        (Note(f"no band has a name of the product's: taken as already in order, {pairs}", AT),),
    )


def _only_some(given: Sequence[str], wanted: Sequence[str], some: Sequence[str]) -> str:
    names = ", ".join(map(repr, some))
    return (
        f"the bands are {_quoted(given)}, the product's {_quoted(wanted)}: only {names} would go by name, and to guess "
        f"at the others could swap them in silence; rename them, or select those that are meant"
    )


def _miscounted(
    names: Sequence[str] | None, count: int, specs: Sequence[BandSpec], alpha: int | None, brought: int | None
) -> str:
    bands = f"{count} band{'' if count == 1 else 's'}" + (f" ({_quoted(names)})" if names else "")
    wanted = f"{len(specs)} ({_quoted([spec.name for spec in specs])})"
    made = ""
    if alpha is not None and brought is None:
        made = f", of which {specs[alpha].name!r} would be made"
    elif alpha is not None:
        made = f", {specs[alpha].name!r} among both"
    return f"the image has {bands}, the product has {wanted}{made}"


def _quoted(names: Sequence[str], most: int = 12) -> str:
    listed = ", ".join(map(repr, names[:most]))
    return listed if len(names) <= most else f"{listed}, ... ({len(names)} in all)"
