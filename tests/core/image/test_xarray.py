"""xarray objects become images by what their coordinates say, and images become them again."""

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from affine import Affine
from bourn.errors import RequestError
from bourn.image.image import Image
from odc.geo.geobox import GeoBox
from odc.geo.xr import wrap_xr, xr_coords


def refused(obj):
    with pytest.raises(RequestError) as caught:
        Image.from_xarray(obj)
    return [tuple(problem) for problem in caught.value.problems]


@pytest.fixture
def scene(utm):
    return wrap_xr(np.arange(15.0).reshape(3, 5), utm)


def test_the_grid_is_that_of_the_coordinates(scene, utm):
    image = Image.from_xarray(scene)
    assert image.geobox == utm
    assert image.shape == (1, 3, 5)


def test_a_strided_slice_with_its_stale_transform_is_placed_right(scene):
    image = Image.from_xarray(scene[::2, 1::2])
    assert image.geobox.affine == Affine(20, 0, 500_005, 0, -20, 4_000_005)


def test_one_pixel_axes_take_their_size_from_spatial_ref(scene):
    assert Image.from_xarray(scene[1:2, 2:3]).geobox.affine == Affine(10, 0, 500_020, 0, -10, 3_999_990)
    bare = scene[1:2]
    bare.spatial_ref.attrs.pop("GeoTransform")
    assert refused(bare) == [
        (
            "image.geobox",
            (
                "one pixel along 'y' tells no pixel size, and spatial_ref has no GeoTransform; "
                "take it from two pixels or more, or give geobox="
            ),
        )
    ]


def test_south_up_is_turned_north_up_with_its_pixels(scene, utm):
    image = Image.from_xarray(scene[::-1])
    assert image.geobox == utm
    assert np.array_equal(image.array[0], scene.data)
    lazy = Image.from_xarray(scene[::-1].chunk(2))
    assert lazy.lazy
    assert lazy.identical(image)


def test_a_rotated_grid_is_kept(utm):
    rotated = GeoBox(utm.shape, utm.affine @ Affine.rotation(30), utm.crs)
    scene = wrap_xr(np.zeros((3, 5)), rotated)
    assert Image.from_xarray(scene).geobox == rotated
    assert Image.from_xarray(scene[::2]).geobox.affine.almost_equals(
        rotated.affine @ Affine.translation(0, -0.5) @ Affine.scale(1, 2)
    )


def test_a_rotated_grid_with_coordinates_in_two_dimensions_is_checked_against_them(utm):
    """As rioxarray opens one: its stored transform is stale after a slice."""
    rotated = GeoBox(utm.shape, utm.affine @ Affine.rotation(30), utm.crs)
    columns, rows = np.meshgrid(np.arange(5) + 0.5, np.arange(3) + 0.5)
    a, b, c, d, e, f, *_ = rotated.affine
    scene = xr.DataArray(
        np.zeros((3, 5)), dims=("y", "x"),
        coords={"xc": (("y", "x"), a * columns + b * rows + c), "yc": (("y", "x"), d * columns + e * rows + f),
                "spatial_ref": xr_coords(rotated)["spatial_ref"]},
    )  # fmt: skip
    assert Image.from_xarray(scene).geobox == rotated
    ((path, message),) = refused(scene[::2])
    assert path == "image.geobox"
    assert message.startswith("its coordinates contradict its stored transform, which a slice made stale")


def test_a_stored_transform_alone_is_not_trusted(scene):
    ((path, message),) = refused(scene.drop_vars(["x", "y"]))
    assert path == "image.geobox"
    assert message.startswith("it has no coordinates, only a stored transform, which a slice makes stale")


def test_uneven_coordinates_are_no_grid(scene):
    assert refused(scene.assign_coords(y=[0.0, 1.0, 5.0])) == [
        (
            "image.geobox",
            "its coordinate 'y' is not evenly spaced: 1.0 at index 1 is 0.6 pixels off; reproject it onto a grid",
        )
    ]


def test_float32_coordinates_are_even_within_their_rounding():
    lon = (-105 + 0.0001 * np.arange(3000)).astype("f4")
    scene = xr.DataArray(
        np.zeros((2, 3000)), dims=("latitude", "longitude"), coords={"latitude": [1.0, 0.9999], "longitude": lon}
    )
    assert Image.from_xarray(scene.odc.assign_crs("EPSG:4326")).geobox.affine.a == pytest.approx(0.0001, rel=1e-3)


def test_ground_control_points_are_refused(scene):
    from odc.geo.gcp import GCPGeoBox, GCPMapping

    corners = [(0.0, 0.0), (5.0, 0.0), (0.0, 3.0), (5.0, 3.0)]
    placed = GCPGeoBox((3, 5), GCPMapping(np.array(corners), np.array(corners), "EPSG:4326"))
    ((path, message),) = refused(wrap_xr(np.zeros((3, 5)), placed))
    assert (path, message) == (
        "image.geobox",
        "it is placed by ground control points: reproject it onto a grid, or give geobox=",
    )


def test_dates_of_length_one_become_the_date_and_longer_ones_are_refused(scene):
    times = np.array(["2024-01-01", "2024-01-02"], "M8[ns]")
    series = xr.concat([scene, scene + 1], "time").assign_coords(time=times)
    for one in (series.isel(time=[0]), series.isel(time=0)):
        image = Image.from_xarray(one)
        assert image.date.isoformat() == "2024-01-01T00:00:00+00:00"
        assert image.properties == {"date": image.date}
    assert refused(series) == [
        (
            "image.array",
            (
                "it has 2 steps along 'time', and an image has one: select one, such as .isel(time=0) "
                "or .sel(time='2024-01-01')"
            ),
        )
    ]


def test_other_dimensions_are_refused_with_how_to_select(scene):
    assert refused(scene.expand_dims(level=3)) == [
        (
            "image.array",
            "an image has no dimension 'level': select along it, such as .isel(level=0), or rename it to 'band'",
        )
    ]
    assert refused(xr.DataArray(np.zeros((2, 3, 4)), dims=("a", "b", "c"))) == [
        ("image.array", "which of the dimensions a, b, c are y and x? name the spatial ones y and x")
    ]


@pytest.mark.parametrize(
    ("coords", "attrs", "bands"),
    [
        ({"band": ["r", "g"]}, {"long_name": ("x", "y")}, ("r", "g")),
        ({"band": [1, 2]}, {"long_name": ("x", "y")}, ("x", "y")),
        ({}, {"long_name": ["x", "y"]}, ("x", "y")),
        ({}, {"long_name": "both"}, ("band_1", "band_2")),
        ({}, {"long_name": ("x", "x")}, ("band_1", "band_2")),
        ({}, {}, ("band_1", "band_2")),
    ],
)
def test_bands_are_named_by_coordinate_then_long_name(coords, attrs, bands):
    obj = xr.DataArray(np.zeros((3, 4, 2)), dims=("y", "x", "band"), coords=coords, attrs=attrs)
    image = Image.from_xarray(obj)
    assert image.bands == bands
    assert image.shape == (2, 3, 4)


def test_a_datasets_bands_are_its_variables_and_keep_their_dtypes(scene):
    image = Image.from_xarray(xr.Dataset({"a": scene.astype("u1"), "b": scene.astype("f4").T}))
    assert image.bands == ("a", "b")
    assert [dtype.name for dtype in image.dtypes] == ["uint8", "float32"]
    assert np.array_equal(image.band("b"), scene)


def test_a_datasets_variables_that_are_no_bands_are_refused_by_name(scene):
    dataset = xr.Dataset({"a": scene, "cloud": 0.5, "profile": ("z", [1, 2]), "crs": ((), 0, {"crs_wkt": "PROJCRS[]"})})
    assert [path for path, _ in refused(dataset)] == ['image.bands["cloud"]', 'image.bands["profile"]']


def masked(obj):
    mask = Image.from_xarray(obj).compute().mask
    return None if mask is None else mask.reshape(-1).tolist()


def raster(values, dtype, attrs=None, encoding=None):
    obj = xr.DataArray(np.array([values], dtype), dims=("y", "x"), attrs=attrs or {})
    obj.encoding = encoding or {}
    return obj


def test_nan_masks_floats():
    assert masked(raster([1, np.nan], "f4")) == [False, True]
    assert np.isnan(Image.from_xarray(raster([1], "f4")).nodata[0])
    assert masked(raster([1, 2], "i2")) is None


@pytest.mark.parametrize("key", ["_FillValue", "nodata", "missing_value"])
def test_nodata_of_the_attributes_masks_what_is_not_decoded(key):
    obj = raster([0, 7], "u1", {key: 7})
    assert masked(obj) == [False, True]
    assert Image.from_xarray(obj).nodata == (7,)
    assert masked(raster([0, 7, np.nan], "f4", {key: 7})) == [False, True, True]
    assert masked(raster([1, 0.1], "f4", {key: 0.1})) == [False, True]
    assert masked(raster([0, 7], "u1", None, {"_FillValue": 7})) == [False, True]
    assert masked(raster([0, 7], "u1", {key: np.nan})) is None


def test_nodata_that_no_pixel_can_have_is_refused():
    assert refused(raster([0, 7], "u1", {"_FillValue": -9999})) == [
        ('image.bandinfo["band_1"]["nodata"]', "-9999 is no value of uint8, which holds whole numbers from 0 to 255")
    ]


def test_decoded_data_is_physical_and_its_encoding_says_nothing():
    """As xarray opens a netCDF file: what it has applied stands in the encoding."""
    encoding = {"scale_factor": 0.1, "add_offset": 5.0, "_FillValue": -9999, "dtype": "int16"}
    obj = raster([1.5, np.nan, -9999], "f4", {"units": "K", "long_name": "temperature"}, encoding)
    image = Image.from_xarray(obj)
    assert masked(obj) == [False, True, False]
    assert np.array_equal(image.array, obj.data[None], equal_nan=True)
    facts = dict(image.bandinfo["temperature"])
    assert np.isnan(facts.pop("nodata"))
    assert facts == {"kind": "data", "unit": "K"}


def test_undecoded_scales_are_kept_with_the_band():
    image = Image.from_xarray(raster([1], "i2", {"scale_factor": 0.1, "add_offset": 5.0}))
    assert dict(image.bandinfo["band_1"]) == {"kind": "data", "scale": 0.1, "offset": 5.0}


def test_flags_are_classes_and_bools_are_masks():
    assert Image.from_xarray(raster([1], "u1", {"flag_values": [0, 1], "flag_meanings": "a b"})).bandinfo["band_1"] == {
        "kind": "class"
    }
    assert Image.from_xarray(raster([1], bool)).bandinfo["band_1"] == {"kind": "mask"}


def test_what_is_still_in_a_file_is_not_read(tmp_path, scene, monkeypatch):
    """An xarray object opened without chunks reads all of its variable at the first touch of .data."""
    from xarray.core import indexing

    class Untouched(indexing.ExplicitlyIndexed):
        shape, dtype, ndim = (3, 5), np.dtype("f8"), 2

        def __getitem__(self, key):
            msg = "it was read"
            raise AssertionError(msg)

        def get_duck_array(self):
            msg = "it was read"
            raise AssertionError(msg)

    variable = xr.Variable(("y", "x"), indexing.LazilyIndexedArray(Untouched()))
    obj = xr.DataArray(variable, coords=scene.coords)
    assert Image.from_xarray(obj).lazy


def images(utm):
    steps = np.arange(30).reshape(2, 3, 5)
    some = steps > 20
    info = {
        "band_1": {"kind": "class", "nodata": 3},
        "band_2": {"scale": 2.0, "offset": 1.0, "unit": "m", "description": "d"},
    }
    yield "plain", Image(steps.astype("u1"), ["r", "nir"], geobox=utm, properties={"date": "2024-01-01", "by": "me"})
    yield "masked integers", Image(steps.astype("u1"), mask=some, geobox=utm, bandinfo=info)
    yield "one mask for all", Image(steps.astype("u1"), mask=some[1], geobox=utm)
    yield "unlike bands", Image([steps[0].astype("u1"), steps[1] > 3], mask=some, geobox=utm)
    yield "bool", Image(steps > 4, geobox=utm)
    yield "complex", Image(steps * 1j, bandinfo={"band_1": {"nodata": np.nan}, "band_2": {"nodata": np.nan}})
    yield "south-up stays as its pixels are", Image(steps.astype("i8"), geobox=GeoBox(utm.shape, utm.affine, None))
    yield "lazy", Image(da.from_array(steps, chunks=2), mask=da.from_array(some, chunks=2), geobox=utm)


def test_to_xarray_is_the_inverse(utm):
    for name, image in images(utm):
        back = Image.from_xarray(image.to_xarray())
        assert back.identical(image), name
        assert back.lazy == image.lazy, name


def test_masked_pixels_are_nan_in_floats_and_nodata_where_there_is_one(utm):
    mask = np.zeros((3, 5), bool)
    mask[0, 0] = True
    floats = Image(np.ones((1, 3, 5)), mask=mask, geobox=utm).to_xarray()
    assert np.isnan(floats.data[0, 0, 0])
    assert "masked" not in floats.coords
    whole = Image(np.ones((1, 3, 5), "i2"), mask=mask, geobox=utm, bandinfo={"band_1": {"nodata": -1}}).to_xarray()
    assert whole.data[0, 0, 0] == -1
    assert whole.attrs["nodata"] == -1
    assert floats.odc.geobox == utm
