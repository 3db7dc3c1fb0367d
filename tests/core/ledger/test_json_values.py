"""What one database of the ledger takes and another one does not is refused by both."""

import math

import pytest
import sqlalchemy as sa
from bourn.ledger.json_values import check_json
from bourn.ledger.tables import jobs
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)  # fmt: skip
WRONG = st.sampled_from([math.nan, math.inf, -math.inf, "a\0b", "\ud800", "x\udfff"])


@given(JSON)
def test_json_passes(value):
    check_json(value, "the value")


@given(JSON, WRONG, st.sampled_from(["list", "dict", "key"]))
def test_what_is_wrong_is_found_at_any_depth(value, wrong, where):
    if where == "key":
        if not isinstance(wrong, str):
            return
        broken = [value, {wrong: value}]
    else:
        broken = [value, {"a": [wrong]}] if where == "list" else {"a": {"b": (value, wrong)}}
    with pytest.raises(ValueError, match="the value holds"):
        check_json(broken, "the value")


def test_the_message_says_where():
    with pytest.raises(ValueError, match=r"^the report holds nan at bands\[1\]\.mean: JSON has no such number$"):
        check_json({"bands": [{"mean": 1.0}, {"mean": math.nan}]}, "the report")


@pytest.mark.backends("home", "servers")
@pytest.mark.parametrize("wrong", [math.nan, math.inf, "a\0b", "\ud800"])
def test_both_databases_refuse_it(database, wrong):
    row = {
        "id": "a" * 48, "group_id": "g", "stage": "QUEUED", "principal": "me", "plan": {"x": [wrong]},
        "created_at": None, "epoch": 1, "steps_done": 0, "steps_total": 0, "note": "",
    }  # fmt: skip
    with pytest.raises(Exception, match="a value of the ledger holds"):
        database.write(lambda connection: connection.execute(sa.insert(jobs), row))
