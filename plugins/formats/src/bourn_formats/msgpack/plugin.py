"""The format msgpack: a result as MessagePack, arrays as they lie in memory; for every language.

The bytes are one value by https://github.com/msgpack/msgpack/blob/master/spec.md: nil, bool, int, float 32 and 64, str,
bin, array, map, its timestamps, and two extension types of ours.

Extension type 1, an array; its bytes, one after the other:

=========  =====================================================================================================
bytes      meaning
=========  =====================================================================================================
1          n, the number of bytes of the next field
n          what an element is, in ASCII: ``<`` or ``>`` for the byte order (``|`` where there is none), a letter and
           the bytes of an element: ``b`` bool (0, 1), ``i`` and ``u`` integers, ``f`` IEEE 754 floats, ``c`` complex
           numbers (two floats), ``S`` bytes filled up with zeros, ``V`` any bytes; ``U`` UTF-32 texts filled up with
           zeros, with the number of characters; ``M8[unit]`` moments since 1970 and ``m8[unit]`` durations, int64 in
           that unit (without one, if they have none), -2^63 for none. So ``<f4``, ``|b1``, ``<M8[ns]``
1          the order of the elements: ``C`` (0x43) if the last index runs fastest, ``F`` (0x46) if the first does
1          d, the number of dimensions, 0 to 64
8 d        the length of each dimension, unsigned, the highest byte first
the rest   the elements, without gaps
=========  =====================================================================================================

Extension type 2, an integer beyond 64 bits: two's complement, the highest byte first.

An image is ``{"ndarray", "mask", "bands", "geobox": {"crs", "transform", "shape"}, "properties"}``, ndarray and mask
being arrays (ndarray a list of them where bands are of unlike types); a table is a list of records, features are
GeoJSON. Bytes, NaN, infinities, and all keys that are texts, bytes or integers of 64 bits stand as they are; a numpy
scalar as the number that it is, a float16 or float32 as float 32. A moment with a time zone is a timestamp. What has to
change is counted on the report, by these names:

============  ============================================================================================
masked_array  a masked array became ``{"ndarray", "mask"}``, without its fill value
masked        numpy's masked constant became nil
texts         an array of texts of several lengths became nested lists
objects       an array of objects became nested lists
scalar        a complex number or a duration, and numpy's moments, became an array without dimensions
zone          a moment in another time zone than UTC became a timestamp, which is in UTC; or the zone of a time of
              day was left out, since its offset depends on the day
datetime      a date, a time, or a moment without a time zone became a text in ISO 8601
calendar      a date of another calendar than the Gregorian became a text, without its calendar
nat           pandas' NaT became nil
missing       a missing value of a pandas or geopandas table became nil
tuple         a tuple became a list
decimal       a Decimal became a text
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

Refused with their path: sets, texts with lone surrogates, other keys, arrays with fields or extended floats, what has
more than 4 GiB in one piece, containers that contain themselves, any object not named
here; of Arrow, intervals of months, days and nanoseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.plugin import ANY, Example, Format, NoOptions, Sink

from bourn_formats.losses import MSGPACK_LOSSES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MsgPack"]


class MsgPack(Format[NoOptions]):
    """MessagePack, for every language, with arrays as raw bytes.

    Smaller and faster than JSON, and it holds bytes and NaN as they are. Arrays are in an extension type that a dozen
    lines read in any language.
    """

    media_type = "application/vnd.msgpack"
    suffix = ".msgpack"
    kinds = ANY
    losses = MSGPACK_LOSSES
    examples = (Example("MessagePack; arrays as raw bytes.", format="msgpack"),)

    def encode(self, result: Any, options: NoOptions, sink: Sink) -> Mapping[str, Any]:
        """Write `result` in pieces; an array from its own memory."""
        from bourn_formats.msgpack.encoder import encode  # msgpack: on first use

        return encode(result, sink)
