"""netCDF: its bytes are read by h5py, xarray and GDAL; labels, CRS and values are equal."""

import io
import weakref

import dask.array as da
import h5py
import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from bourn import Image
from bourn.errors import EncodeError, RequestError
from bourn.testing import FormatContract, session_with
from bourn_cubes.netcdf import NetCDF
from odc.geo.geobox import GeoBox

GRID = GeoBox.from_bbox((500000, 4000000, 500160, 4000120), "EPSG:32613", resolution=10)


class TestNetCDF(FormatContract):
    format = NetCDF

    def read_back(self, data, kind, result):
        with h5py.File(io.BytesIO(data)) as file:
            if kind == "array":
                np.testing.assert_array_equal(file["data"][()], result)
                return
            for name in result.bands:
                np.testing.assert_array_equal(file[name][()], result.band(name))


@pytest.fixture(scope="module")
def session():
    with session_with(formats={"netcdf": NetCDF}) as session:
        yield session


@pytest.fixture
def written(session, tmp_path):
    """Writes a result in a whole job; gives the path of the file."""

    def write(result, **options):
        path = tmp_path / "result.nc"
        session.compute(result, format={"type": "netcdf", **options}, file=path)
        return path

    return write


@pytest.fixture
def cube():
    times = pd.date_range("2026-01-01", periods=3)
    values = np.random.default_rng(0).random((3, 4, 5))
    coords = {"time": times, "y": [4.0, 3, 2, 1], "x": np.arange(5.0)}
    return xr.DataArray(
        values, dims=("time", "y", "x"), coords=coords, name="t2m", attrs={"units": "K", "nested": {"a": 1}}
    )


@pytest.mark.parametrize("lazy", [False, True])
def test_a_labelled_array_is_read_as_it_was(written, cube, lazy):
    with xr.open_dataset(written(cube.chunk(time=1) if lazy else cube), engine="h5netcdf") as read:
        assert read.attrs["Conventions"] == "CF-1.11"
        assert read["t2m"].attrs.pop("nested") == '{"a": 1}'
        expected = cube.assign_attrs(units="K")
        del expected.attrs["nested"]
        xr.testing.assert_identical(read["t2m"].load(), expected)


def test_changed_attributes_are_counted_and_the_caller_keeps_them(session, cube):
    job = session.compute(cube, format="netcdf", block=False).wait()
    assert job.report["encode"]["attributes"] == {"t2m": 1}
    assert cube.attrs["nested"] == {"a": 1}


def test_an_image_with_crs_and_nodata(written):
    pixels = np.arange(2 * 12 * 16, dtype="uint16").reshape(2, 12, 16)
    info = {"red": {"nodata": 7, "scale": 0.5, "unit": "1"}}
    image = Image(pixels, mask=pixels < 5, bands=["red", "nir"], geobox=GRID, bandinfo=info)
    path = written(image)
    with xr.open_dataset(path, engine="h5netcdf", decode_coords="all", mask_and_scale=False) as read:
        assert read["red"].attrs["_FillValue"] == 7
        np.testing.assert_array_equal(read["red"], np.where(pixels[0] < 5, 7, pixels[0]))
        np.testing.assert_array_equal(read["nir"], pixels[1])
        np.testing.assert_array_equal(read["nir_mask"], pixels[1] < 5)
        assert read["red"].encoding["grid_mapping"] == "spatial_ref"
        assert read["spatial_ref"].attrs["grid_mapping_name"] == "transverse_mercator"
        assert read["x"].attrs["standard_name"] == "projection_x_coordinate"
    with xr.open_dataset(path, engine="h5netcdf") as read:
        assert read["red"].to_numpy()[1, 0] == 8.0


def test_valid_pixels_equal_to_nodata_are_counted(session):
    pixels = np.array([[[1, 7, 7, 2]]], "uint8")
    for given in (pixels, da.from_array(pixels)):
        image = Image(given, mask=np.array([[[0, 0, 1, 0]]], bool), bands=["a"], bandinfo={"a": {"nodata": 7}})
        job = session.compute(image, format="netcdf", block=False).wait()
        assert job.report["encode"].get("nodata_clash") == {"a": 1}


def test_chunks_of_a_lazy_array_are_those_of_the_file_and_computed_once(written):
    calls = []

    def block(block_info=None):
        calls.append(1)
        return np.ones((1, 64, 64), "float32")

    lazy = da.map_blocks(block, chunks=((1,) * 6, (64,), (64,)), dtype="float32", meta=np.empty((0, 0, 0), "float32"))
    with h5py.File(written(lazy)) as file:
        assert file["data"].chunks == (1, 64, 64)
        assert (file["data"].compression, file["data"].shuffle) == ("gzip", True)
        assert file["data"][()].sum() == 6 * 64 * 64
    assert len(calls) == 6


def test_a_lazy_array_without_a_grid_is_never_whole_in_memory(written):
    """A chunk is released before the last one is computed."""
    alive, most = [], []

    class Block(np.ndarray):
        pass

    def block(block_info=None):
        made = np.ones((1, 200, 200)).view(Block)
        alive.append(1)
        weakref.finalize(made, alive.pop)
        most.append(len(alive))
        return made

    lazy = da.map_blocks(block, chunks=((1,) * 40, (200,), (200,)), dtype="float64", meta=np.empty((0, 0, 0)))
    with h5py.File(written(xr.DataArray(lazy, dims=("level", "row", "column"), name="v"))) as file:
        assert file["v"].shape == (40, 200, 200)
    assert max(most) < 20


def test_chunks_and_compression_by_option(written):
    with h5py.File(written(np.zeros((4, 100, 100)), chunks=[2, 50, 200], compression="none")) as file:
        assert (file["data"].chunks, file["data"].compression) == ((2, 50, 100), None)


def test_packing_of_the_file_it_came_from_is_not_repeated(session, written, cube):
    cube.encoding = {"dtype": "int16", "scale_factor": 0.1, "add_offset": 0.0, "_FillValue": -1}
    with xr.open_dataset(written(cube), engine="h5netcdf") as read:
        np.testing.assert_array_equal(read["t2m"], cube)
    job = session.compute(cube, format="netcdf", block=False).wait()
    assert job.report["encode"]["encoding"] == ["t2m"]


@pytest.mark.parametrize(
    "array",
    [np.array(3.5), np.zeros((0, 3)), np.array([True, False]), np.array(["a", "ö"]), np.arange(3, dtype="float16"),
     np.array(["2020-01-01"], "M8[ns]"), np.ma.masked_array([1.5, 2], [True, False])],
    ids=str,
)  # fmt: skip
def test_arrays_of_other_kinds(written, array):
    with xr.open_dataset(written(array), engine="h5netcdf") as read:
        expected = array.filled(np.nan) if np.ma.isMaskedArray(array) else array
        np.testing.assert_array_equal(read["data"].to_numpy(), expected)


@pytest.mark.parametrize(
    "result", [np.zeros(2, "complex64"), np.zeros(2, [("a", "i4")]), np.array([1, "x"], object)], ids=["c", "V", "O"]
)
def test_what_it_does_not_hold(session, result):
    with pytest.raises((EncodeError, RequestError), match="netCDF does not have"):
        session.compute(result, format="netcdf")


def test_a_name_with_a_slash(session, cube):
    with pytest.raises(EncodeError, match=r"result\['a/b'\]"):
        session.compute(cube.rename("a/b"), format="netcdf")


def test_gdal_reads_grid_and_values(written):
    if "netCDF" not in rasterio.drivers.raster_driver_extensions().values():
        pytest.skip("this build of GDAL has no netCDF driver")
    image = Image(np.arange(192, dtype="float32").reshape(1, 12, 16), bands=["red"], geobox=GRID)
    with rasterio.open(f"netcdf:{written(image)}:red") as file:
        assert file.crs.to_epsg() == 32613
        assert file.transform == GRID.affine
        np.testing.assert_array_equal(file.read(1), image.array[0])
