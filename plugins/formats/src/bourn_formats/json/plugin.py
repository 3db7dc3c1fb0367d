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
duration      a duration became a text in ISO 8601, such as ``P1DT2H3M4.5S``
year          a year outside of 0 to 9999 has a sign and six digits, as in ``+010000-01-01``, which ISO 8601 allows
digits        an integer beyond 2^53 was written with all its digits; JavaScript and others round it as they read it
zone          the time zone of a time of day was left out, since its offset depends on the day
calendar      a date of another calendar than the Gregorian became a text, without its calendar
decimal       a Decimal became a number where float64 holds the same value, else a text; in a column always a text
text          a UUID, a path, an IP address, a period or an interval became a text
enum          a member of an Enum became its value
object        an object of dataclasses, attrs, pydantic or msgspec became a mapping of its fields
class         an object of a class derived from a builtin one, or a deque, became the plain value
geojson       an object with ``__geo_interface__`` became GeoJSON
crs           geometries in another CRS were brought to longitude and latitude, as RFC 7946 demands
antimeridian  a geometry that crosses the antimeridian was cut there, as RFC 7946 advises
measure       the M of a geometry's points was left out: the third number of a position is its altitude
ring          a LinearRing, which GeoJSON does not have, became a LineString
dims, coords  of an xarray object without a grid only the values were written; so with ``attrs`` and ``name``
extension     a value of an Arrow extension type became what it is stored as
index         the labels of a pandas table's rows were left out
labels        labels of columns that are not texts became texts
columns       the names of the columns of a table without rows were left out
metadata      metadata of an Arrow schema were left out
bandinfo      what is known of that many bands of an image was left out
============  ============================================================================================

Under ``first`` is the path of the first change of each kind.

An array is nested lists; float16 and float32 are written in the fewest digits that give the same float32 again,
integers of any size exactly. A table is a list of records, an image
``{"ndarray", "mask", "bands", "geobox": {"crs", "transform", "shape"}, "properties"}``. Refused with their path: bytes,
sets, complex numbers, keys that are not texts, texts with lone surrogates, containers that contain themselves, any
object not named here; of Arrow, intervals of months, days and nanoseconds.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import attrs
from bourn.plugin import ANY, Example, Format, Note, Problem, ResultInfo, Sink, option

from bourn_formats.losses import JSON_LOSSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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
    and each change is counted on the report; what it can't hold at all, such as bytes, is refused with its place.
    """

    media_type = "application/json"
    suffix = ".json"
    kinds = ANY
    losses = JSON_LOSSES
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
        """Write `result` in pieces, so that its text is never whole in memory."""
        return _encoder()(result, sink, strict=options.nan == "error")


@functools.cache
def _encoder() -> Callable[..., Mapping[str, Any]]:
    from bourn_formats.json.encoder import encode  # orjson: on first use

    return encode
