"""Output of JSON text, and the scalars of Python and numpy as JSON (RFC 8259, section 6)."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from typing import TYPE_CHECKING, Any

import orjson

from bourn_formats.visitor.output import FLUSHED, Output, Refusal
from bourn_formats.wording import zone_fault

if TYPE_CHECKING:
    import numpy as np
    from bourn.plugin import Sink

__all__ = ["JSONOutput", "numpy_scalar", "scalar", "text"]

# Python refuses to write an int of more digits (sys.set_int_max_str_digits); libmpdec does not, and is faster.
_LONG_INT_BITS = 8192


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

    def put_inner(self, text: bytes) -> None:
        """Write a list's text without its brackets; not copied if it is long."""
        if len(text) < FLUSHED:
            self.put(text[1:-1])
        else:
            self.pass_on(memoryview(text)[1:-1])


def text(value: str) -> bytes:
    """A string in quotes.

    Raises
    ------
    Refusal
        It has lone surrogates, which are no Unicode text.
    """
    try:
        return orjson.dumps(value if type(value) is str else str.__str__(value))
    except orjson.JSONEncodeError as cause:
        msg = "a text with lone surrogates"
        raise Refusal(msg) from cause


def _integer(value: int) -> bytes:
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
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _float(value, out)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        if value != value:  # noqa: PLR0124  # pandas' NaT
            out.count("nat")
            return b"null"
        out.count("datetime")
        return orjson.dumps(_iso(value))
    return None


def _iso(value: dt.datetime | dt.date | dt.time) -> str:
    try:
        return value.isoformat()
    except Exception as cause:  # a stranger's time zone
        raise Refusal(zone_fault(getattr(value, "tzinfo", None), cause)) from cause


def numpy_scalar(value: np.generic, out: JSONOutput) -> bytes | None:
    """The text of a numpy scalar: a float32 in the fewest digits that give the same float32 again."""
    kind = value.dtype.kind
    if kind == "b":
        return b"true" if value else b"false"
    if kind in "iu":
        return _integer(int(value))
    if kind == "f" and value.dtype.itemsize <= 8:  # noqa: PLR2004  # bytes of a float64
        number = float(value)
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY) if math.isfinite(number) else _float(number, out)
    if kind == "U":
        return text(value)  # type: ignore[arg-type]  # a str, as its kind says
    if kind == "M":
        return _numpy_date(value, out)
    return None


def _numpy_date(value: np.generic, out: JSONOutput) -> bytes:
    written = str(value)
    if written == "NaT":
        out.count("nat")
        return b"null"
    out.count("datetime")
    return orjson.dumps(written)
