"""Writes the parts of a result as MessagePack: what is plain in large chunks, the rest value by value."""

from __future__ import annotations

import datetime as dt
import decimal
import sys
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgpack
import orjson

from bourn_formats.msgpack import scalars
from bourn_formats.msgpack.scalars import MsgPackOutput
from bourn_formats.visitor.objects import simplify
from bourn_formats.visitor.output import Refusal, VisitItems
from bourn_formats.visitor.visit import visit
from bourn_formats.wording import type_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from bourn.plugin import Sink

    from bourn_formats.visitor.output import Records

__all__ = ["encode"]

_SCALARS = (str, int, float, bytes, dt.datetime, dt.date, dt.time, decimal.Decimal)

_KEYS = frozenset({str, int, bytes})


FLOAT64 = 8
"""Bytes; the packer has a float of Python for no other one."""


def encode(result: Any, sink: Sink) -> Mapping[str, Any]:
    """Write `result`; return what was changed.

    Raises
    ------
    EncodeError
        Naming the path of what MessagePack does not have.
    """
    out = MsgPackOutput(sink)
    visit(result, MsgPackWriter(out))
    out.flush()
    return out.report()


def _keys_fit(items: list[Any] | dict[Any, Any]) -> bool:
    """Whether all keys within plain items are texts, bytes or integers."""
    try:
        # The quickest look at the keys of all levels, for the case that they are texts.
        orjson.dumps(items, default=_nothing, option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS)
    except orjson.JSONEncodeError:
        values: list[Any] = [items]
        while values:
            dicts = [value for value in values if type(value) is dict]
            if not set(map(type, chain.from_iterable(dicts))) <= _KEYS:
                return False
            lists = [value for value in values if type(value) is list or type(value) is tuple]
            values = [*chain.from_iterable(lists), *chain.from_iterable(inner.values() for inner in dicts)]
    return True


def _nothing(_value: Any) -> None:
    """In place of a value whose keys are looked at elsewhere."""


class MsgPackWriter:
    """Writes values as MessagePack.

    Parameters
    ----------
    out : MsgPackOutput
    """

    name = "msgpack"

    def __init__(self, out: MsgPackOutput) -> None:
        self._out = out
        self.count = out.count
        # Exact types only: all others are given to `_replaced`.
        self._strict = msgpack.Packer(strict_types=True, default=self._replaced)

    def locate(self, path: Callable[[], str]) -> None:
        """Set the function that gives the path of the current value."""
        self._out.locate(path)

    def none(self, kind: str) -> None:
        """Write nil, and count it."""
        self.count(kind)
        self._out.pack(None)

    def scalar(self, value: Any) -> bool:
        """Write one of Python's scalars."""
        return scalars.write_scalar(value, self._out)

    def numpy_scalar(self, value: np.generic) -> bool:
        """Write one of numpy's scalars."""
        return scalars.write_numpy(value, self._out)

    def array(self, value: np.ndarray[Any, Any]) -> bool:
        """Write an array as an extension, unless it has a mask, objects, or texts of several lengths."""
        kind = value.dtype.kind
        if isinstance(value, sys.modules["numpy"].ma.MaskedArray) or kind in "TO":
            return False
        from bourn_formats.msgpack.arrays import write_array  # numpy, which is loaded then

        write_array(value, self._out)
        return True

    def records(self, _records: Records) -> bool:
        """Have the rows of a table visited."""
        return False

    def simplify(self, value: Any) -> tuple[Any] | None:
        """A masked array as two arrays; texts of several lengths as nested lists."""
        numpy = sys.modules.get("numpy")
        if numpy is None or not isinstance(value, numpy.ndarray):
            return None
        if isinstance(value, numpy.ma.MaskedArray):
            self.count("masked_array")
            return ({"ndarray": value.data, "mask": numpy.ma.getmaskarray(value)},)
        self.count("objects" if value.dtype.kind == "O" else "texts")
        return (value.tolist(),)

    def begin_list(self, count: int) -> None:
        """The length, and nothing between and behind the items."""
        self._out.put(self._out.packer.pack_array_header(count))

    def begin_map(self, count: int) -> None:
        """The number of keys, and nothing between and behind them."""
        self._out.put(self._out.packer.pack_map_header(count))

    def chunk(self, items: list[Any] | dict[Any, Any], *, first: bool) -> int:  # nothing stands between
        """Write consecutive items at once."""
        packed = self._packed(items)
        if packed is None:
            return 0
        header = 1 if len(items) < 16 else 3  # noqa: PLR2004  # fixarray, fixmap; array 16, map 16
        self._out.put_view(memoryview(packed)[header:])
        return len(packed)

    def _packed(self, items: list[Any] | dict[Any, Any]) -> bytes | None:
        counts = self._out.counts.copy()
        self._out.known_only = True
        try:
            packed: bytes = self._strict.pack(items)
            if _keys_fit(items):
                return packed
        except (VisitItems, Refusal, TypeError, ValueError, OverflowError):
            pass  # an odd value, an int beyond 64 bits, a lone surrogate, a cycle: the visit of each item says where
        finally:
            self._out.known_only = False
        self._out.restore(counts)
        return None

    def _replaced(self, value: Any) -> Any:
        """A plain value in place of one that the packer does not know by its exact type."""
        kind = type(value)
        if kind is tuple:
            self.count("tuple")
            return list(value)
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, numpy.generic | numpy.ndarray):
            return self._numpy(value)
        if isinstance(value, _SCALARS):
            return scalars.plain_scalar(value, self._out)
        if isinstance(value, dict | list | tuple):
            raise VisitItems
        simpler = simplify(value, self._out)
        if simpler is None or not isinstance(simpler[0], dict | list | str | int | float | None):
            raise VisitItems
        if not _keys_fit([simpler[0]]):
            raise VisitItems
        return simpler[0]

    def _numpy(self, value: Any) -> Any:
        if value is sys.modules["numpy"].ma.masked:
            self.count("masked")
            return None
        kind, size = value.dtype.kind, value.dtype.itemsize
        is_array = isinstance(value, sys.modules["numpy"].ndarray)
        if is_array or kind not in "biufU" or (kind == "f" and size != FLOAT64):
            raise VisitItems
        return value.item()

    def key(self, key: Any) -> None:
        """Write a key: a text, bytes, or an integer of 64 bits."""
        is_int = isinstance(key, int) and not isinstance(key, bool) and scalars.is_short_int(key)
        if not (is_int or isinstance(key, str | bytes)):
            msg = f"a key of type {type_path(key)}" + (" beyond 64 bits" if type(key) is int else "")
            raise Refusal(msg)
        scalars.write_scalar(key, self._out)

    def between(self) -> None:
        """Nothing."""

    def end_list(self) -> None:
        """Nothing."""

    def end_map(self) -> None:
        """Nothing."""
