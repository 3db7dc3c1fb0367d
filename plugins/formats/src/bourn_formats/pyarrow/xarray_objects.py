"""xarray objects as plain trees: variables with their dims and attributes, coordinates, indexes by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bourn_formats.foreign import plain_form_hint
from bourn_formats.pyarrow.tokens import Part, Unsupported
from bourn_formats.wording import key_path, type_path

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

__all__ = [
    "decode_array",
    "decode_dataset",
    "decode_index_variable",
    "decode_tree",
    "decode_variable",
    "encode_array",
    "encode_dataset",
    "encode_tree",
    "encode_variable",
]

_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic, np.dtype)

_OF_THE_FILE = frozenset({"source"})
"""Entries of an encoding that say where the file was on the machine of the producer."""


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)


def _encoding(given: Mapping[Any, Any], report: Counter[str]) -> dict[Any, Any]:
    """The plain entries: codecs of a file are objects, and no part of the values."""
    kept = {key: value for key, value in given.items() if key not in _OF_THE_FILE and _is_plain(value)}
    if len(kept) < len(given):
        report["encoding"] += len(given) - len(kept)
    return kept


def encode_variable(variable: Any, report: Counter[str]) -> dict[str, Any]:
    """Its dims, values, attributes and encoding."""
    return {
        "dims": variable.dims,
        "values": Part("", _values(variable)),
        "attrs": Part(".attrs", dict(variable.attrs)),
        "encoding": _encoding(variable.encoding, report),
    }


def _values(variable: Any) -> Any:
    if not isinstance(variable.dtype, np.dtype):
        import pandas as pd  # loaded already: this is one of its dtypes

        # `data` and `to_index` convert some: of an adapter the pandas array within is wanted.
        held = variable._data  # noqa: SLF001
        for _ in range(2):
            held = getattr(held, "array", held)
        return pd.Series(held)
    data = variable.data
    if type(data) in {np.ndarray, np.memmap}:
        return np.asarray(data, dtype=variable.dtype)
    if type(data).__module__.partition(".")[0] == "dask":
        return np.asarray(data)
    hint = _DUCK_HINTS.get(type_path(data).partition(".")[0]) or plain_form_hint(type(data))
    msg = f"values of type {type_path(data)}{hint}"
    raise Unsupported(msg)


_DUCK_HINTS = {
    "pint": " (.pint.dequantify() keeps the units as an attribute)",
    "sparse": " (.copy(data=array.data.todense()) makes it dense)",
    "cupy": " (.as_numpy() brings it to this machine's memory)",
}
"""By library: how an xarray object gets values of numpy."""


def decode_variable(parts: Any) -> Any:
    """The variable."""
    import xarray as xr  # 0.7 s: only where the tree has one

    return xr.Variable(parts["dims"], _numpy_or_pandas(parts["values"]), parts["attrs"], parts["encoding"])


def _numpy_or_pandas(values: Any) -> Any:
    return values if isinstance(values, np.ndarray) else values.array


def decode_index_variable(parts: Any) -> Any:
    """The variable of an index."""
    import xarray as xr  # 0.7 s: only where the tree has one

    return xr.IndexVariable(parts["dims"], _numpy_or_pandas(parts["values"]), parts["attrs"], parts["encoding"])


def _encode_coords(obj: Any, report: Counter[str]) -> dict[str, Any]:
    """The coordinates, and the indexes among them: names of the plain ones, pandas' own for several levels."""
    import xarray as xr  # loaded already: this is one of its objects

    plain: list[Any] = []
    levels: list[dict[str, Any]] = []
    for index, variables in obj.xindexes.group_by_index():
        names = list(variables)
        if type(index) is xr.indexes.PandasMultiIndex:
            levels.append({"names": names, "dim": index.dim, "index": Part(f".indexes[{names[0]!r}]", index.index)})
        elif isinstance(index, xr.indexes.PandasIndex):
            plain += names
        else:
            msg = f"an index of type {type_path(index)} (drop_indexes({names!r}) leaves the coordinate)"
            raise Unsupported(msg, f".indexes[{names[0]!r}]")
    given = {name for entry in levels for name in entry["names"]}
    coords: dict[Any, Any] = {}
    for name, coord in obj.coords.items():
        if name in given:
            attrs = Part(f".coords[{name!r}].attrs", dict(coord.attrs))
            coords[name] = {"attrs": attrs, "encoding": _encoding(coord.encoding, report)}
        else:
            coords[name] = _encode_named(coord.variable, f".coords[{name!r}]", report)
    return {"coords": coords, "indexes": plain, "levels": levels}


def _encode_named(variable: Any, step: str, report: Counter[str]) -> Part:
    try:
        return Part(step, encode_variable(variable, report))
    except ValueError as cause:
        raise Unsupported(str(cause), step) from cause


def _decode_coords(parts: Any) -> tuple[Any, list[Any]]:
    """The coordinates with the indexes of several levels, and the names of those that are still to be indexed."""
    import xarray as xr  # 0.7 s: only where the tree has one

    made, indexes = {}, {}
    for entry in parts["levels"]:
        index = xr.indexes.PandasMultiIndex(entry["index"], entry["dim"])
        made.update(index.create_variables())
        indexes.update(dict.fromkeys(entry["names"], index))
    variables = {}
    for name, variable in parts["coords"].items():
        if name in indexes:
            variables[name] = made[name]
            variables[name].attrs, variables[name].encoding = variable["attrs"], variable["encoding"]
        else:
            variables[name] = decode_variable(variable)
    return xr.Coordinates(variables, indexes=indexes), parts["indexes"]


def _with_indexes(obj: Any, names: list[Any]) -> Any:
    for name in names:
        obj = obj.set_xindex(name)
    return obj


def encode_array(array: Any, report: Counter[str]) -> dict[str, Any]:
    """Name, variable, coordinates and indexes."""
    return {
        "name": Part(".name", array.name),
        "variable": _encode_named(array.variable, "", report),
        **_encode_coords(array, report),
    }


def decode_array(parts: Any) -> Any:
    """The DataArray."""
    import xarray as xr  # 0.7 s: only where the tree has one

    variable = decode_variable(parts["variable"])
    coords, indexes = _decode_coords(parts)
    array = xr.DataArray(variable, coords=coords, name=parts["name"])
    array.encoding = parts["variable"]["encoding"]
    return _with_indexes(array, indexes)


def encode_dataset(dataset: Any, report: Counter[str]) -> dict[str, Any]:
    """Variables, coordinates, indexes, attributes."""
    variables = {}
    for place, (name, array) in enumerate(dataset.data_vars.items()):
        variables[name] = _encode_named(array.variable, key_path(name, 2 * place), report)
    return {
        "variables": variables,
        **_encode_coords(dataset, report),
        "attrs": Part(".attrs", dict(dataset.attrs)),
        "encoding": _encoding(dataset.encoding, report),
    }


def decode_dataset(parts: Any) -> Any:
    """The Dataset."""
    import xarray as xr  # 0.7 s: only where the tree has one

    variables = {name: decode_variable(variable) for name, variable in parts["variables"].items()}
    coords, indexes = _decode_coords(parts)
    dataset = xr.Dataset(variables, coords=coords, attrs=parts["attrs"])
    dataset.encoding = parts["encoding"]
    return _with_indexes(dataset, indexes)


def encode_tree(tree: Any, _report: Counter[str]) -> dict[str, Any]:
    """Name, and the Dataset of each node by its path, without what it inherits."""
    nodes = {}
    for node in tree.subtree:
        path = "/" if node is tree else f"/{node.relative_to(tree)}"
        nodes[path] = Part(f"[{path!r}]", node.to_dataset(inherit=False))
    return {"name": tree.name, "nodes": nodes}


def decode_tree(parts: Any) -> Any:
    """The DataTree."""
    import xarray as xr  # 0.7 s: only where the tree has one

    return xr.DataTree.from_dict(parts["nodes"], name=parts["name"])
