"""Output of JSON text, and the scalars of Python and numpy as JSON (RFC 8259, section 6)."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
from typing import TYPE_CHECKING, Any

import orjson

from bourn_formats.visitor.moments import expand_year, iso_duration, iso_timedelta64, lost_zone
from bourn_formats.visitor.output import Output, Refusal
from bourn_formats.visitor.plain import LARGEST_EXACT
from bourn_formats.wording import zone_fault

if TYPE_CHECKING:
    import numpy as np
    from bourn.plugin import Sink

__all__ = ["CHUNK", "JSONOutput", "numpy_scalar", "scalar", "text"]

CHUNK = 64 << 10
"""Elements of an array that become text at a time: the fastest of sizes from 1,000 to all, with little memory."""

# Python refuses to write an int of more digits (sys.set_int_max_str_digits); libmpdec does not, and is faster.
_LONG_INT_BITS = 8192

_EXACT = frozenset({str, int, float})


class JSONOutput(Output):
    """Text on its way to a sink.

    Attributes
    ----------
    strict : bool
        Whether NaN and infinities are refused instead of becoming null.
    """

    def __init__(self, sink: Sink, *, strict: bool) -> None:
        super().__init__(sink)
        self.strict = strict

    def nested(self, sink: Sink) -> JSONOutput:
        """An output to another sink with the same rules, whose changes are counted here."""
        inner = JSONOutput(sink, strict=self.strict)
        inner.share_counts(self)
        return inner


def text(value: str) -> bytes:
    """A string in quotes.

    Raises
    ------
    Refusal
        It has lone surrogates, which are not Unicode text.
    """
    try:
        return orjson.dumps(value if type(value) is str else str.__str__(value))
    except orjson.JSONEncodeError as cause:
        msg = "a text with lone surrogates"
        raise Refusal(msg) from cause


def _integer(value: int, out: JSONOutput) -> bytes:
    out.count("digits", not -LARGEST_EXACT <= value <= LARGEST_EXACT)
    if value.bit_length() > _LONG_INT_BITS:
        return format(decimal.Decimal(value), "f").encode()
    return int.__repr__(value).encode()


def _float(value: float, out: JSONOutput) -> bytes:
    if math.isfinite(value):
        return orjson.dumps(float(value))
    if out.strict:
        raise Refusal(repr(float(value)))
    out.count("nan" if math.isnan(value) else "infinite")
    return b"null"


def scalar(value: Any, out: JSONOutput) -> bytes | None:  # noqa: PLR0911  # one a type
    """The text of a builtin scalar, or of an object of a class derived from one; None for anything else."""
    if value is None:
        return b"null"
    if value is True or value is False:
        return b"true" if value else b"false"
    if isinstance(value, str | int | float):
        if type(value) not in _EXACT:
            out.count("enum" if isinstance(value, enum.Enum) else "class")
        if isinstance(value, str):
            return text(value)
        return _integer(value, out) if isinstance(value, int) else _float(value, out)
    if isinstance(value, dt.datetime | dt.date | dt.time | dt.timedelta):
        return _moment(value, out)
    if isinstance(value, decimal.Decimal):
        return _decimal(value, out)
    return None


def _moment(value: Any, out: JSONOutput) -> bytes:
    """A date, a time, a moment or a duration in ISO 8601."""
    if value != value:  # noqa: PLR0124  # pandas' NaT
        out.count("nat")
        return b"null"
    if isinstance(value, dt.timedelta):
        out.count("duration")
        return orjson.dumps(iso_duration(value))
    written = expand_year(_iso(value), out)
    out.count("datetime")
    out.count("zone", lost_zone(value))
    return orjson.dumps(written)


def _decimal(value: decimal.Decimal, out: JSONOutput) -> bytes:
    """A number where a reader's float64 is the same number, else a text with all digits."""
    if not value.is_finite():
        return _float(float(value), out) if value.is_infinite() or not value.is_snan() else _float(math.nan, out)
    out.count("decimal")
    number = float(value)
    exact = math.isfinite(number) and decimal.Decimal(repr(number)) == value
    return format(value, "f").encode() if exact else b'"' + str(value).encode() + b'"'


def _iso(value: dt.datetime | dt.date | dt.time) -> str:
    try:
        return value.isoformat()
    except Exception as cause:  # a third party's time zone
        raise Refusal(zone_fault(getattr(value, "tzinfo", None), cause)) from cause


def numpy_scalar(value: np.generic, out: JSONOutput) -> bytes | None:  # noqa: PLR0911  # one a type
    """The text of a numpy scalar: a float32 in the fewest digits that give the same float32 again."""
    kind = value.dtype.kind
    if kind == "b":
        return b"true" if value else b"false"
    if kind in "iu":
        return _integer(int(value), out)
    if kind == "f" and value.dtype.itemsize <= 8:  # noqa: PLR2004  # bytes of a float64
        number = float(value)
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY) if math.isfinite(number) else _float(number, out)
    if kind == "U":
        return text(value)  # type: ignore[arg-type]  # a str, as its kind says
    if kind == "M":
        return _numpy_date(value, out)
    if kind == "m":
        return _numpy_duration(value, out)
    return None


def _numpy_date(value: np.generic, out: JSONOutput) -> bytes:
    written = str(value)
    if written == "NaT":
        out.count("nat")
        return b"null"
    out.count("datetime")
    return orjson.dumps(expand_year(written, out))


def _numpy_duration(value: np.generic, out: JSONOutput) -> bytes:
    written = iso_timedelta64(value)
    out.count("nat" if written is None else "duration")
    return b"null" if written is None else orjson.dumps(written)
