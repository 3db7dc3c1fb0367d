"""Properties whose names STAC has a meaning for: a STAC Item has them as STAC says, or not at all."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from bourn.plugin import Note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["notes_of", "unfit"]

NAMES = frozenset({
    "description", "keywords", "roles", "bands", "data_type", "nodata", "statistics", "unit", "start_datetime",
    "end_datetime", "updated", "platform", "instruments", "constellation", "mission", "gsd", "license", "providers",
})  # fmt: skip
"""Those of its common metadata; ``title``, ``created`` and ``datetime`` are the catalog's own to say."""


def unfit(properties: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with those that STAC would have otherwise, by name.

    Examples
    --------
    >>> unfit({"gsd": 10, "instruments": "msi", "cloud": "some"})
    {'instruments': "'msi' is not of type 'array'"}
    """
    mine = {name: value for name, value in properties.items() if name in NAMES}
    if not mine:
        return {}
    found = {}
    for error in _validator().iter_errors(mine):
        # Of a time the beginning and the end are there together.
        alone = [name for name in ("start_datetime", "end_datetime") if name in mine]
        for name in [error.path[0]] if error.path else alone:
            found[str(name)] = error.message[:200]
    return found


def notes_of(properties: Mapping[str, Any]) -> Iterator[Note]:
    """Which of them the STAC Item goes without, and why; the record has them."""
    for name, why in unfit(properties).items():
        yield Note(f"the STAC Item goes without the property {name!r}, of which STAC says: {why}", "image.properties")


@functools.cache
def _validator() -> Any:
    from jsonschema import Draft7Validator  # 0.1 s, where such a name is given
    from pystac.validation.local_validator import VERSION, get_local_schema_cache
    from referencing import Registry, Resource

    schemas = [(uri, Resource.from_contents(schema)) for uri, schema in get_local_schema_cache().items()]
    common = f"https://schemas.stacspec.org/v{VERSION}/item-spec/json-schema/common.json"
    return Draft7Validator({"$ref": common}, registry=Registry().with_resources(schemas))
