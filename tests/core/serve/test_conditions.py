"""Conditional requests: the order and the comparisons of RFC 9110, section 13, and no date breaks them."""

from datetime import UTC, datetime

import pytest
from bourn.serve.conditions import evaluate, is_unchanged
from hypothesis import given
from hypothesis import strategies as st

MODIFIED = datetime(2026, 11, 1, 12, 0, 0, 500_000, tzinfo=UTC)
SAME, BEFORE, AFTER = (f"Sun, 01 Nov 2026 {time} GMT" for time in ("12:00:00", "11:59:59", "12:00:01"))
TAG = '"abc"'


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, None),
        ({"if-none-match": TAG}, 304),
        ({"if-none-match": f"W/{TAG}"}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": f'"a,b", {TAG}'}, 304),
        ({"if-none-match": '"x"'}, None),
        ({"if-none-match": "abc"}, None),
        ({"if-none-match": '"x"', "if-modified-since": SAME}, None),  # the tag decides alone
        ({"if-modified-since": SAME}, 304),
        ({"if-modified-since": AFTER}, 304),
        ({"if-modified-since": BEFORE}, None),
        ({"if-modified-since": "yesterday"}, None),
        ({"if-match": TAG}, None),
        ({"if-match": "*"}, None),
        ({"if-match": f"W/{TAG}"}, 412),
        ({"if-match": '"x"'}, 412),
        ({"if-match": TAG, "if-unmodified-since": BEFORE}, None),
        ({"if-unmodified-since": BEFORE}, 412),
        ({"if-unmodified-since": SAME}, None),
        ({"if-unmodified-since": "x"}, None),
        ({"if-match": TAG, "if-none-match": TAG}, 304),
    ],
)
def test_the_order_of_the_rfc(headers, status):
    assert evaluate(headers, TAG, MODIFIED) == status


@pytest.mark.parametrize(
    ("condition", "unchanged"),
    [
        (None, True), (TAG, True), (SAME, True),
        (f"W/{TAG}", False), ('"x"', False), (BEFORE, False), (AFTER, False), ("", False),
    ],
)  # fmt: skip
def test_if_range(condition, unchanged):
    assert is_unchanged(condition, TAG, MODIFIED) is unchanged


NUMBERS = st.integers(0, 10**22)
DATES = st.text(max_size=40) | st.builds("Mon, {} Jan {} {}:00:00 {}".format, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
ZONED = st.builds("Mon, 01 Jan 2020 {}:00:00 {:+}".format, st.integers(0, 23), st.integers(-(10**22), 10**22))


@pytest.mark.slow
@given(DATES | ZONED)
def test_no_date_raises(date):
    for name in ("if-modified-since", "if-unmodified-since"):
        assert evaluate({name: date}, TAG, MODIFIED) in {None, 304, 412}
    assert is_unchanged(date, TAG, MODIFIED) in {True, False}
