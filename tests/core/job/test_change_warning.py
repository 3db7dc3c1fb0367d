"""What a format changes is a warning of a blocking call, once."""

import warnings

import bourn
import pytest
from bourn.errors import BournWarning

CHANGED = {"a": (1, float("nan")), "b": [(2,), float("nan")]}


@pytest.fixture
def session(tmp_path):
    session = bourn.Session(bourn.Settings(home=str(tmp_path)))
    yield session
    session.close()


def caught_from(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [warning for warning in caught if warning.category is BournWarning]


def test_one_warning_has_counts_and_paths(session):
    (warning,) = caught_from(lambda: session.compute(CHANGED, format="json"))
    expected = 'written as json with changes: tuple 2 (first result["a"]), nan 2 (first result["a"][1])'
    assert str(warning.message) == expected
    assert warning.filename == __file__


def test_a_fan_out_warns_once(session):
    assert (
        len(
            caught_from(lambda: session.compute(CHANGED, format="json", destination=["download", {"type": "download"}]))
        )
        == 1
    )


def test_nothing_changed_is_no_warning(session):
    assert not caught_from(lambda: session.compute([1, "a", None], format="json"))
    assert not caught_from(lambda: session.compute(CHANGED))


def test_a_call_that_does_not_wait_says_it_in_the_report(session):
    assert not caught_from(lambda: session.compute(CHANGED, format="json", block=False).wait())
