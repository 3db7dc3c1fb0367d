"""Minimum, maximum, mean and deviation against numpy's, however they were put together."""

import math

import numpy as np
import pytest
from bourn_formats.geotiff.cog.statistics import Statistics
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
@settings(deadline=None)
@given(st.data())
def test_as_numpy_has_them(dtype, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    shape = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    array = (rng.normal(50, 9, shape) + data.draw(st.sampled_from([0, 40]))).astype(dtype)
    mask = data.draw(st.sampled_from([None, rng.random(shape) < 0.5, np.ones(shape, bool)]))
    cut = data.draw(st.integers(0, shape[0]))
    found = Statistics()
    for part in (np.s_[:cut], np.s_[cut:]):
        if array[part].size:
            one = Statistics()
            one.add(array[part], None if mask is None else mask[part])
            found.join(one)
    values = array.astype("f8")[~mask] if mask is not None else array.astype("f8").ravel()
    tags = {key.removeprefix("STATISTICS_").lower(): float(value) for key, value in found.tags().items()}
    assert float(f"{100 * values.size / array.size:.4g}") == tags.pop("valid_percent")
    if not values.size:
        assert tags == {}
        return
    assert (values.min(), values.max()) == (tags["minimum"], tags["maximum"])
    assert math.isclose(values.mean(), tags["mean"], rel_tol=1e-12)
    assert math.isclose(values.std(), tags["stddev"], rel_tol=1e-7, abs_tol=1e-7)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_does_not_count(value):
    found = Statistics()
    found.add(np.array([[1.0, value], [3.0, 2.0]]), None)
    assert found.tags()["STATISTICS_MEAN"] == "2.0"
    assert found.tags()["STATISTICS_VALID_PERCENT"] == "75"


def test_large_numbers_keep_their_digits():
    found = Statistics()
    for row in np.random.default_rng(0).normal(1e9, 1, (50, 1, 4000)):
        found.add(row, None)
    assert float(found.tags()["STATISTICS_STDDEV"]) == pytest.approx(1, rel=0.01)
