"""Tables and datasets in files, each read by its own library, if that is installed."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from bourn.cli.unreadable import unreadable
from bourn.errors import RequestError
from bourn.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_csv", "read_feather", "read_netcdf", "read_parquet"]

_NETCDF_ENGINES = {"h5netcdf", "netcdf4", "scipy"}

# Of a number with leading zeros, such as a postal code, or with more digits than a float64 has, the text is the value.
_NUMBER_THAT_IS_TEXT = r"^[+-]?(0[0-9]|[0-9]{17,}$)"


@contextmanager
def _reading(path: str, what: str, library: str) -> Iterator[None]:
    """Says what is wrong with the file at `path`, whatever its library raises."""
    try:
        yield
    except RequestError:
        raise
    except ImportError as error:
        msg = f"{shown(path)} can't be read without {library}, which is not installed: pip install {library}"
        raise unreadable(msg) from error
    except OSError as error:
        if error.errno is not None:  # the file, not what is in it
            raise
        raise unreadable(f"{shown(path)} is no {what}: {error}") from error
    except Exception as error:  # any of Arrow's or of HDF5's; what they read may be anything
        raise unreadable(f"{shown(path)} is no {what}: {error}") from error


def read_parquet(path: str) -> Any:
    """The table in a parquet file."""
    with _reading(path, "parquet file", "pyarrow"):
        from pyarrow import parquet  # where it is needed

        with parquet.ParquetFile(path, memory_map=True) as file:
            return _checked(file.read())


def read_feather(path: str) -> Any:
    """The table in an Arrow file (feather is another name of it) or an Arrow stream."""
    with _reading(path, "Arrow file or stream", "pyarrow"):
        import pyarrow as pa  # where it is needed

        file = pa.memory_map(path)
        is_file = file.read(6) == b"ARROW1"
        file.seek(0)
        return _checked((pa.ipc.open_file if is_file else pa.ipc.open_stream)(file).read_all())


def read_csv(path: str) -> Any:
    """The table in a CSV file with a line of names; columns are numbers or times where all their values are."""
    with _reading(path, "CSV file", "pyarrow"):
        import pyarrow as pa  # where it is needed
        from pyarrow import compute, csv

        table = csv.read_csv(path)
        names = table.schema.names
        numbers = [
            name
            for name, kind in zip(names, table.schema.types, strict=True)
            if names.count(name) == 1 and (pa.types.is_integer(kind) or pa.types.is_floating(kind))
        ]
        if not numbers:
            return table
        as_text = csv.ConvertOptions(include_columns=numbers, column_types=dict.fromkeys(numbers, pa.string()))
        for name, column in zip(numbers, csv.read_csv(path, convert_options=as_text).columns, strict=True):
            if compute.any(compute.match_substring_regex(column, _NUMBER_THAT_IS_TEXT)).as_py():
                table = table.set_column(names.index(name), name, column)
        return table


def _checked(table: Any) -> Any:
    # Offsets that lead out of their buffers must be found before they are followed.
    table.validate(full=True)
    return table


def read_netcdf(path: str) -> Any:
    """The Dataset in a netCDF file; lazy, if there is dask."""
    with _reading(path, "netCDF file", "xarray"):
        import xarray as xr  # where it is needed

        if not _NETCDF_ENGINES & set(xr.backends.list_engines()):
            raise unreadable(f"{shown(path)} can't be read: xarray has no reader of netCDF; pip install h5netcdf h5py")
        return xr.open_dataset(path, chunks={} if find_spec("dask") else None)
