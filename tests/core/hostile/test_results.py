"""Every kind of bad result is refused with its path, before or after it is computed; nothing is guessed or dropped."""

import array
import collections
import datetime as dt
import enum
import fractions
import functools
import io
import math
import re
import sys
import threading
import types

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xarray as xr
from bourn import errors


class Colour(enum.Enum):
    RED = 1


class Texts(dict):
    pass


class Hostile:
    """Whatever is asked of it ends the process."""

    def __getattr__(self, name):
        raise SystemExit(name)

    def __repr__(self):
        raise SystemExit

    __hash__ = None
    __eq__ = __len__ = __iter__ = __array__ = __reduce__ = __repr__


class Places:
    """Features that say nothing of use."""

    def __init__(self, message_of):
        self.message_of = message_of

    @property
    def __geo_interface__(self):
        return self.message_of[0] if self.message_of else self.message_of.secret


class Zone(dt.tzinfo):
    """Knows nothing."""


class Capsule:
    def __arrow_c_stream__(self, requested_schema=None):
        return 5


def deep(levels):
    tree = []
    for _ in range(levels):
        tree = [tree]
    return tree


def cyclic():
    inner = {"type": "Feature"}
    inner["a"] = [inner]
    return inner


Pair = collections.namedtuple("Pair", "x")  # noqa: PYI024  # the class that a caller has

# What is said of a result of that type, and of one inside another.
TYPES = {
    "ellipsis": (lambda: ..., "an object of type ellipsis can't be sent"),
    "fraction": (
        lambda: fractions.Fraction(1, 3),
        "an object of type fractions.Fraction can't be sent; use float() or str()",
    ),
    "subclass of dict": (Texts, "an object of type {here}.Texts can't be sent; make a plain dict of it"),
    "generator": (lambda: (n for n in [1]), "an object of type generator can't be sent; make a list of it"),
    "range": (lambda: range(3), "an object of type range can't be sent; make a list of it"),
    "map": (lambda: map(str, []), "an object of type map can't be sent; make a list of it"),
    "zip": (zip, "an object of type zip can't be sent; make a list of it"),
    "file": (lambda: io.BytesIO(b"x"), "an object of type _io.BytesIO can't be sent; read it, and send what it holds"),
    "text file": (
        lambda: io.StringIO("x"),
        "an object of type _io.StringIO can't be sent; read it, and send what it holds",
    ),
    "memoryview": (lambda: memoryview(b"x"), "an object of type memoryview can't be sent; use bytes()"),
    "bytearray": (lambda: bytearray(b"x"), "an object of type bytearray can't be sent; use bytes()"),
    "array.array": (lambda: array.array("d", [1.0]), "an object of type array.array can't be sent"),
    "module": (lambda: sys, "an object of type module can't be sent"),
    "class": (lambda: int, "the class int is a class, not a result"),
    "lock": (threading.Lock, "an object of type _thread.lock can't be sent"),
    "pattern": (lambda: re.compile("x"), "an object of type re.Pattern can't be sent"),
    "exception": (lambda: ValueError("secret"), "an object of type ValueError can't be sent"),
    "object": (object, "an object of type object can't be sent"),
    "hostile": (Hostile, "an object of type {here}.Hostile can't be sent"),
    "mapping proxy": (lambda: types.MappingProxyType({}), "an object of type mappingproxy can't be sent"),
    "numpy dtype": (lambda: np.dtype("f8"), "an object of type numpy.dtypes.Float64DType can't be sent"),
    "arrow reader": (
        lambda: pa.table({"a": [1]}).to_reader(),
        "an object of type pyarrow.lib.RecordBatchReader can't be sent; use its read_all()",
    ),
    "xarray variable": (lambda: xr.Variable("x", [1]), "an object of type xarray.Variable can't be sent"),
}

PARTS = {
    "hostile inside": (lambda: {"a": [Hostile()]}, 'result["a"][0]: an object of type {here}.Hostile can\'t be sent'),
    "callable inside": (
        lambda: [functools.partial(int)],
        "result[0]: an object of type functools.partial can't be sent",
    ),
    "generator inside": (
        lambda: {"a": (n for n in [1])},
        'result["a"]: an object of type generator can\'t be sent; make a list of it',
    ),
    "enum as a key": (
        lambda: {Colour.RED: 1},
        "format: result key [an object of type {here}.Colour]: an object of type {here}.Colour can't be written as pyarrow, which gives back the classes of known libraries only (use its .value)",
    ),
    "object as a key": (
        lambda: {object(): 1},
        "result key [an object of type builtins.object]: an object of type object can't be sent",
    ),
    "cycle": (cyclic, 'result["a"][0]: contains itself'),
    "10,000 deep": (
        lambda: deep(10_000),
        "result[0][0][0][0][0][0][0][0][0][0][…][0][0][0][0][0][0][0][0][0][0]: is more than 1000 levels deep",
    ),
    "1,001 deep": (
        lambda: deep(1001),
        "result[0][0][0][0][0][0][0][0][0][0][…][0][0][0][0][0][0][0][0][0][0]: is more than 1000 levels deep",
    ),
    "objects in fields": (
        lambda: np.zeros(1, [("a", "O")]),
        "result: an array whose fields hold objects can't be sent; convert them, such as with astype",
    ),
    "record array": (
        lambda: np.rec.array([(1,)], dtype=[("a", "i4")]),
        "result: an object of type numpy.rec.recarray can't be sent; use numpy.asarray() on it",
    ),
    "several": (
        lambda: [object(), {"a": range(2)}, (Colour.RED,)],
        "2 problems in the request:\n  result[0]       an object of type object can't be sent\n  result[1][\"a\"]  an object of type range can't be sent; make a list of it",
    ),
}

# By format; the message ends as the format's name says.
WRITTEN = {
    "NaN as a key as msgpack": (
        lambda: {math.nan: 1},
        "msgpack",
        "result[nan]: a key of type float can't be written as msgpack",
    ),
    "surrogate as json": (lambda: "\ud800", "json", "result: a text with lone surrogates can't be written as json"),
    "surrogate as msgpack": (
        lambda: "\ud800",
        "msgpack",
        "result: a text with lone surrogates can't be written as msgpack",
    ),
    "surrogate in a list as json": (
        lambda: ["a", ["\ud800"]],
        "json",
        "result[1][0]: a text with lone surrogates can't be written as json",
    ),
    "surrogate in a list as msgpack": (
        lambda: ["a", ["\ud800"]],
        "msgpack",
        "result[1][0]: a text with lone surrogates can't be written as msgpack",
    ),
    "surrogate as a key as json": (
        lambda: {"\ud800": 1},
        "json",
        'result["\\ud800"]: a text with lone surrogates can\'t be written as json',
    ),
    "surrogate as a key as msgpack": (
        lambda: {"\ud800": 1},
        "msgpack",
        'result["\\ud800"]: a text with lone surrogates can\'t be written as msgpack',
    ),
    "surrogate in an array as json": (
        lambda: np.array(["\ud800"]),
        "json",
        "result: an array of texts with lone surrogates can't be written as json",
    ),
    "bytes as json": (
        lambda: {"a": [b"\xff"]},
        "json",
        'result["a"][0]: an object of type bytes can\'t be written as json',
    ),
    "set as json": (
        lambda: [{1, 2}],
        "json",
        "result[0]: an object of type set (it has no order: make a sorted list of it) can't be written as json",
    ),
    "set as msgpack": (
        lambda: [{1, 2}],
        "msgpack",
        "result[0]: an object of type set (it has no order: make a sorted list of it) can't be written as msgpack",
    ),
    "frozen set as json": (
        lambda: frozenset({1}),
        "json",
        "result: an object of type frozenset (it has no order: make a sorted list of it) can't be written as json",
    ),
    "frozen set as msgpack": (
        lambda: frozenset({1}),
        "msgpack",
        "result: an object of type frozenset (it has no order: make a sorted list of it) can't be written as msgpack",
    ),
    "complex as json": (lambda: [1j], "json", "result[0]: an object of type complex can't be written as json"),
    "complex array as json": (
        lambda: np.ones(2, "c8"),
        "json",
        "result: an array of dtype complex64 can't be written as json",
    ),
    "longest duration as msgpack": (
        lambda: [dt.timedelta.max],
        "msgpack",
        "result[0]: a duration of more than 2^63 microseconds can't be written as msgpack",
    ),
    "key None as msgpack": (
        lambda: {None: 2},
        "msgpack",
        "result[None]: a key of type NoneType can't be written as msgpack",
    ),
    "key bool as msgpack": (
        lambda: {True: 2},
        "msgpack",
        "result[True]: a key of type bool can't be written as msgpack",
    ),
    "key tuple as msgpack": (
        lambda: {(1, 2): 2},
        "msgpack",
        "result[<key 0>]: a key of type tuple can't be written as msgpack",
    ),
    "key of 65 bits as msgpack": (
        lambda: {2**64: 2},
        "msgpack",
        "result[<key 0>]: a key of type int beyond 64 bits can't be written as msgpack",
    ),
    "fields as json": (
        lambda: {"a": np.zeros(2, [("a", "i4")])},
        "json",
        "result[\"a\"]: an array of dtype [('a', '<i4')] can't be written as json",
    ),
    "fields as msgpack": (
        lambda: {"a": np.zeros(2, [("a", "i4")])},
        "msgpack",
        "result[\"a\"]: an array of dtype [('a', '<i4')] can't be written as msgpack",
    ),
    "raw as json": (lambda: np.void(b"ab"), "json", "result: an object of type numpy.void can't be written as json"),
    "byte strings as json": (
        lambda: np.array([b"a"]),
        "json",
        "result: an array of dtype |S1 can't be written as json",
    ),
    "long double as json": (
        lambda: np.longdouble(1),
        "json",
        "result: an object of type numpy.longdouble can't be written as json",
    ),
    "long double as msgpack": (
        lambda: np.longdouble(1),
        "msgpack",
        "result: an object of type numpy.longdouble can't be written as msgpack",
    ),
    "long complex as json": (
        lambda: np.ones(2, np.clongdouble),
        "json",
        "result: an array of dtype complex256 can't be written as json",
    ),
    "long complex as msgpack": (
        lambda: np.ones(2, np.clongdouble),
        "msgpack",
        "result: an array of dtype complex256 can't be written as msgpack",
    ),
    "key 300 deep as msgpack": (
        lambda: {functools.reduce(lambda key, _: (key,), range(300), ()): 1},
        "msgpack",
        "result[<key 0>]: a key of type tuple can't be written as msgpack",
    ),
    "key 300 deep as pyarrow": (
        lambda: {functools.reduce(lambda key, _: (key,), range(300), ()): 1},
        "pyarrow",
        "result[<key 0>][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: what is nested more than 200 levels deep can't be written as pyarrow",
    ),
    "another time zone as json": (
        lambda: [dt.datetime(2020, 1, 1, tzinfo=Zone())],
        "json",
        "result[0]: a moment in a time zone of type {here}.Zone, which raises NotImplementedError, can't be written as json",
    ),
    "another time zone as msgpack": (
        lambda: [dt.datetime(2020, 1, 1, tzinfo=Zone())],
        "msgpack",
        "result[0]: a moment in a time zone of type {here}.Zone, which raises NotImplementedError, can't be written as msgpack",
    ),
    "another time zone as pyarrow": (
        lambda: [dt.datetime(2020, 1, 1, tzinfo=Zone())],
        "pyarrow",
        "result[0]: a time zone of type {here}.Zone (astimezone() with a ZoneInfo) can't be written as pyarrow",
    ),
    "columns of one name as json": (
        lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]),
        "json",
        "result: a DataFrame with two columns of the name 'a' can't be written as json (set .columns to names that differ)",
    ),
    "columns of one name as msgpack": (
        lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]),
        "msgpack",
        "result: a DataFrame with two columns of the name 'a' can't be written as msgpack (set .columns to names that differ)",
    ),
    "sparse column as pyarrow": (
        lambda: pd.DataFrame({"p": pd.arrays.SparseArray([0, 1])}),
        "pyarrow",
        'result["p"]: values of dtype Sparse[int64, 0] (.sparse.to_dense() gives others) can\'t be written as pyarrow',
    ),
    "arrow columns of one name as json": (
        lambda: pa.table([[1], [2]], names=["a", "a"]),
        "json",
        "result: a table with two columns of the name 'a' can't be written as json (use rename_columns())",
    ),
    "arrow columns of one name as msgpack": (
        lambda: pa.table([[1], [2]], names=["a", "a"]),
        "msgpack",
        "result: a table with two columns of the name 'a' can't be written as msgpack (use rename_columns())",
    ),
    "bytes in a table as json": (
        lambda: pa.table({"d": [b"x"]}),
        "json",
        'result[0]["d"]: an object of type bytes can\'t be written as json',
    ),
    "features that raise as json": (
        lambda: [Places(())],
        "json",
        "result[0]: an object of type {here}.Places, whose __geo_interface__ raises AttributeError, can't be written as json",
    ),
    "features that raise as msgpack": (
        lambda: [Places(())],
        "msgpack",
        "result[0]: an object of type {here}.Places, whose __geo_interface__ raises AttributeError, can't be written as msgpack",
    ),
    "features that raise as pyarrow": (
        lambda: [Places(())],
        "pyarrow",
        "result[0]: an object of type {here}.Places, whose __geo_interface__ raises AttributeError, can't be written as pyarrow",
    ),
    "features that are a number as json": (
        lambda: Places([5]),
        "json",
        "result: an object of type {here}.Places, whose __geo_interface__ is no mapping with a type, can't be written as json",
    ),
    "features that are a number as msgpack": (
        lambda: Places([5]),
        "msgpack",
        "result: an object of type {here}.Places, whose __geo_interface__ is no mapping with a type, can't be written as msgpack",
    ),
    "features that are a number as pyarrow": (
        lambda: Places([5]),
        "pyarrow",
        "result: an object of type {here}.Places, whose __geo_interface__ is no mapping with a type, can't be written as pyarrow",
    ),
    "features without a type as json": (
        lambda: Places([{}]),
        "json",
        "result: an object of type {here}.Places, whose __geo_interface__ is no mapping with a type, can't be written as json",
    ),
    "features without a type as msgpack": (
        lambda: Places([{}]),
        "msgpack",
        "result: an object of type {here}.Places, whose __geo_interface__ is no mapping with a type, can't be written as msgpack",
    ),
    "features without a type as pyarrow": (
        lambda: Places([{}]),
        "pyarrow",
        "result: an object of type {here}.Places, whose __geo_interface__ is no mapping with a type, can't be written as pyarrow",
    ),
    "features in themselves as json": (
        lambda: Places([cyclic()]),
        "json",
        "result: an object of type {here}.Places, whose __geo_interface__ raises RecursionError, can't be written as json",
    ),
    "features in themselves as msgpack": (
        lambda: Places([cyclic()]),
        "msgpack",
        "result: an object of type {here}.Places, whose __geo_interface__ raises RecursionError, can't be written as msgpack",
    ),
    "features in themselves as pyarrow": (
        lambda: Places([cyclic()]),
        "pyarrow",
        "result: an object of type {here}.Places, whose __geo_interface__ raises RecursionError, can't be written as pyarrow",
    ),
    "a capsule that is none as json": (
        Capsule,
        "json",
        "result: an object of type {here}.Capsule, whose __arrow_c_stream__ raises ValueError, can't be written as json",
    ),
    "a capsule that is none as msgpack": (
        Capsule,
        "msgpack",
        "result: an object of type {here}.Capsule, whose __arrow_c_stream__ raises ValueError, can't be written as msgpack",
    ),
    "a capsule that is none as pyarrow": (
        Capsule,
        "pyarrow",
        "result: an object of type {here}.Capsule, whose __arrow_c_stream__ raises ValueError, can't be written as pyarrow",
    ),
    "objects as attributes as pyarrow": (
        lambda: xr.DataArray([1], attrs={"o": object()}),
        "pyarrow",
        'result.attrs["o"]: an object of type object can\'t be written as pyarrow',
    ),
}

CALLED = {
    "raises": (
        lambda: 1 // 0,
        "json",
        errors.JobFailed,
        "computing the result failed: ZeroDivisionError: integer division or modulo by zero",
    ),
    "exits": (lambda: sys.exit(3), "json", errors.JobFailed, "computing the result failed: SystemExit: 3"),
    "gives a callable": (
        lambda: lambda: 1,
        "json",
        errors.ResultRefused,
        "the callable gave no result but another callable: an object of type function can't be sent",
    ),
    "gives a generator": (
        lambda: (n for n in [1]),
        "json",
        errors.ResultRefused,
        "an object of type generator can't be sent; make a list of it. What can be sent: plain values (None, bool, int, float, complex, str, bytes, dates and times, and lists, tuples, dicts and sets of them), Decimal, UUID, paths, enums, named tuples, objects of dataclasses, attrs and pydantic, numpy and dask arrays, bourn.Image, xarray objects, pyarrow, pandas and polars tables and their scalars, objects with __geo_interface__ or __arrow_c_stream__, and what is still to be computed: dask collections and callables.",
    ),
    "gives objects": (
        lambda: [object()],
        "json",
        errors.ResultRefused,
        "result[0]: an object of type object can't be sent",
    ),
    "gives itself": (cyclic, "json", errors.ResultRefused, 'result["a"][0]: contains itself'),
    "gives no image": (
        lambda: 2,
        "geotiff",
        errors.ResultRefused,
        "result: 'download' with 'geotiff' takes image; this is value (int). Formats that fit: json, msgpack, pyarrow",
    ),
}


def message_of(caught):
    message = str(caught.value)
    assert len(message) <= 2000
    assert all(character == "\n" or character.isprintable() for character in message)
    assert "secret" not in message
    return message


@pytest.mark.parametrize("name", TYPES)
def test_a_result_of_a_type_that_can_not_be_sent(session, home, name):
    make, message = TYPES[name]
    message = message.replace("{here}", __name__)
    with pytest.raises(errors.RequestTypeError) as caught:
        session.plan(make())
    assert message == message_of(caught).partition(". What can be sent: ")[0]
    with pytest.raises(errors.RequestError) as caught:
        session.plan({"a": (0, make())})
    assert f'result["a"][1]: {message}' == message_of(caught)
    assert not home.exists()


@pytest.mark.parametrize("name", PARTS)
def test_parts_that_can_not_be_sent(session, home, name):
    make, message = PARTS[name]
    with pytest.raises(errors.RequestError) as caught:
        session.plan(make())
    assert message.replace("{here}", __name__) == message_of(caught)
    assert not home.exists()


@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_format_does_not_hold_leaves_nothing(session, name):
    make, written, message = WRITTEN[name]
    with pytest.raises(errors.EncodeError) as caught:
        session.compute(make(), format=written)
    assert message.replace("{here}", __name__) == message_of(caught)
    assert list(session.store.keys()) == []


@pytest.mark.parametrize("name", CALLED)
def test_what_a_callable_gives_is_checked_when_it_has(session, name):
    function, written, error_type, message = CALLED[name]
    with pytest.raises(errors.JobFailed) as caught:
        session.compute(function, format=written)
    assert (error_type, message) == (type(caught.value), message_of(caught))
    assert list(session.store.keys()) == []
