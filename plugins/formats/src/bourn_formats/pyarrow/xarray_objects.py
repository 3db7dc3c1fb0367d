"""xarray objects as plain trees: variables with their dims and attributes, coordinates, indexes by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bourn_formats.wording import type_path

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

__all__ = [
    "decode_array",
    "decode_dataset",
    "decode_index_variable",
    "decode_variable",
    "encode_array",
    "encode_dataset",
    "encode_variable",
]

_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic, np.dtype)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)


def _encoding(given: Mapping[Any, Any], report: Counter[str]) -> dict[Any, Any]:
    """What is plain of it: a file's codecs are objects, and no part of the values."""
    kept = {key: value for key, value in given.items() if _is_plain(value)}
    if len(kept) < len(given):
        report["encoding"] += len(given) - len(kept)
    return kept


def encode_variable(variable: Any, report: Counter[str]) -> dict[str, Any]:
    """Its dims, values, attributes and encoding."""
    if not isinstance(variable.dtype, np.dtype):
        msg = f"a variable of pandas' dtype {variable.dtype}"
        raise ValueError(msg)  # noqa: TRY004  # what is wrong is a value within the result
    return {
        "dims": variable.dims,
        "values": np.asarray(variable.values, dtype=variable.dtype),
        "attrs": dict(variable.attrs),
        "encoding": _encoding(variable.encoding, report),
    }


def decode_variable(parts: Any) -> Any:
    """The variable."""
    import xarray as xr  # 0.7 s: only where the tree has one

    return xr.Variable(parts["dims"], parts["values"], parts["attrs"], parts["encoding"])


def decode_index_variable(parts: Any) -> Any:
    """The variable of an index."""
    import xarray as xr  # 0.7 s: only where the tree has one

    return xr.IndexVariable(parts["dims"], parts["values"], parts["attrs"], parts["encoding"])


def _indexed(obj: Any) -> list[Any]:
    """The names of the coordinates that have an index, which is made of the coordinate again."""
    import xarray as xr  # loaded already: this is one of its objects

    for name, index in obj.xindexes.items():
        if type(index) is not xr.indexes.PandasIndex:
            msg = f"a coordinate {name!r} with an index of type {type_path(index)} (reset_index drops it)"
            raise ValueError(msg)
    return list(obj.xindexes)


def _coords(parts: Any) -> Any:
    import xarray as xr  # 0.7 s: only where the tree has one

    variables = {name: decode_variable(variable) for name, variable in parts["coords"].items()}
    return xr.Coordinates(variables, indexes={})


def _with_indexes(obj: Any, names: list[Any]) -> Any:
    for name in names:
        obj = obj.set_xindex(name)
    return obj


def encode_array(array: Any, report: Counter[str]) -> dict[str, Any]:
    """Name, variable, coordinates and which of them are indexes."""
    return {
        "name": array.name,
        "variable": encode_variable(array.variable, report),
        "coords": {name: encode_variable(coord.variable, report) for name, coord in array.coords.items()},
        "indexes": _indexed(array),
    }


def decode_array(parts: Any) -> Any:
    """The DataArray."""
    import xarray as xr  # 0.7 s: only where the tree has one

    variable = decode_variable(parts["variable"])
    array = xr.DataArray(variable, coords=_coords(parts), name=parts["name"])
    array.encoding = parts["variable"]["encoding"]
    return _with_indexes(array, parts["indexes"])


def encode_dataset(dataset: Any, report: Counter[str]) -> dict[str, Any]:
    """Variables, coordinates, which of them are indexes, attributes."""
    return {
        "variables": {name: encode_variable(array.variable, report) for name, array in dataset.data_vars.items()},
        "coords": {name: encode_variable(coord.variable, report) for name, coord in dataset.coords.items()},
        "indexes": _indexed(dataset),
        "attrs": dict(dataset.attrs),
        "encoding": _encoding(dataset.encoding, report),
    }


def decode_dataset(parts: Any) -> Any:
    """The Dataset."""
    import xarray as xr  # 0.7 s: only where the tree has one

    variables = {name: decode_variable(variable) for name, variable in parts["variables"].items()}
    dataset = xr.Dataset(variables, coords=_coords(parts), attrs=parts["attrs"])
    dataset.encoding = parts["encoding"]
    return _with_indexes(dataset, parts["indexes"])
