"""What a blocking call says of what was lost: once, at the line that asked."""

import subprocess
import sys
import warnings

import bourn
import numpy as np
import pandas as pd
import pytest
from bourn.errors import BournWarning


def caught(call):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", BournWarning)
        call()
    return [each for each in found if issubclass(each.category, BournWarning)]


@pytest.mark.parametrize(
    ("result", "format", "said"),
    [
        (
            [1.5, float("nan"), [float("nan")]],
            "json",
            "NaN became null (2, the first at result[1])",
        ),
        ({"a": float("inf")}, "json", 'infinities became null (at result["a"])'),
        (
            pd.DataFrame({"a": [1]}, index=["x"]),
            "json",
            "the labels of a table's rows were left out",
        ),
        (
            pd.DataFrame({"a": [1]}, index=["x"]),
            "msgpack",
            "the labels of a table's rows were left out",
        ),
        (
            np.ma.masked_array([1, 2], [False, True]),
            "json",
            "masked elements became null",
        ),
    ],
)
def test_a_loss_is_a_warning_with_its_number_and_first_place(session, result, format, said):
    (warning,) = caught(lambda: session.compute(result, format=format))
    assert str(warning.message).startswith(f"written as {format} with changes: {said}")
    assert warning.filename == __file__


@pytest.mark.parametrize("result", [(1, 2), {"a": [1.5, None]}, np.arange(3), "text"])
@pytest.mark.parametrize("format", ["json", "msgpack", "pyarrow"])
def test_nothing_lost_is_no_warning(session, result, format):
    assert caught(lambda: session.compute(result, format=format)) == []


def test_it_can_be_an_error_and_ignored_by_name(session):
    with warnings.catch_warnings():
        warnings.simplefilter("error", bourn.BournWarning)
        with pytest.raises(bourn.BournWarning, match="NaN became null"):
            session.compute(float("nan"), format="json")
        warnings.simplefilter("ignore", bourn.BournWarning)
        assert session.compute(float("nan"), format="json") == b"null"


def test_a_fan_out_says_it_once(session):
    to = ["download", {"type": "download"}]
    assert len(caught(lambda: session.compute(float("nan"), format="json", destination=to))) == 1


def test_in_the_background_nobody_is_warned(session):
    assert caught(lambda: session.compute(float("nan"), format="json", block=False).result()) == []


@pytest.mark.slow
def test_the_command_says_it_once_on_stderr(home, tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.array([1.0, np.nan]))
    command = [sys.executable, "-m", "bourn.cli", "send", str(path), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.count("Warning: written as json with changes: NaN became null") == 1
