"""What JSON writes exactly and readers may not read so: integers beyond 2^53, years of more than four digits."""

import datetime as dt
import io
import json
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from bourn_formats.json import JSON, Options
from hypothesis import given
from hypothesis import strategies as st

BIG = 2**53
ints = st.integers(-(2**66), 2**66) | st.integers(BIG - 2, BIG + 2) | st.integers(-BIG - 2, 2 - BIG)
trees = st.recursive(
    st.one_of(ints, st.text(max_size=3), st.none(), st.floats(allow_nan=False), st.booleans()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner) | st.lists(inner).map(tuple),
    max_leaves=30,
)


def written(obj):
    sink = io.BytesIO()
    report = JSON().encode(obj, Options(), sink)
    return sink.getvalue(), report


def long_integers(obj):
    if isinstance(obj, dict):
        return sum(map(long_integers, obj.values()))
    if isinstance(obj, list | tuple):
        return sum(map(long_integers, obj))
    return type(obj) is int and abs(obj) >= BIG


@given(trees)
def test_each_integer_beyond_float64_is_counted(tree):
    text, report = written(tree)
    assert report.get("digits", 0) == long_integers(tree) == long_integers(json.loads(text))


@pytest.mark.parametrize("copies", [1, 5000])
def test_long_lists_are_counted_alike(copies):
    _, report = written([{"id": BIG, "n": 1}, {"id": 1, "n": (-BIG,)}] * copies)
    assert report["digits"] == 2 * copies
    assert report["first"]["digits"] == 'result[0]["id"]'


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(BIG - 2, BIG + 2), max_size=20))
def test_columns_and_arrays_count_the_same(values):
    expected = sum(value is not None and abs(value) >= BIG for value in values)
    array = pa.array(values, pa.int64())
    masked = np.ma.array([value or 0 for value in values], "i8", mask=[value is None for value in values])
    for obj in (array, pa.table({"a": array}), pd.Series(values, dtype="Int64"), masked):
        text, report = written(obj)
        assert report.get("digits", 0) == expected
        assert long_integers(json.loads(text)) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("-0001-02-03", "-000001-02-03"), ("0000-02-03", "0000-02-03"), ("9999-02-03", "9999-02-03"),
    ("10000-02-03", "+010000-02-03"), ("123456-02-03", "+123456-02-03"),
])  # fmt: skip
def test_years_that_have_not_four_digits_are_expanded_and_counted(text, expected):
    value = np.datetime64(text, "s")
    for obj in (value, np.array([value, "NaT"], "M8[s]"), pd.DataFrame({"t": np.array([value])}), pd.Timestamp(value)):
        got, report = written(obj)
        assert f'"{expected}T00:00:00'.encode() in got
        assert Counter(report)["year"] == (text != expected)


def test_times_of_day_have_no_year():
    assert written([dt.time(1, 2)])[0] == b'["01:02:00"]'
