"""Output of MessagePack, and Python's and numpy's scalars as MessagePack; https://github.com/msgpack/msgpack/blob/master/spec.md."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import struct
import sys
from typing import TYPE_CHECKING, Any

import msgpack

from bourn_formats.visitor.moments import lost_zone
from bourn_formats.visitor.output import FLUSHED, Output, Refusal, VisitItems
from bourn_formats.wording import zone_fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from bourn.plugin import Sink

__all__ = [
    "INTEGER",
    "LARGEST",
    "MsgPackOutput",
    "is_short_int",
    "plain_scalar",
    "write_numpy",
    "write_scalar",
    "write_text",
]

INTEGER = 2
"""The extension's type of an integer beyond 64 bits."""

_EXACT = frozenset({str, int, float, bytes})

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  # offsets are subtracted by hand


LARGEST = 2**32 - 1
"""Bytes of a text or of an extension: MessagePack counts them in 32 bits."""


class MsgPackOutput(Output):
    """MessagePack on its way to a sink.

    Attributes
    ----------
    packer : msgpack.Packer
        Makes the bytes of what is short.
    """

    def __init__(self, sink: Sink) -> None:
        super().__init__(sink)
        self.packer = msgpack.Packer()

    def pack(self, value: Any) -> None:
        """Write a value that MessagePack has itself."""
        self.put(self.packer.pack(value))

    def long(self, what: str, tag: int, data: Any) -> None:
        """Write a text or bytes, whose `tag` is that of 32 bits."""
        size = self._checked(what, len(data))
        self.put(struct.pack(">BI", tag, size))
        self._pass_on(size, (data,))

    def extension(self, what: str, code: int, head: bytes, size: int, pieces: Iterable[Any]) -> None:
        """Write an extension of the type `code`: `head`, and `size` bytes in pieces."""
        length = self._checked(what, len(head) + size)
        if length <= FLUSHED:
            self.put(bytes(self.packer.pack_ext_type(code, head + b"".join(map(bytes, pieces)))))
        else:
            # ext 32: the size in four bytes, then the type.
            self.put(struct.pack(">BIb", 0xC9, length, code) + head)
            self._pass_on(size, pieces)

    def _pass_on(self, size: int, pieces: Iterable[Any]) -> None:
        for piece in pieces:
            if size > FLUSHED:
                self.pass_on(piece)
            else:
                self.put(bytes(piece))

    def _checked(self, what: str, size: int) -> int:
        if size > LARGEST:
            msg = f"{what} of {size:,} bytes"
            raise Refusal(msg, hint=", which counts no more than 4 GiB in one piece; pyarrow does")
        return size


def is_short_int(value: int) -> bool:
    """Whether MessagePack itself has it."""
    return -(2**63) <= value < 2**64


def write_text(value: str, out: MsgPackOutput) -> None:
    """Write a string.

    Raises
    ------
    Refusal
        It has lone surrogates, which are not Unicode text; or it is too long.
    """
    try:
        data = str.encode(value)
    except UnicodeEncodeError as cause:
        msg = "a text with lone surrogates"
        raise Refusal(msg) from cause
    if len(data) <= FLUSHED:
        out.pack(str.__str__(value))
    else:
        out.long("a text", 0xDB, data)


def _write_bytes(value: bytes | bytearray, out: MsgPackOutput) -> None:
    if len(value) <= FLUSHED:
        out.pack(bytes(value))
    else:
        out.long("bytes", 0xC6, value)


def _write_int(value: int, out: MsgPackOutput) -> None:
    if is_short_int(value):
        out.pack(int(value))
        return
    size = (value.bit_length() + 8) // 8  # one bit for the sign
    out.extension("an int", INTEGER, b"", size, (value.to_bytes(size, "big", signed=True),))


def write_scalar(value: Any, out: MsgPackOutput) -> bool:
    """Write a builtin scalar, or an object of a class derived from one; False for anything else."""
    if value is None or value is True or value is False:
        out.pack(value)
    elif isinstance(value, str | int | float | bytes | bytearray):
        if type(value) not in _EXACT:
            out.count("enum" if isinstance(value, enum.Enum) else "class")
        _write_builtin(value, out)
    elif isinstance(value, dt.datetime | dt.date | dt.time | decimal.Decimal):
        out.pack(plain_scalar(value, out))
    elif isinstance(value, dt.timedelta):
        _write_duration(value, out)
    elif isinstance(value, complex):
        import numpy as np  # only where a number is complex

        return write_numpy(np.complex128(value), out)
    else:
        return False
    return True


def _write_builtin(value: Any, out: MsgPackOutput) -> None:
    if isinstance(value, str):
        write_text(value, out)
    elif isinstance(value, int):
        _write_int(value, out)
    elif isinstance(value, float):
        out.pack(float(value))
    else:
        _write_bytes(value, out)


def plain_scalar(value: Any, out: MsgPackOutput) -> Any:
    """What the packer has in place of a moment, a Decimal, or a scalar of a derived class.

    Raises
    ------
    VisitItems
        The packer has nothing for such a value.
    """
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return _plain_time(value, out)
    if isinstance(value, decimal.Decimal):
        out.count("decimal")
        return str(value)
    base = next((base for base in (str, int, float, bytes) if isinstance(value, base)), None)
    if base is None or type(value) in _EXACT or isinstance(value, enum.Enum):
        raise VisitItems
    out.count("class")
    return base.__str__(value) if base is str else base(value)


def _plain_time(value: Any, out: MsgPackOutput) -> Any:
    """A moment as a timestamp; what is none, since its time zone or its day is not known, as ISO 8601."""
    if value != value:  # noqa: PLR0124  # pandas' NaT
        out.count("nat")
        return None
    try:
        offset = value.utcoffset() if isinstance(value, dt.datetime) else None
        text = value.isoformat() if offset is None else None
    except Exception as cause:  # of a third-party time zone
        raise Refusal(zone_fault(value.tzinfo, cause)) from cause
    if offset is None:
        out.count("datetime")
        out.count("zone", lost_zone(value))
        return text
    out.count("zone", bool(offset))
    if not dt.MINYEAR <= value.year <= dt.MAXYEAR:  # a moment of pandas, in UTC and one of these units
        per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[value.unit]
        seconds, rest = divmod(int(value.asm8.view("i8")), per_second)
        return msgpack.Timestamp(seconds, rest * (10**9 // per_second))
    # By hand: the difference of two aware datetimes of one zone ignores `fold`, and pandas has limits.
    parts = value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond
    since = dt.datetime(*parts) - _EPOCH - offset  # noqa: DTZ001  # the offset is subtracted here
    nanoseconds = since.microseconds * 1000 + getattr(value, "nanosecond", 0)
    return msgpack.Timestamp(since.days * 86400 + since.seconds, nanoseconds)


def _write_duration(value: dt.timedelta, out: MsgPackOutput) -> None:
    import numpy as np  # only where there is a duration

    # pandas' own knows its nanoseconds.
    exact = getattr(type(value), "to_timedelta64", None)
    if exact is None and abs(value // dt.timedelta(microseconds=1)) >= 2**63:  # numpy would wrap around
        msg = "a duration of more than 2^63 microseconds"
        raise Refusal(msg)
    write_numpy(np.timedelta64(value, "us") if exact is None else exact(value), out)


def write_numpy(value: np.generic, out: MsgPackOutput) -> bool:
    """Write a numpy scalar: what MessagePack has no type for is an array without dimensions."""
    kind, width = value.dtype.kind, value.dtype.itemsize
    if kind == "b":
        out.pack(bool(value))
    elif kind in "iu":
        out.pack(int(value))
    elif kind == "f" and width == 8:  # noqa: PLR2004  # bytes of a float64
        out.pack(float(value))
    elif kind == "f" and width < 8:  # noqa: PLR2004  # the same
        # float 32, which holds a float16 too.
        out.put(struct.pack(">Bf", 0xCA, float(value)))
    elif kind == "U":
        write_text(str(value), out)
    elif kind == "S":
        _write_bytes(bytes(value), out)  # type: ignore[call-overload]  # a bytes, as its kind says
    elif kind in "cmMV":
        from bourn_formats.msgpack.arrays import write_array  # numpy is loaded

        write_array(sys.modules["numpy"].asarray(value), out)
        out.count("scalar")
    else:
        return False
    return True
