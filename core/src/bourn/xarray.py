"""The accessor ``bourn`` of xarray's objects: ``import bourn.xarray``, then ``da.bourn.compute(...)``."""

from __future__ import annotations

from typing import Any

import xarray as xr

import bourn

__all__ = ["BournAccessor"]


class BournAccessor:
    """What bourn does with a DataArray or a Dataset.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
    """

    def __init__(self, obj: xr.DataArray | xr.Dataset) -> None:
        self._obj = obj

    def compute(self, geobox: Any = None, **request: Any) -> Any:
        """What ``bourn.compute(obj, geobox, ...)`` gives."""
        return bourn.compute(self._obj, geobox, **request)

    def plan(self, geobox: Any = None, **request: Any) -> Any:
        """What ``bourn.plan(obj, geobox, ...)`` gives: a dry run, which computes nothing."""
        return bourn.plan(self._obj, geobox, **request)


for _register in (xr.register_dataarray_accessor, xr.register_dataset_accessor):
    _register("bourn")(BournAccessor)  # type: ignore[no-untyped-call]  # xarray's decorators have no types
