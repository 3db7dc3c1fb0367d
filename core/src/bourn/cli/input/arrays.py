"""Arrays and datasets in files: NumPy, netCDF and HDF5, Zarr, rasters."""

from __future__ import annotations

import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bourn.cli.input.bounds import LARGEST_BYTES, check_expansion, check_folder, reading, unreadable
from bourn.wording import listed, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["read_array", "read_arrays", "read_netcdf", "read_raster", "read_zarr"]

_NETCDF_ENGINES = {"h5netcdf", "netcdf4", "scipy"}
_CLASSIC_ENGINES = {"netcdf4", "scipy"}


def read_array(path: str, *, select: Mapping[str, str], limit: int = LARGEST_BYTES) -> Any:  # noqa: ARG001
    """Return the array of a NumPy file; it stays in its file until it is used."""
    import numpy as np  # where it is needed

    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise unreadable(f"{shown(path)} is no array that can be read without running code: {error}") from error


def read_arrays(path: str, *, select: Mapping[str, str], limit: int = LARGEST_BYTES) -> Any:
    """Return the arrays of a ``.npz`` file by their names; the one that `select` names, or the only one, alone."""
    with reading(path, "NumPy archive", "numpy"):
        import numpy as np  # where it is needed

        with zipfile.ZipFile(path) as archive:
            check_expansion(path, sum(entry.file_size for entry in archive.infolist()), limit)
        with np.load(path, allow_pickle=False) as archive:
            names = [_chosen(select["variable"], archive.files)] if "variable" in select else archive.files
            try:
                arrays = {name: archive[name] for name in names}
            except ValueError as error:
                raise unreadable(f"{shown(path)} has no array that can be read without code: {error}") from error
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def read_netcdf(path: str, *, select: Mapping[str, str], limit: int = LARGEST_BYTES) -> Any:
    """Return the Dataset of a netCDF or HDF5 file, or what `select` takes of it; lazy where dask is installed.

    Parameters
    ----------
    path : str
    select : mapping
        ``group``, ``variable``, and names of dimensions with a value or ``first..last``.
    limit : int
        In bytes; see `check_expansion`.
    """
    with reading(path, "netCDF file", "xarray"):
        import xarray as xr  # where it is needed

        engines = set(xr.backends.list_engines())
        if _is_classic(path) and not _CLASSIC_ENGINES & engines:
            raise unreadable(f"{shown(path)} is a netCDF file of the classic format (netCDF-3); pip install scipy")
        if not _NETCDF_ENGINES & engines:
            raise unreadable(f"{shown(path)} can't be read: xarray has no reader of netCDF; pip install h5netcdf h5py")
        groups = _hdf5_groups(path)
        group = _chosen(select["group"], groups, what="group") if "group" in select else None
        options: dict[str, Any] = {} if group is None else {"group": group}
        dataset = xr.open_dataset(path, chunks={} if find_spec("dask") else None, **options)
        inner = [name for name in groups if group is None or name.startswith(f"{group}/")]
        if not dataset.data_vars and inner:
            raise unreadable(_in_groups(path, inner))
        if inner and group is None:
            _note(f"{path}: the groups {listed(inner)} are left out; --select group=NAME takes one")
        return _selected(dataset, path, select, limit)


def _is_classic(path: str) -> bool:
    """Whether it begins as a netCDF file of one of the formats before HDF5."""
    with Path(path).open("rb") as file:
        return file.read(4) in {b"CDF\x01", b"CDF\x02", b"CDF\x05"}


def read_zarr(path: str, *, select: Mapping[str, str], limit: int = LARGEST_BYTES) -> Any:
    """Return the Dataset of a Zarr folder, or what `select` takes of it; lazy where dask is installed."""
    check_folder(path)
    with reading(path, "Zarr folder", "zarr"):
        import xarray as xr  # where it is needed
        import zarr

        groups = [name for name, _ in zarr.open_group(path, mode="r").groups()]
        options: dict[str, Any] = {"group": _chosen(select["group"], groups, what="group")} if "group" in select else {}
        dataset = xr.open_zarr(path, chunks={} if find_spec("dask") else None, consolidated=False, **options)
        if not dataset.data_vars and groups and not options:
            raise unreadable(_in_groups(path, groups))
        return _selected(dataset, path, select, limit)


def _in_groups(path: str, groups: list[str]) -> str:
    return f"{shown(path)} has its variables in groups; take one: --select group={groups[0]}. Groups: {listed(groups)}"


def _selected(dataset: Any, path: str, select: Mapping[str, str], limit: int) -> Any:
    places = {name: text for name, text in select.items() if name not in {"group", "variable"}}
    for name, text in places.items():
        if name not in dataset.dims and name not in dataset.coords:
            dimensions = listed(map(str, dataset.dims))
            raise unreadable(f"--select {name}: {shown(path)} has no such dimension; it has {dimensions}")
        dataset = _at(dataset, name, text)
    if "variable" in select:
        dataset = dataset[_chosen(select["variable"], [str(name) for name in dataset.data_vars])]
    check_expansion(path, dataset.nbytes, limit)
    return dataset


def _at(dataset: Any, name: str, text: str) -> Any:
    """Take a value of a dimension, the nearest for numbers, or a range ``first..last``."""
    first, dots, last = text.partition("..")
    index = dataset.indexes.get(name)
    try:
        if index is None:
            bounds = slice(int(first), int(last) + 1) if dots else int(first)
            return dataset.isel({name: bounds})
        kind = index.dtype.kind
        values = [float(each) if kind in "iuf" else each for each in ((first, last) if dots else (first,))]
        if dots:
            return dataset.sel({name: slice(*values)})
        return dataset.sel({name: values[0]}, method="nearest" if kind == "f" else None)
    except (KeyError, ValueError, TypeError) as error:
        msg = f"--select {name}={text}: no such value: {error}"
        raise unreadable(msg) from error


def _hdf5_groups(path: str) -> list[str]:
    """Return the groups of an HDF5 file; refuse one whose data lie in other files. Of another format there is none."""
    with open(path, "rb") as file:  # noqa: PTH123  # a name that h5py gets as it is
        if file.read(8) != b"\x89HDF\r\n\x1a\n":
            return []
    if find_spec("h5py") is None:
        raise unreadable(f"{shown(path)} can't be checked for links to other files without h5py: pip install h5py")
    import h5py  # type: ignore[import-untyped]  # it has no types

    with h5py.File(path, "r") as file:
        return list(_walked(file, "", path))


def _walked(group: Any, within: str, path: str) -> Iterator[str]:
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        where = f"{within}{name}"
        if isinstance(link, h5py.ExternalLink):
            raise unreadable(_elsewhere(path, where, link.filename))
        if isinstance(link, h5py.SoftLink):
            continue
        entry = group[name]
        if isinstance(entry, h5py.Group):
            yield where
            yield from _walked(entry, f"{where}/", path)
        elif isinstance(entry, h5py.Dataset):
            others = [source[0] for source in entry.external or ()]
            if entry.is_virtual:
                others += [source.file_name for source in entry.virtual_sources() if source.file_name != "."]
            if others:
                raise unreadable(_elsewhere(path, where, str(others[0])))


def _elsewhere(path: str, where: str, other: str) -> str:
    return f"{shown(path)}: {shown(where)} lies in another file, {shown(other)}, which is not opened"


def read_raster(path: str, *, select: Mapping[str, str], limit: int = LARGEST_BYTES) -> Any:  # noqa: ARG001
    """Return the image of a raster file; its pixels stay in the file until they are used."""
    from bourn.image.image import Image  # numpy, where it is needed

    if "://" not in path:
        _check_raster(path, limit)
    return Image.open(path)


def _check_raster(path: str, limit: int) -> None:
    """Refuse a raster that promises far more pixels than it has bytes, or whose overviews or mask lie elsewhere."""
    import numpy as np

    from bourn.errors import RequestError
    from bourn.image.open_files import Datasets

    for suffix in (".ovr", ".msk"):
        _check_sidecar(path, path + suffix)
    try:
        with Datasets(path).borrowed() as dataset:
            width = sum(np.dtype("c8" if name == "complex_int16" else name).itemsize for name in dataset.dtypes)
            check_expansion(path, dataset.width * dataset.height * width, limit)
            elsewhere = dataset.tags(ns="OVERVIEWS").get("OVERVIEW_FILE")
    except RequestError:
        raise
    except (OSError, TypeError):  # Image.open says what is wrong with it
        return
    if elsewhere:
        raise unreadable(f"{shown(path)} names another file for its overviews, {shown(elsewhere)}, which is not opened")


def _check_sidecar(path: str, sidecar: str) -> None:
    try:
        with open(sidecar, "rb") as file:  # noqa: PTH123  # a plain name
            head = file.read(4)
    except OSError:
        return
    if head[:2] not in {b"II", b"MM"}:
        raise unreadable(
            f"{shown(sidecar)}, which belongs to {shown(path)}, is not a TIFF and is not opened; remove it"
        )


def _chosen(name: str, names: list[str], *, what: str = "variable") -> str:
    if name in names:
        return name
    folded = {each.casefold(): each for each in names}
    suggestion = nearest(name, folded)
    hint = f" Did you mean {folded[suggestion]!r}?" if suggestion else ""
    raise unreadable(f"--select {what}: there is no {shown(name)}; there are {listed(names)}.{hint}")


def _note(message: str) -> None:
    import logging

    logging.getLogger("bourn").warning("%s", message)
