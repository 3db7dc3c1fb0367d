"""The format json: a result as JSON text, for every language; RFC 8259, UTF-8, without spaces.

JSON has no more than texts, numbers, true, false, null, lists and mappings. What has to change is counted on the
report, by these names:

============  ============================================================================================
nan           NaN became null (refused with ``nan="error"``)
infinite      an infinity became null (refused with ``nan="error"``)
masked        a masked element became null
shape         of an array without elements, the sides behind the first that is 0 were left out
nat           a datetime that is none (NaT) became null
missing       a missing value of a pandas or geopandas table, or of an array of texts, became null
tuple         a tuple became a list
datetime      a date or time became a text in ISO 8601
geojson       an object with ``__geo_interface__`` became GeoJSON
crs           geometries in another CRS were brought to longitude and latitude, as RFC 7946 demands
dims, coords  of an xarray object without a grid only the values were written; so with ``attrs``
extension     a value of an Arrow extension type, such as pandas' periods, became what it is stored as
index         the labels of a pandas table's rows were left out
bandinfo      what is known of that many bands of an image was left out
============  ============================================================================================

An array is nested lists; float16 and float32 are written in the fewest digits that give the same float32 again,
integers of any size exactly. A table is a list of records, an image
``{"ndarray", "mask", "bands", "geobox": {"crs", "transform", "shape"}, "properties"}``. Refused with their path: bytes,
sets, complex numbers, durations, pandas' periods and intervals, keys that are no texts, texts with lone surrogates,
whatever contains itself, any object not named here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from bourn.plugin import ANY, Example, Format, Note, Problem, ResultInfo, Sink, option

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["JSON", "Options"]


@attrs.frozen
class Options:
    """How a result is written as json."""

    nan: str = option(
        default="null",
        choices=["null", "error"],
        help="What becomes of NaN and infinities, which JSON does not have: null, or the job fails.",
    )


class JSON(Format[Options]):
    """JSON text, for every language.

    UTF-8 without spaces, as RFC 8259 has it. What JSON does not know has to change (NaN becomes null, a tuple a list),
    and each change is counted on the report; what can't be told in it at all, such as bytes, is refused with its place.
    """

    media_type = "application/json"
    suffix = ".json"
    kinds = ANY
    examples = (
        Example("JSON; NaN becomes null.", format="json"),
        Example("JSON; fail rather than write null for NaN.", format={"type": "json", "nan": "error"}),
    )

    def preflight(self, options: Options, info: ResultInfo) -> Iterable[Problem | Note]:
        """A key that JSON does not have."""
        if info.other_key is not None:
            hint = "use str keys; msgpack keeps integers, pyarrow any"
            yield Problem("", f"keys are texts in JSON, and {info.other_key} is under another one ({hint})")

    def encode(self, result: Any, options: Options, sink: Sink) -> Mapping[str, Any]:
        """Write `result` as it is walked; an array in chunks of 65,536 elements."""
        from bourn_formats.json.encoder import JSONWriter  # orjson: on first use
        from bourn_formats.json.scalars import JSONOutput  # orjson: on first use
        from bourn_formats.visitor.visit import walk  # together with what follows

        out = JSONOutput(sink, strict=options.nan == "error")
        walk(result, JSONWriter(out))
        out.flush()
        return dict(out.report)
