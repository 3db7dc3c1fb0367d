"""A dataset as a netCDF-4 file, chunk by chunk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bourn.plugin import EncodeError

from bourn_cubes.conventions import with_conventions

if TYPE_CHECKING:
    import xarray as xr
    from bourn.plugin import Sink

    from bourn_cubes.netcdf.options import Options
    from bourn_cubes.report import Report

__all__ = ["write"]

PIECE_BYTES = 1 << 20
SIDE = 512
"""Length of a chunk along the last two dimensions of an array that has no chunks."""

LARGE_BYTES = 4 << 20
"""Arrays in memory above this size are written in parts: xarray and h5py copy what they write at once."""


def write(dataset: xr.Dataset, report: Report, options: Options, sink: Sink) -> dict[str, Any]:
    """Write a dataset to a temporary file and copy it to the sink.

    Raises
    ------
    EncodeError
        netCDF can't hold a part of it.
    """
    dataset = with_conventions(dataset, report)
    encoding = {}
    for name, variable in dataset.variables.items():
        if variable.dtype == np.float16:
            dataset[name] = dataset[name].astype("float32")
        encoding[name] = {**variable.encoding, **_storage(variable, options)}
        if name in dataset.data_vars:
            dataset[name] = (variable.dims, _in_parts(dataset[name].data, encoding[name]), variable.attrs)
        dataset[name].encoding = {}
        if variable.dtype.kind == "f" and name in dataset.coords:
            encoding[name].setdefault("_FillValue", None)
    with tempfile.TemporaryDirectory(prefix="bourn-") as folder:
        path = Path(folder, "result.nc")
        try:
            dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)
        except (TypeError, ValueError, NotImplementedError) as error:
            raise EncodeError(f"result: {str(error).splitlines()[0]}") from error
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                sink.write(piece)
    return {"variables": [str(name) for name in dataset.data_vars], **report.as_mapping()}


def _storage(variable: Any, options: Options) -> dict[str, Any]:
    """Return how HDF5 stores a variable: chunks and compression; a scalar and texts have neither."""
    if not variable.ndim or not variable.size or variable.dtype.kind in "OUST":
        return {}
    found: dict[str, Any] = {"chunksizes": _chunks(variable, options.chunks)}
    if options.compression == "zlib":
        found |= {"zlib": True, "complevel": options.level, "shuffle": options.shuffle}
    return found


def _chunks(variable: Any, wanted: list[int]) -> tuple[int, ...]:
    if wanted:
        sides = [1] * max(0, variable.ndim - len(wanted)) + wanted[-variable.ndim :]
    elif variable.chunks:
        sides = [lengths[0] for lengths in variable.chunks]
    elif variable.ndim == 1:
        sides = [SIDE * SIDE]
    else:
        sides = [1] * (variable.ndim - 2) + [SIDE, SIDE]
    return tuple(min(side, length) for side, length in zip(sides, variable.shape, strict=True))


def _in_parts(data: Any, encoding: dict[str, Any]) -> Any:
    """Return a large array in memory as a dask array of whole chunks."""
    chunks = encoding.get("chunksizes")
    if not isinstance(data, np.ndarray) or data.nbytes < LARGE_BYTES or chunks is None:
        return data
    import dask.array as da  # 0.3 s

    row_bytes = max(1, data.nbytes // data.shape[0])
    rows = max(1, LARGE_BYTES // 4 // row_bytes // chunks[0]) * chunks[0]
    return da.from_array(
        _Slices(data), chunks=(rows, *data.shape[1:]), name=False, meta=np.empty((0,) * data.ndim, data.dtype)
    )


class _Slices:
    """An array that gives slices; of a numpy array dask copies all parts at once."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __getitem__(self, key: Any) -> Any:
        return self._array[key]
