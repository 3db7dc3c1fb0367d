"""Tables and datasets in files, as ``bourn send`` reads them."""

import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xarray as xr
from bourn.cli.input import arrays, read_input
from bourn.errors import RequestError
from pyarrow import feather, parquet

TABLE = pa.table({"a": [1, None, 3], "s": ["x", "ü", None]})


def problem(given):
    with pytest.raises(RequestError) as caught:
        read_input(str(given))
    (found,) = caught.value.problems
    assert found.path == "input"
    return found.message


def test_parquet(tmp_path):
    parquet.write_table(TABLE, tmp_path / "a.parquet")
    assert TABLE.equals(read_input(str(tmp_path / "a.parquet")))


@pytest.mark.parametrize("suffix", [".arrow", ".arrows", ".feather"])
def test_feather(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    feather.write_feather(TABLE, str(path))
    assert TABLE.equals(read_input(str(path)))


def test_an_arrow_stream(tmp_path):
    path = tmp_path / "a.arrow"
    with pa.ipc.new_stream(str(path), TABLE.schema) as writer:
        writer.write_table(TABLE)
    assert TABLE.equals(read_input(str(path)))


def test_csv(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbfn,f,t,s\r\n1,1.5,2020-01-02,x\r\n,,,"a,b"\r\n')
    table = read_input(str(path))
    assert table.schema.names == ["n", "f", "t", "s"]
    assert table.to_pydict() == {
        "n": [1, None], "f": [1.5, None], "t": [pd.Timestamp("2020-01-02").date(), None], "s": ["x", "a,b"],
    }  # fmt: skip


def test_numbers_that_are_texts_stay_texts(tmp_path):
    """A postal code keeps its zeros, and a long id its digits."""
    path = tmp_path / "a.csv"
    path.write_text("zip,id,n,zero,small\n01067,12345678901234567890,10,0,0.5\n12345,1,-20,0,00.5\n")
    table = read_input(str(path))
    assert table.to_pydict() == {
        "zip": ["01067", "12345"], "id": ["12345678901234567890", "1"], "n": [10, -20], "zero": [0, 0],
        "small": ["0.5", "00.5"],
    }  # fmt: skip


def test_a_column_of_two_names(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,a\n1,2\n")
    assert read_input(str(path)).schema.names == ["a", "a"]


def test_a_dataset_stays_in_its_file(tmp_path):
    dataset = xr.Dataset({"v": (("t", "x"), np.arange(6.0).reshape(2, 3))}, {"x": [1, 2, 3]}, {"title": "t"})
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    found = read_input(str(tmp_path / "a.nc"))
    assert found.__dask_graph__() is not None
    xr.testing.assert_identical(dataset, found.load())
    found.close()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.parquet", "is no parquet file: Parquet magic bytes not found in footer."),
        ("a.arrow", "is no Arrow file or stream: "),
        ("a.feather", "is no Arrow file or stream: "),
        ("a.csv", "is no CSV file: CSV parse error: Expected 1 columns, got 2: "),
        ("a.nc", "is no netCDF file: "),
    ],
)
def test_what_is_no_such_file(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"nothing at all\n1,2\n" * 9)
    assert message in problem(tmp_path / name)


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.csv", "a.nc"])
def test_an_empty_file(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    assert " is no " in problem(tmp_path / name)


def test_offsets_that_lead_out_of_the_file_are_not_followed(tmp_path):
    path = tmp_path / "a.arrow"
    with pa.ipc.new_stream(str(path), pa.schema([("t", pa.string())])) as writer:
        writer.write_table(pa.table({"t": ["abc", "def"]}))
    whole = path.read_bytes()
    offsets = np.array([0, 3, 6], "<i4").tobytes()
    assert whole.count(offsets) == 1
    path.write_bytes(whole.replace(offsets, np.array([0, 3, 2**30], "<i4").tobytes()))
    assert "is no Arrow file or stream: " in problem(path)


@pytest.mark.parametrize(
    ("name", "library"), [("a.parquet", "pyarrow"), ("a.arrow", "pyarrow"), ("a.csv", "pyarrow"), ("a.nc", "xarray")]
)
def test_a_library_that_is_not_there_is_named(tmp_path, monkeypatch, name, library):
    (tmp_path / name).write_bytes(b"")
    monkeypatch.setitem(sys.modules, library, None)
    assert problem(tmp_path / name).endswith(
        f"can't be read without {library}, which is not installed: pip install {library}"
    )


def test_xarray_without_a_reader_of_netcdf(tmp_path, monkeypatch):
    (tmp_path / "a.nc").write_bytes(b"")
    monkeypatch.setattr(arrays, "_NETCDF_ENGINES", set())
    assert problem(tmp_path / "a.nc").endswith("xarray has no reader of netCDF; pip install h5netcdf h5py")


def test_only_rasters_have_urls():
    assert problem("https://example.com/a.csv?x=1").endswith("only a raster can be read from a URL; fetch it first")
    assert problem("https://example.com/a.json").startswith("'https://example.com/a.json': ")
