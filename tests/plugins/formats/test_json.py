"""JSON is RFC 8259, whatever the result; what it changes is counted, what it does not have is refused."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import io
import ipaddress
import json
import math
import pathlib
import subprocess
import sys
import textwrap
import typing
import uuid
import zoneinfo

import attrs
import cftime
import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pydantic
import pytest
import xarray as xr
from affine import Affine
from bourn.plugin import EncodeError, Image
from bourn_formats.json import JSON, Options
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from odc.geo.geobox import GeoBox


def written(obj, nan="null"):
    sink = io.BytesIO()
    report = dict(JSON().encode(obj, Options(nan=nan), sink))
    report.pop("first", None)
    return sink.getvalue(), report


def text(obj):
    return written(obj)[0]


def refuse_constant(name):
    raise AssertionError(name)


def parsed(obj):
    return json.loads(text(obj), parse_constant=refuse_constant)


class Colour(enum.IntEnum):
    RED = 1


class Mode(enum.Enum):
    FAST = "fast"


class Text(str):
    """A class derived from a builtin."""

    __slots__ = ()


class Pair(typing.NamedTuple):
    a: int
    b: int


@dataclasses.dataclass
class Record:
    a: int


@attrs.frozen
class Frozen:
    a: int


class Model(pydantic.BaseModel):
    a: int


def with_attrs():
    frame = pd.DataFrame({"a": [1]}).rename_axis(columns="c").rename_axis("i")
    frame.attrs = {"source": "s"}
    return frame


class Features:
    """Anything with the protocol."""

    @property
    def __geo_interface__(self):
        return {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1.0, 2.0]}, "properties": None}


EXACT = {
    "int": (2, b"2"),
    "mapping": ({"a": 1, "b": [True, None]}, b'{"a":1,"b":[true,null]}'),
    "empty": ([[], {}], b"[[],{}]"),
    "no space, no escape": ("ü\u2028/", '"ü\u2028/"'.encode()),
    "control": ('\x00\n"\\', b'"\\u0000\\n\\"\\\\"'),
    "big": (2**64, b"18446744073709551616"),
    "negative big": (-(10**30), b"-1000000000000000000000000000000"),
    "big in a long list": ([1] * 9 + [2**70], b"[1,1,1,1,1,1,1,1,1,1180591620717411303424]"),
    "float": ([0.1, -0.0, 1e22, 5e-324, 1.0], b"[0.1,-0.0,1e+22,5e-324,1.0]"),
    "float32": (np.array([0.1, 16777216], "f4"), b"[0.1,16777216.0]"),
    "float16": (np.float16(0.1), b"0.099975586"),
    "nested": (np.arange(6).reshape(2, 3), b"[[0,1,2],[3,4,5]]"),
    "turned": (np.arange(6).reshape(2, 3).T, b"[[0,3],[1,4],[2,5]]"),
    "big endian": (np.array([1, 2], ">i2"), b"[1,2]"),
    "zero-d": (np.array(5.0), b"5.0"),
    "zero-size": (np.zeros((2, 0)), b"[[],[]]"),
    "bool array": (np.array([True, False]), b"[true,false]"),
    "uint64": (np.array([2**64 - 1], "u8"), b"[18446744073709551615]"),
    "int64": (np.array([-(2**63)]), b"[-9223372036854775808]"),
    "texts": (np.array([["a", "ü"]]), '[["a","ü"]]'.encode()),
    "string dtype": (np.array(["a", "b"], np.dtypes.StringDType()), b'["a","b"]'),
    "objects": (np.array([[1, "x"], [None, 2.5]], object), b'[[1,"x"],[null,2.5]]'),
    "numpy scalars": ([np.bool_(1), np.int8(-1), np.float64(0.5), np.str_("s")], b'[true,-1,0.5,"s"]'),
    "table": (pa.table({"a": [1, None], "b": ["x", "y"]}), b'[{"a":1,"b":"x"},{"a":null,"b":"y"}]'),
    "batch": (pa.record_batch({"a": [1]}), b'[{"a":1}]'),
    "arrow array": (pa.array([1, None]), b"[1,null]"),
    "short floats of a series": (pd.Series([0.1, 1.5], dtype="f4"), b"[0.1,1.5]"),
    "short floats of a table": (
        pa.table({"a": pa.array([0.1, None], pa.float32()), "h": pa.array([0.5, None], pa.float16())}),
        b'[{"a":0.1,"h":0.5},{"a":null,"h":null}]',
    ),
    "rows without columns": (pa.table({"a": [1, 2]}).select([]), b"[{},{}]"),
    "frame": (pd.DataFrame({"a": [1, 2], "s": ["x", "y"]}), b'[{"a":1,"s":"x"},{"a":2,"s":"y"}]'),
    "geobox": (
        GeoBox((2, 3), Affine(10, 0, 5, 0, -10, 7), "EPSG:32613"),
        b'{"crs":"EPSG:32613","transform":[10.0,0.0,5.0,0.0,-10.0,7.0],"shape":[2,3]}',
    ),
}


@pytest.mark.parametrize("name", EXACT)
def test_what_json_holds_is_written_without_a_change(name):
    obj, expected = EXACT[name]
    text, report = written(obj)
    assert text == expected
    assert set(report) <= {"digits", "first"}


COUNTED = {
    "sides behind 0": ([np.zeros((2, 0, 3)), np.zeros((0, 3))], b"[[[],[]],[]]", {"shape": 2}),
    "an extension of Arrow's": (
        pa.table({"p": pa.array(pd.period_range("2020", periods=2, freq="D").array)}),
        b'[{"p":"2020-01-01"},{"p":"2020-01-02"}]',
        {"text": 2},
    ),
    "NaN within a table's values": (
        pa.table({"l": [[math.nan, 1.5], None], "s": [{"a": math.inf}, {"a": 0.5}]}),
        b'[{"l":[null,1.5],"s":{"a":null}},{"l":null,"s":{"a":0.5}}]',
        {"nan": 1, "infinite": 1},
    ),
    "NaN within objects": (
        pd.DataFrame({"o": pd.Series([[math.nan, 1], {"a": math.nan}], dtype=object)}),
        b'[{"o":[null,1]},{"o":{"a":null}}]',
        {"nan": 2},
    ),
    "objects": (
        pd.Series([math.nan, None, pd.NA, 1, 2.5, [1, 2.5], "x"], dtype=object),
        b'[null,null,null,1,2.5,[1,2.5],"x"]',
        {"nan": 1, "missing": 2},
    ),
    "NaN and missing": (
        pd.Series(pd.arrays.FloatingArray(np.array([1, math.nan, 2]), np.array([False, False, True]))),
        b"[1.0,null,null]",
        {"nan": 1, "missing": 1},
    ),
    "missing texts": (pd.Series(["a", None], dtype="str"), b'["a",null]', {"missing": 1}),
    "missing category": (pd.Series(pd.Categorical(["a", None])), b'["a",null]', {"missing": 1}),
    "missing moment": (
        pd.Series(pd.to_datetime(["2020-01-02", None])),
        b'["2020-01-02T00:00:00",null]',
        {"missing": 1, "datetime": 1},
    ),
    "missing texts of numpy": (
        np.array(["a", None], np.dtypes.StringDType(na_object=None)),
        b'["a",null]',
        {"missing": 1},
    ),
    "NaN among texts of numpy": (
        np.array([["a", math.nan]], np.dtypes.StringDType(na_object=math.nan)),
        b'[["a",null]]',
        {"nan": 1},
    ),
    "time of day in nanoseconds": (
        pa.table({"t": pa.array([3_600_000_001_001, 3_600_000_001_000, None], pa.time64("ns"))}),
        b'[{"t":"01:00:00.000001001"},{"t":"01:00:00.000001"},{"t":null}]',
        {"datetime": 2},
    ),
    "nan": ([math.nan, 1.0], b"[null,1.0]", {"nan": 1}),
    "infinite": ({"a": [math.inf, -math.inf]}, b'{"a":[null,null]}', {"infinite": 2}),
    "in a long list": ([1.0] * 8 + [math.nan], b"[1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,null]", {"nan": 1}),
    "in an array": (np.array([[math.nan, 1], [math.inf, 2]]), b"[[null,1.0],[null,2.0]]", {"nan": 1, "infinite": 1}),
    "numpy scalar": (np.float32("nan"), b"null", {"nan": 1}),
    "tuple": ((1, (2,)), b"[1,[2]]", {"tuple": 2}),
    "masked": (np.ma.array([1, 2], mask=[0, 1]), b"[1,null]", {"masked": 1}),
    "masked floats": (
        np.ma.array([1, math.nan, math.nan], mask=[0, 1, 0]),
        b"[1.0,null,null]",
        {"masked": 1, "nan": 1},
    ),
    "masked constant": (np.ma.masked, b"null", {"masked": 1}),
    "masked float32": (np.ma.array([0.1, 2], mask=[0, 1], dtype="f4"), b"[0.1,null]", {"masked": 1}),
    "masked texts": (np.ma.array(["a", "b"], mask=[0, 1]), b'["a",null]', {"masked": 1}),
    "date": (dt.date(2020, 1, 2), b'"2020-01-02"', {"datetime": 1}),
    "datetime": (dt.datetime(2020, 1, 2, tzinfo=dt.UTC), b'"2020-01-02T00:00:00+00:00"', {"datetime": 1}),
    "datetime64": (np.datetime64("2020-01", "M"), b'"2020-01"', {"datetime": 1}),
    "not a time": (
        np.array(["2020-01-02", "NaT"], "M8[s]"),
        b'["2020-01-02T00:00:00",null]',
        {"nat": 1, "datetime": 1},
    ),
    "one not a time": ([pd.NaT, np.datetime64("NaT")], b"[null,null]", {"nat": 2}),
    "features": (
        Features(),
        b'{"type":"Feature","geometry":{"type":"Point","coordinates":[1.0,2.0]},"properties":null}',
        {"geojson": 1},
    ),
    "labelled": (
        xr.DataArray([[1, 2]], dims=("a", "b"), coords={"b": [3, 4]}, attrs={"u": "m"}),
        b"[[1,2]]",
        {"dims": 2, "coords": 1, "attrs": 1},
    ),
    "dataset": (xr.Dataset({"v": ("x", [1, 2])}), b'{"v":[1,2]}', {"dims": 1}),
    "frame": (
        pd.DataFrame({"f": [math.nan, 1], "n": pd.array([1, None], dtype="Int8")}, index=["p", "q"]),
        b'[{"f":null,"n":1},{"f":1.0,"n":null}]',
        {"nan": 1, "missing": 1, "index": 2},
    ),
    "series": (pd.Series([1, 2], index=[5, 6]), b"[1,2]", {"index": 2}),
    "enum": ([Colour.RED, Mode.FAST], b'[1,"fast"]', {"enum": 2}),
    "derived classes": (
        [collections.OrderedDict(b=1), collections.deque([1]), Text("a")],
        b'[{"b":1},[1],"a"]',
        {"class": 3},
    ),
    "named tuple": ([Pair(1, 2)], b"[[1,2]]", {"tuple": 1}),
    "texts for objects": (
        [pathlib.PurePosixPath("a/b"), uuid.UUID(int=1), ipaddress.ip_address("::1")],
        b'["a/b","00000000-0000-0000-0000-000000000001","::1"]',
        {"text": 3},
    ),
    "objects with fields": ([Record(1), Frozen(a=2), Model(a=3)], b'[{"a":1},{"a":2},{"a":3}]', {"object": 3}),
    "decimals": (
        [decimal.Decimal("1.50"), decimal.Decimal("0.12345678901234567890123"), decimal.Decimal("NaN")],
        b'[1.50,"0.12345678901234567890123",null]',
        {"decimal": 2, "nan": 1},
    ),
    "decimals of a column": (
        pa.table({"d": [decimal.Decimal("1.50"), None]}),
        b'[{"d":"1.50"},{"d":null}]',
        {"decimal": 1},
    ),
    "decimals of a series": (pd.Series([decimal.Decimal("1.50")]), b'["1.50"]', {"decimal": 1}),
    "durations": (
        [dt.timedelta(hours=25), pd.Timedelta("1ns"), np.timedelta64(-90, "s"), np.timedelta64(2, "M")],
        b'["P1DT1H0M0S","P0DT0H0M0.000000001S","-P0DT0H1M30S","P2M"]',
        {"duration": 4},
    ),
    "array of durations": (np.array([1, "NaT"], "m8[h]"), b'["P0DT1H0M0S",null]', {"duration": 1, "nat": 1}),
    "a time in a zone whose offset depends on the day": (
        dt.time(12, tzinfo=zoneinfo.ZoneInfo("Europe/Prague")),
        b'"12:00:00"',
        {"datetime": 1, "zone": 1},
    ),
    "arrow.uuid": (
        pa.table({"u": pa.array([bytes(16)], pa.uuid())}),
        b'[{"u":"00000000-0000-0000-0000-000000000000"}]',
        {"text": 1},
    ),
    "periods": (pd.Series(pd.period_range("2020", periods=2, freq="M")), b'["2020-01","2020-02"]', {"text": 2}),
    "intervals": (pd.DataFrame({"b": pd.cut([1, 5], [0, 3, 6])}), b'[{"b":"(0, 3]"},{"b":"(3, 6]"}]', {"text": 2}),
    "integers as column labels": (pd.DataFrame([[1, 2]]), b'[{"0":1,"1":2}]', {"labels": 2}),
    "tuples as column labels": (
        pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", 1)])),
        b"[{\"('a', 1)\":1}]",
        {"labels": 1},
    ),
    "index": (pd.Index([1, 2], name="n"), b"[1,2]", {"name": 1}),
    "extension array": (pd.array(["a", None], dtype="string"), b'["a",null]', {"missing": 1}),
    "missing value of pandas": ([pd.NA], b"[null]", {"missing": 1}),
    "empty frame": (pd.DataFrame({"a": [], "b": []}), b"[]", {"columns": 2}),
    "attrs and names": (with_attrs(), b'[{"a":1}]', {"attrs": 1, "name": 2}),
    "name of a series": (pd.Series([1], name="n"), b"[1]", {"name": 1}),
    "metadata": (pa.table({"a": [1]}).replace_schema_metadata({"k": "v"}), b'[{"a":1}]', {"metadata": 1}),
    "name of a labelled array": (xr.DataArray(1, name="n"), b"1", {"name": 1}),
    "attrs of a variable": (xr.Dataset({"v": ((), 1, {"units": "K"})}), b'{"v":1}', {"attrs": 1}),
    "texts of pandas in a dataset": (
        xr.Dataset({"v": ("x", pd.array(["a", None], dtype="string"))}),
        b'{"v":["a",null]}',
        {"dims": 1, "missing": 1},
    ),
    "tree of datasets": (
        xr.DataTree.from_dict({"/": xr.Dataset({"a": 1}), "/g": xr.Dataset({"b": 2})}),
        b'{"a":1,"g":{"b":2}}',
        {},
    ),
    "time of another calendar": (
        cftime.DatetimeNoLeap(2020, 1, 2),
        b'"2020-01-02T00:00:00"',
        {"datetime": 1, "calendar": 1},
    ),
    "nested short floats and decimals": (
        pa.table(
            {
                "s": pa.array(
                    [{"f": 0.1, "l": [decimal.Decimal("1.5")]}, None],
                    pa.struct([("f", pa.float32()), ("l", pa.list_(pa.decimal128(3, 1)))]),
                ),
                "m": pa.array([[("k", 0.1)], []], pa.map_(pa.string(), pa.float32())),
                "x": pa.array([[0.1, 0.2], None], pa.list_(pa.float32(), 2)),
            }
        ).slice(0, 2),
        b'[{"s":{"f":0.1,"l":["1.5"]},"m":[["k",0.1]],"x":[0.1,0.2]},{"s":null,"m":[],"x":null}]',
        {"decimal": 1, "tuple": 1},
    ),
}


@pytest.mark.parametrize("name", COUNTED)
def test_every_change_is_counted(name):
    obj, expected, report = COUNTED[name]
    assert (expected, report) == written(obj)


def deep(levels):
    tree = []
    for _ in range(levels):
        tree = {"a": [tree]}
    return tree


def cyclic():
    inner = {}
    inner["again"] = [inner]
    return [inner]


REFUSED = {
    "set": (
        {"a": [{1}]},
        'result["a"][0]: an object of type set (it has no order: make a sorted list of it)',
    ),
    "bytes": ([b"x"], "result[0]: an object of type bytes"),
    "complex": (1j, "result: an object of type complex"),
    "complex array": ({"c": np.array([1j])}, 'result["c"]: an array of dtype complex128'),
    "long double": (np.ones(1, np.longdouble), "result: an array of dtype float128"),
    "structured": (np.zeros(1, [("a", "i4")]), "result: an array of dtype [('a', '<i4')]"),
    "raw": (np.bytes_(b"x"), "result: an object of type numpy.bytes_"),
    "surrogate": (["\ud800"], "result[0]: a text with lone surrogates"),
    "surrogate in a long list": (
        ["a"] * 9 + ["\ud800"],
        "result[9]: a text with lone surrogates",
    ),
    "surrogate as key": ({"\ud800": 1}, 'result["\\ud800"]: a text with lone surrogates'),
    "surrogate in an array": (np.array(["\ud800"]), "result: an array of texts with lone surrogates"),
    "in objects": (
        np.array([[1, {2}]], object),
        "result[0][1]: an object of type set (it has no order: make a sorted list of it)",
    ),
    "cycle": (cyclic(), 'result[0]["again"][0]: what contains itself'),
    "surrogate in a masked array": (
        np.ma.array(["\ud800", "a"], mask=[0, 1]), "result: an array of texts with lone surrogates",
    ),
    "moment beyond Python's": (
        pa.table({"t": pa.array([0, 2**62], pa.timestamp("s"))}),
        'result["t"]: a column of type timestamp[s] with a value that Python does not have',
    ),
    "columns of one name": (
        pa.table([[1], [2]], names=["a", "a"]),
        "result: a table with two columns of the name 'a'",
    ),
    "intervals of months": (
        pa.table({"d": pa.array([[pa.MonthDayNano([1, 2, 3])]])}),
        'result["d"]: a column of type list<item: month_day_nano_interval>',
    ),
    "labels of one text": (
        pd.DataFrame([[1, 2]], columns=["1", 1]),
        "result: a DataFrame with two columns of the name '1'",
    ),
    "module": (math, "result: an object of type module"),
    "generator": ((n for n in ()), "result: an object of type generator"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_json_does_not_have_is_refused_with_its_path(name):
    obj, message = REFUSED[name]
    with pytest.raises(EncodeError) as caught:
        written(obj)
    assert str(caught.value).startswith(f"{message} can't be written as json")


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        ([1, math.nan], "result[1]: nan can't be written as json"),
        ({"a": -math.inf}, 'result["a"]: -inf can\'t be written as json'),
        ([0.0] * 20 + [math.nan], "result[20]: nan can't be written as json"),
        (np.array([[1, 2], [3, math.inf]]), "result[1, 1]: inf can't be written as json"),
        (np.where(np.arange(200_000) == 150_000, math.nan, 0), "result[150000]: nan can't be written as json"),
        (
            np.where(np.arange(200_000).reshape(2, -1) == 150_000, math.nan, 0),
            "result[1, 50000]: nan can't be written as json",
        ),
        (pd.DataFrame({"a": [1, math.nan]}), 'result[1]["a"]: nan can\'t be written as json'),
    ],
)
def test_nan_can_be_an_error(obj, message):
    with pytest.raises(EncodeError) as caught:
        written(obj, nan="error")
    assert message == str(caught.value)


@pytest.mark.parametrize("name", [name for name in COUNTED if "nan" in COUNTED[name][2]])
def test_whatever_is_counted_as_nan_can_be_an_error(name):
    with pytest.raises(EncodeError, match=r"nan can't be written as json$"):
        written(COUNTED[name][0], nan="error")


@pytest.mark.parametrize(("obj", "path"), [({"a": {1: 2}}, 'result["a"][1]'), ({None: 2}, "result[None]")])
def test_keys_are_texts(obj, path):
    with pytest.raises(EncodeError) as caught:
        written(obj)
    kind = "int" if "a" in obj else "NoneType"
    hint = "(use str keys; msgpack keeps integers, pyarrow any)"
    assert f"{path}: a key of type {kind} can't be written as json {hint}" == str(caught.value)


def test_masked_nan_is_no_error():
    assert written(np.ma.array([1, math.nan], mask=[0, 1]), nan="error")[0] == b"[1.0,null]"


def test_images():
    """The pixels beneath the mask are there; the mask says which."""
    image = Image(
        np.arange(4, dtype="u1").reshape(1, 2, 2),
        bands=["red"],
        mask=np.array([[True, False], [False, False]]),
        geobox=GeoBox((2, 2), Affine(10, 0, 5, 0, -10, 7), None),
        properties={"date": "2020-01-02", "cloud": 0.5},
        bandinfo={"red": {"unit": "m"}},
    )
    expected = {
        "ndarray": [[[0, 1], [2, 3]]],
        "mask": [[True, False], [False, False]],
        "bands": ["red"],
        "geobox": {"crs": None, "transform": [10.0, 0.0, 5.0, 0.0, -10.0, 7.0], "shape": [2, 2]},
        "properties": {"date": "2020-01-02", "cloud": 0.5},
    }
    data, report = written(image)
    assert expected == json.loads(data)
    assert list(expected) == list(json.loads(data))
    assert report == {"bandinfo": 1}


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # odc-geo 0.5 under affine 3
def test_an_xarray_object_with_a_grid_is_an_image():
    array = Image(np.ones((1, 2, 2)), geobox=GeoBox((2, 2), Affine(10, 0, 5, 0, -10, 7), "EPSG:32613")).to_xarray()
    assert list(parsed(array)) == ["ndarray", "mask", "bands", "geobox", "properties"]


@pytest.mark.parametrize("digits", [4300, 4301, 20_000])
def test_ints_of_any_number_of_digits(digits):
    """Python itself refuses more than 4,300."""
    assert b"-1" + b"0" * (digits - 1) == text(-(10 ** (digits - 1)))


@pytest.mark.slow
def test_depth_is_no_matter():
    assert len(text(deep(50_000))) == 50_000 * len('{"a":[]}') + 2


def test_what_stands_in_two_places_is_no_cycle():
    shared = [1]
    assert text([shared, shared, {"a": shared}]) == b'[[1],[1],{"a":[1]}]'


def test_rows_of_tables_are_freed_while_they_are_written():
    """The next row may get the memory, and so the id, of the one before, and is no cycle for that."""
    rows = pa.table({"a": [[{"x": [n]}] for n in range(5000)]})
    assert [{"a": [{"x": [n]}]} for n in range(5000)] == parsed(rows)


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=40,
)


@pytest.mark.slow
@given(trees)
@settings(max_examples=200, deadline=None)
def test_trees_read_back_the_same(tree):
    assert tree == parsed(tree)


@given(
    hnp.arrays(
        st.sampled_from(["f8", "f4", "f2", "i8", "u1", "?", ">f8", ">i2"]),
        hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=6),
    )
)
@settings(max_examples=200, deadline=None)
def test_arrays_read_back_the_same(array):
    """As the same dtype every number is what it was, to the bit; NaN and infinities are null, and counted."""
    data, report = written(array)
    strange = ~np.isfinite(array)
    expected = np.where(strange, None, array.astype(object))
    result = np.array(json.loads(data, parse_constant=refuse_constant), object).reshape(array.shape)
    numbers = result[~strange].astype(array.dtype)
    assert numbers.tobytes() == array[~strange].tobytes()
    assert (result == None).tolist() == (expected == None).tolist()  # noqa: E711  # element by element
    assert np.count_nonzero(strange) == report.get("nan", 0) + report.get("infinite", 0)


@pytest.mark.parametrize("shape", [(200_001,), (3, 70_000), (70_000, 3), (2, 2, 40_000), (2, 1, 70_000)])
def test_arrays_larger_than_a_chunk(shape):
    array = np.random.default_rng(0).random(shape)
    assert orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY) == text(array)


def test_long_lists():
    numbers = [*range(40_000), 2**65, *map(str, range(40_000)), None, *range(40_000)]
    assert numbers == parsed(numbers)


@pytest.mark.slow
def test_the_array_is_not_held_as_text():
    """80 MB of floats are written with less than 16 MiB besides, and as fast as by orjson at once."""
    code = """
        import time, resource
        import numpy as np, orjson
        from bourn_formats.json import JSON, Options

        class Null:
            def write(self, data):
                return memoryview(data).nbytes

        def status(key):
            with open("/proc/self/status") as file:
                return next(int(line.split()[1]) for line in file if line.startswith(key)) / 1024

        array = np.random.default_rng(0).random(10_000_000)
        JSON().encode([array[:10], {"a": 1.5}], Options(), Null())
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before = status("VmRSS")
        ours, theirs = [], []
        for _ in range(2):
            start = time.process_time()
            JSON().encode(array, Options(), Null())
            ours.append(time.process_time() - start)
        print(status("VmHWM") - before)
        for _ in range(2):
            start = time.process_time()
            orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)
            theirs.append(time.process_time() - start)
        print(min(ours) / min(theirs))
    """
    ratios = []
    for _ in range(5):  # on a busy machine one measurement may be off; the least of a few is not
        out = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
        memory, ratio = map(float, out.stdout.split())
        assert memory < 16
        ratios.append(ratio)
        if ratio < 1.2:
            return
    assert min(ratios) < 1.2


def test_importing_the_formats_loads_nothing_heavy():
    code = """
        import sys
        import bourn_formats.json, bourn_formats.pyarrow, bourn_formats.geotiff, bourn_formats.msgpack
        heavy = {"msgpack", "numpy", "pyarrow", "rasterio", "xarray", "pandas", "orjson", "odc"}
        print(sorted(heavy & set(sys.modules)))
    """
    out = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
