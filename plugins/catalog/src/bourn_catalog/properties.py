"""What a result says of itself and the catalog keeps: those of its properties that are JSON."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import attrs
from bourn.plugin import Note, option, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MOST", "kept_of", "notes_of"]

MOST = 1000
"""Properties that an image has in the catalog, its own among them."""

MOST_NOTES = 20
"""Of properties that stay behind, one each; what is more is counted."""

STATED_OTHERWISE = frozenset({"date", "AREA_OR_POINT", "colormap"})
"""``date`` becomes `acquired`; the others stand in the file, and say how to read it."""


@attrs.frozen
class _Held:
    properties: dict[str, Any] = option(help="As JSON.")


def kept_of(properties: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """What an image in the catalog says of itself: its `own` properties, before those of the result that are JSON.

    Examples
    --------
    >>> kept_of({"date": "2020-05-01", "cloud": 0.5, "raw": b"", "by": "dask"}, {"by": "me"})
    {'by': 'me', 'cloud': 0.5}
    """
    return dict(islice({**own, **_sorted_out(properties)[0], **own}.items(), MOST))


def notes_of(properties: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[Note]:
    """Which properties of a result stay behind, and why.

    Examples
    --------
    >>> [note.message for note in notes_of({"raw": b"", "cloud": 0.5}, {})]
    ["the result's property 'raw' stays behind: expected a JSON value, got b''"]
    """
    kept, faults = _sorted_out(properties)
    left = [(name, why) for name, why in faults.items() if name not in own]
    for name, why in left[:MOST_NOTES]:
        yield Note(f"the result's property {name!r} stays behind: {why}", "image.properties")
    if len(left) > MOST_NOTES:
        yield Note(f"{len(left) - MOST_NOTES:,} more properties of the result are not JSON", "image.properties")
    if (over := len(own.keys() | kept.keys()) - MOST) > 0:
        yield Note(f"an image has at most {MOST:,} properties: the last {over:,} stay behind", "image.properties")


def _sorted_out(properties: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """(those that are JSON, what the others are instead), by name."""
    kept: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name, value in properties.items():
        if name in STATED_OTHERWISE:
            continue
        held, problems = read(_Held, {"properties": {name: value}}, at="")
        if problems:
            faults[name] = problems[0].message
        else:
            kept |= held.properties
    return kept, faults
