"""pandas' tables through pyarrow: every kind of column, index and label comes back as it was, or is refused."""

import datetime as dt
import decimal
import importlib.util
import io
import math
import zoneinfo
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from bourn.plugin import EncodeError
from bourn_formats.pyarrow import Options, PyArrow

spec = importlib.util.spec_from_file_location("alike", Path(__file__).parent / "alike.py")
alike = importlib.util.module_from_spec(spec)
spec.loader.exec_module(alike)


def encoded(obj, compression="lz4"):
    sink = io.BytesIO()
    PyArrow().encode(obj, Options(compression=compression), sink)
    return sink.getvalue()


def back(obj, compression="lz4"):
    return PyArrow().decode(io.BytesIO(encoded(obj, compression)), Options())


def objects(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return pd.Series(array, dtype=object)


BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
MOMENTS = pd.to_datetime(["2020-10-25 00:30", None, "2020-10-25 01:30"])

COLUMNS = {
    "bools": pd.Series([True, False, True]),
    "unsigned": pd.Series([0, 1, 2**64 - 1], dtype="u8"),
    "short floats": pd.Series([1.5, math.nan, -0.0], dtype="f2"),
    "complex": pd.Series([1j, complex(math.nan, 1), 2]),
    "long floats": pd.Series(np.array([1, 2, 3], "g")),
    "seconds": pd.Series(np.array(["2020", "NaT", "1500"], "M8[s]")),
    "durations": pd.Series(np.array([1, "NaT", -3], "m8[us]")),
    "texts as objects": objects("a", None, "ü\0"),
    "NaN for a text": objects("a", math.nan, None),
    "surrogates as objects": objects("\ud800", "a", None),
    "bytes": objects(b"", None, b"\0"),
    "large ints": objects(1, 2**64, None),
    "ints and floats": objects(1, 2.0, True),
    "ints and None": objects(1, None, 2),
    "NaN and None": objects(math.nan, None, 1.5),
    "nothing": objects(None, None, None),
    "days": objects(dt.date(2020, 1, 1), None, dt.date(1, 1, 1)),
    "moments as objects": objects(dt.datetime(2020, 1, 1), None, dt.datetime(2020, 1, 1, fold=1)),  # noqa: DTZ001  # that is the case
    "mixed zones": objects(dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 1, tzinfo=BERLIN), None),
    "pandas' scalars": objects(pd.Timestamp("2020", tz="Europe/Berlin"), pd.NaT, pd.Timedelta("1h")),
    "missing and intervals": objects(pd.NA, pd.Interval(0, 1, "both"), pd.Period("2020-01", "M")),
    "decimals of several scales": objects(decimal.Decimal("1.5"), decimal.Decimal("1.50"), None),
    "zone of dateutil": pd.Series(MOMENTS.tz_localize("UTC").tz_convert("dateutil/Europe/Berlin")),
    "decimals": objects(decimal.Decimal("1.50"), None, decimal.Decimal("2.25")),
    "lists": objects([1, 2], [], None),
    "lists of ints and floats": objects([1, 2.5], [None], [1, [2]]),
    "tuples": objects((1, "a"), (), None),
    "dicts": objects({"a": 1}, {"b": 2}, {}),
    "arrays": objects(np.arange(3), np.arange(2.0), None),
    "sets": objects({1}, frozenset({2}), set()),
    "numpy scalars": objects(np.int8(1), np.float32(2), np.str_("x")),
    "missing ints": pd.Series([1, None, 3], dtype="Int8"),
    "missing unsigned": pd.Series([2**64 - 1, None, 3], dtype="UInt64"),
    "NaN and missing": pd.Series(pd.arrays.FloatingArray(np.array([1, math.nan, 3.0]), np.array([False, False, True]))),
    "short with missing": pd.Series(
        pd.arrays.FloatingArray(np.array([1, math.nan, 3.0], "f4"), np.array([False, False, True]))
    ),
    "missing bools": pd.Series([True, None, False], dtype="boolean"),
    "str": pd.Series(["a", None, "ü"], dtype="str"),
    "str of Python": pd.Series(["a", None, "ü"], dtype=pd.StringDtype("python", na_value=math.nan)),
    "string": pd.Series(["a", None, "ü"], dtype=pd.StringDtype("pyarrow")),
    "string of Python": pd.Series(["a", None, "ü"], dtype=pd.StringDtype("python")),
    "zone": pd.Series(MOMENTS.tz_localize("UTC").tz_convert(BERLIN)),
    "zone in seconds": pd.Series(MOMENTS.as_unit("s").tz_localize("UTC").tz_convert(BERLIN)),
    "UTC": pd.Series(MOMENTS.tz_localize(dt.UTC)),
    "UTC by name": pd.Series(MOMENTS.tz_localize(zoneinfo.ZoneInfo("UTC"))),
    "offset": pd.Series(MOMENTS.tz_localize(dt.timezone(dt.timedelta(hours=5, minutes=30)))),
    "named offset": pd.Series(MOMENTS.tz_localize(dt.timezone(dt.timedelta(hours=5), "here"))),
    "categories": pd.Series(pd.Categorical(["u", None, "v"], categories=["v", "u", "w"], ordered=True)),
    "categories that are objects": pd.Series(pd.Categorical(["u", None, "v"], categories=objects("v", "u"))),
    "categories of ints": pd.Series(pd.Categorical([3, None, 1])),
    "categories of bools": pd.Series(pd.Categorical([True, None, False])),
    "categories of moments": pd.Series(pd.Categorical(MOMENTS)),
    "categories of intervals": pd.Series(pd.cut([1, 5, 9], [0, 4, 8])),
    "categories of tuples": pd.Series(
        pd.Categorical.from_codes([0, -1, 1], pd.Index([(1, 2), (3, 4)], tupleize_cols=False))
    ),
    "many categories": pd.Series(pd.Categorical.from_codes([0, 299, -1], [f"c{n}" for n in range(300)])),
    "no categories": pd.Series(pd.Categorical([None, None, None])),
    "periods": pd.Series(pd.PeriodIndex(["2020-01", None, "2021-05"], freq="M")),
    "long periods": pd.Series(pd.PeriodIndex(["2020-01", None, "2021-05"], freq="3D")),
    "intervals": pd.Series(pd.arrays.IntervalArray.from_tuples([(0.0, 1.0), None, (1.0, 2.5)], closed="both")),
    "intervals of ints": pd.Series(pd.interval_range(0, 3)),
    "intervals of days": pd.Series(pd.interval_range(pd.Timestamp("2020", tz="UTC"), periods=3)),
    "Arrow's": pd.Series([[1], None, []], dtype=pd.ArrowDtype(pa.list_(pa.int16()))),
    "Arrow's decimals": pd.Series(
        [decimal.Decimal("1.5"), None, decimal.Decimal(2)], dtype=pd.ArrowDtype(pa.decimal128(5, 2))
    ),
    "Arrow's floats": pd.Series(pd.arrays.ArrowExtensionArray(pa.array([1.0, math.nan, None]))),
}


@pytest.mark.slow
@pytest.mark.parametrize("compression", ["lz4", "none"])
@pytest.mark.parametrize("name", COLUMNS)
def test_columns(name, compression):
    """As a Series, in a frame, in a list, without rows, as the rows' labels."""
    column = COLUMNS[name]
    assert alike.same_series(column, back(column, compression))
    assert alike.same_series(column[:0], back(column[:0], compression))
    frame = pd.DataFrame({"a": column, "n": [1, 2, 3]})
    for given in (frame, frame[:0], frame[::-1], frame[["a"]]):
        assert alike.same_frame(given, back(given, compression))
        assert alike.same_frame(given, back([given], compression)[0])


LABELS = {
    "none": pd.Index([None, None, None], dtype=object),
    "texts": pd.Index(["a", "b", "c"], name="k"),
    "objects": pd.Index(["a", "b", None], dtype=object),
    "several types": pd.Index([1, "a", 2.5], dtype=object),
    "name that is a column's": pd.Index([1, 2, 3], name="a"),
    "name that is a tuple": pd.Index([1, 2, 3], name=("a", 1)),
    "short ints": pd.Index([1, 2, 3], dtype="i1"),
    "doubles": pd.Index([1, 1, 2]),
    "bools": pd.Index([True, False, True]),
    "masked": pd.Index([1, None, 3], dtype="Int32"),
    "range": pd.RangeIndex(5, -1, -2, name="r"),
    "days": pd.date_range("2020", periods=3, freq="D"),
    "business days": pd.date_range("2020", periods=3, freq="2BME"),
    "days in a zone": pd.date_range("2020-10-24", periods=3, freq="D", tz="Europe/Berlin", name="t"),
    "days of no frequency": pd.DatetimeIndex(["2020", None, "2021"]).as_unit("ms"),
    "durations": pd.timedelta_range("1h", periods=3, freq="h"),
    "periods": pd.period_range("2020", periods=3, freq="Q"),
    "intervals": pd.interval_range(0.0, 3.0, periods=3, closed="neither"),
    "categories": pd.CategoricalIndex(["a", "b", "a"], categories=["b", "a", "c"], name="c"),
    "tuples": pd.Index([(1, 2), (3, 4), ()], tupleize_cols=False),
    "levels": pd.MultiIndex.from_tuples([(1, "x"), (2, None), (1, "y")], names=["n", None]),
    "levels in order": pd.MultiIndex.from_product([[1.5], pd.date_range("2020", periods=3)]),
    "levels that nothing is at": pd.MultiIndex.from_product([["a", "b", "c"], [1, 2, 3]])[:3],
    "levels of tuples": pd.MultiIndex(
        [pd.Index([(1,), (2,)], tupleize_cols=False), pd.CategoricalIndex(["u"])], [[0, 1, -1], [0, 0, 0]]
    ),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels(name):
    """Of rows and of columns."""
    labels = LABELS[name]
    data = np.arange(9.0).reshape(3, 3)
    with_columns = pd.DataFrame(data, columns=labels)
    for given in (pd.DataFrame({"a": [1, 2, 3]}, index=labels), with_columns, pd.DataFrame(index=labels)):
        assert alike.same_frame(given, back(given))
        assert alike.same_frame(given, back({"a": given})["a"])
    for series in (pd.Series([1, 2, 3], labels), pd.Series(1, labels[:0])):
        assert alike.same_series(series, back(series))


def test_what_a_frame_has_besides():
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"source": "s", "nested": [1, {"array": np.arange(3)}], 5: None}
    frame.flags.allows_duplicate_labels = False
    assert alike.same_frame(frame, back(frame))
    assert alike.same_series(frame["a"], back(frame["a"]))
    twice = pd.DataFrame([[1, "x"]], columns=["a", "a"])
    assert alike.same_frame(twice, back(twice))
    assert alike.same_series(pd.Series([1], name=("a", 2.5)), back(pd.Series([1], name=("a", 2.5))))


def test_byte_order_becomes_native_and_is_counted():
    frame = pd.DataFrame({"a": np.arange(3, dtype=">i4"), "b": [1, 2, 3]}, index=pd.Index(np.arange(3.0), dtype="f8"))
    sink = io.BytesIO()
    assert PyArrow().encode(frame, Options(), sink) == {"byte_order": 1}
    assert alike.same_frame(frame.astype({"a": "i4"}), PyArrow().decode(io.BytesIO(sink.getvalue()), Options()))


def test_what_comes_back_can_be_changed():
    frame = pd.DataFrame({"a": [1, 2], "s": ["x", "y"]})
    for compression in ("lz4", "none"):
        returned = back(frame, compression)
        returned.iloc[0, 0] = 7
        returned["s"] = "z"
        series = back(frame["a"], compression)
        series.iloc[0] = 7
        assert (returned.iloc[0, 0], series.iloc[0]) == (7, 7)


def test_other_readers_find_columns_and_index():
    """Of what a description can hold; pandas' own way over pyarrow finds the index, too."""
    for index in (pd.RangeIndex(3), LABELS["texts"], LABELS["categories"], LABELS["days"].rename("t")):
        frame = pd.DataFrame({"a": COLUMNS["str"].array, "c": COLUMNS["categories"].array}, index=index)
        table = pa.ipc.open_stream(encoded(frame)).read_all()
        assert table.column_names[:2] == ["a", "c"]
        assert table["c"].to_pylist() == ["u", None, "v"]
        assert [str(label) for label in index] == [str(label) for label in table.to_pandas().index]
    levels = pd.DataFrame({"a": [1, 2, 3]}, index=LABELS["levels"])
    table = pa.ipc.open_stream(encoded(levels)).read_all()
    assert table.to_pydict() == {"a": [1, 2, 3], "n": [1, 2, 1], "__index_level_1__": ["x", None, "y"]}


class Zone(dt.tzinfo):
    """Knows nothing."""


REFUSED = {
    "object in a column": (
        pd.DataFrame({"m": objects(1, Fraction(1))}),
        'result["m"][1]: an object of type fractions.Fraction (use str() or float())',
    ),
    "object in a list in a column": (
        pd.DataFrame({"m": objects(None, [object()])}), 'result["m"][1][0]: an object of type object',
    ),
    "object in the index": (
        pd.DataFrame({"m": [1]}, index=pd.Index([Fraction(1)], dtype=object)),
        "result.index[0]: an object of type fractions.Fraction (use str() or float())",
    ),
    "object among the labels": (
        pd.DataFrame([[1]], columns=pd.Index([Fraction(1)], dtype=object)),
        "result.columns[0]: an object of type fractions.Fraction (use str() or float())",
    ),
    "object in the attributes": (
        pd.DataFrame({"m": [1]}), 'result.attrs["a"][0]: an object of type object',
    ),
    "sparse": (
        {"t": [pd.DataFrame({"m": pd.arrays.SparseArray([0, 1])})]},
        'result["t"][0]["m"]: values of dtype Sparse[int64, 0] (.sparse.to_dense() gives others)',
    ),
    "surrogates": (
        pd.DataFrame({"m": pd.array(["\ud800"], dtype=pd.StringDtype("python"))}),
        'result["m"]: a text with lone surrogates in values of dtype string (dtype object holds it)',
    ),
    "zone of a class": (
        pd.Series([dt.datetime(2020, 1, 1, tzinfo=Zone())], dtype=object),
        f"result[0]: a time zone of type {__name__}.Zone (astimezone() with a ZoneInfo)",
    ),
    "holidays": (
        pd.DataFrame({"m": [1]}, index=pd.date_range("2020", periods=1, freq=pd.offsets.CDay(holidays=["2020-01-02"]))),
        "result.index: an index with the frequency C and more (freq = None takes it off)",
    ),
}  # fmt: skip
REFUSED["object in the attributes"][0].attrs = {"a": [object()]}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_held_is_refused_with_its_path(name):
    obj, message = REFUSED[name]
    for given, before in ((obj, "result"), ({"x": obj}, 'result["x"]')):
        with pytest.raises(EncodeError) as caught:
            encoded(given)
        assert str(caught.value) == message.replace("result", before, 1) + " can't be written as pyarrow"


def test_an_arrow_tables_own_metadata_under_our_name():
    table = pa.table({"a": [1]}, metadata={"bourn": "mine", "b": "c"})
    assert table.schema.equals(back(table).schema, check_metadata=True)
    assert table.to_batches()[0].schema.equals(back(table.to_batches()[0]).schema, check_metadata=True)
