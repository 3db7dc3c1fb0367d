"""The accessor hands an xarray object to bourn's own functions."""

import bourn
import bourn.xarray
import numpy as np
import pytest
import xarray as xr


@pytest.mark.parametrize("obj", [xr.DataArray(np.zeros(3)), xr.Dataset({"a": ("t", [1])})], ids=["array", "dataset"])
@pytest.mark.parametrize("verb", ["compute", "plan"])
def test_the_accessor_calls_bourn(monkeypatch, obj, verb):
    monkeypatch.setattr(bourn, verb, lambda *args, **kwargs: (args, kwargs), raising=False)
    args, kwargs = getattr(obj.bourn, verb)("grid", format="json")
    assert args[0] is obj
    assert args[1:] == ("grid",)
    assert kwargs == {"format": "json"}
