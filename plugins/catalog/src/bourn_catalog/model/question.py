"""A question to the catalog as people ask it: read strictly, everything that is wrong at once."""

from __future__ import annotations

from typing import Any

import attrs
from bourn.plugin import RequestError, option, read

from bourn_catalog.model.moment import area_of, moment_of

__all__ = ["asked"]


@attrs.frozen
class _Plain:
    """What of a question is plain JSON."""

    product_id: str | None = option(default=None, help="The id of a product.")
    properties: dict[str, Any] = option(factory=dict, help="What an image's properties must say.")
    limit: int | None = option(default=None, ge=0, help="How many at most.")


def asked(*, start: Any, end: Any, geometry: Any, **plain: Any) -> dict[str, Any]:
    """The same, with every part in the form in which it is looked for.

    Raises
    ------
    RequestError
        With everything that is wrong with the question.

    Examples
    --------
    >>> asked(product_id=None, start=None, end="2020-01-01", geometry=None, properties={}, limit=-1)
    Traceback (most recent call last):
    bourn.errors.RequestError: limit: expected at least 0, got -1
    """
    read_plain, problems = read(_Plain, plain, at="")
    found = {
        "start": moment_of(start, "start", problems),
        "end": moment_of(end, "end", problems, end=True),
        "geometry": area_of(geometry, "geometry", problems),
    }
    if problems:
        raise RequestError(problems, about="the search")
    return {**attrs.asdict(read_plain, recurse=False), **found}
