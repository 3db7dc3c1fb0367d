"""Facts of bands stay with their band in xarray objects, and are read in the forms of other producers."""

import sys

import numpy as np
import pyproj
import pytest
import xarray as xr
from affine import Affine
from bourn.image.image import Image
from bourn.results.inspect import inspect
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

UTM = GeoBox((3, 4), Affine(10, 0, 500_000, 0, -10, 4_000_000), "EPSG:32613")
NAMES = ("red", "nir", "scl", "height")
FACTS = {
    "red": {"kind": "data", "scale": 0.0001, "offset": -0.1, "nodata": 0, "unit": "1"},
    "nir": {"kind": "data", "scale": 0.5, "nodata": 1},
    "scl": {"kind": "class", "nodata": 0, "description": "scene classes"},
    "height": {"kind": "data", "unit": "m", "offset": 3.0},
}


def scene(dtype="uint16", names=NAMES):
    pixels = np.arange(12 * len(names)).reshape(len(names), 3, 4).astype(dtype)
    return Image(pixels, bands=names, geobox=UTM, bandinfo={name: FACTS[name] for name in names})


def facts(obj):
    return {name: dict(known) for name, known in Image.from_xarray(obj).bandinfo.items()}


def expected(names, dtype):
    nan = {"nodata": np.nan} if dtype == "float32" else {}
    return {name: {**nan, **FACTS[name]} for name in names}


@pytest.fixture(params=[False, True], ids=["without rioxarray", "with rioxarray"])
def rioxarray(request):
    if request.param:
        return pytest.importorskip("rioxarray")
    if "rioxarray" in sys.modules:
        pytest.skip("rioxarray is imported already")
    return None


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    names=st.permutations(NAMES).flatmap(lambda order: st.integers(1, 4).map(lambda count: tuple(order[:count]))),
    dtype=st.sampled_from(["uint16", "int64", "float32"]),
)
def test_every_subset_and_order_of_bands_keeps_its_facts(names, dtype):
    whole = scene(dtype).to_xarray()
    right = expected(names, dtype)
    np.testing.assert_equal(facts(whole.sel(band=list(names))), right)
    np.testing.assert_equal(facts(whole.isel(band=[NAMES.index(name) for name in names])), right)
    parts = [scene(dtype, (name,)).to_xarray() for name in names]
    np.testing.assert_equal(facts(xr.concat(parts, "band", coords="minimal")), right)
    stacked = [whole.sel(band=name) for name in names]
    np.testing.assert_equal(facts(xr.concat(stacked, "band", coords="different", compat="equals")), right)


@pytest.mark.parametrize("name", NAMES)
def test_a_single_band_keeps_its_facts(name):
    np.testing.assert_equal(facts(scene().to_xarray().sel(band=name)), {name: FACTS[name]})


def test_one_nodata_value_a_band_is_read_the_same_with_rioxarray(rioxarray):
    array = xr.DataArray(
        np.array([[[1, 5]], [[2, 5]]], "int16"), dims=("band", "y", "x"),
        coords={"band": ["red", "nir"], "y": [0.0], "x": [0.0, 10.0]}, attrs={"nodatavals": (1, 2)},
    )  # fmt: skip
    image = Image.from_xarray(array)
    assert image.nodata == (1, 2)
    assert image.compute().mask.tolist() == [[[True, False]], [[True, False]]]


def test_lists_of_a_file_follow_the_numbers_of_its_bands(rioxarray):
    coords = {"band": [1, 2, 3], "y": [0.0, -10.0], "x": [0.0, 10.0]}
    lists = {"scales": (0.1, 0.2, 0.3), "units": ("a", "b", "c")}
    whole = xr.DataArray(np.zeros((3, 2, 2), "int16"), dims=("band", "y", "x"), coords=coords, attrs=lists)
    some = Image.from_xarray(whole.sel(band=[3, 1]))
    assert [known["scale"] for known in some.bandinfo.values()] == [0.3, 0.1]
    assert [known["unit"] for known in some.bandinfo.values()] == ["c", "a"]


def test_a_list_of_another_length_is_a_note():
    obj = array(attrs={"crs": "EPSG:32633", "scales": (0.1, 0.2, 0.3)})
    assert any("scales has 3 values for 1 bands" in note for note in inspect(obj).info.notes)


def array(pixels=None, attrs=None, encoding=None, coords=None, axes=None, name=None):
    pixels = np.ones((3, 3), "float32") if pixels is None else pixels
    spacing = {"y": [20.0, 10.0, 0.0], "x": [0.0, 10.0, 20.0]}
    obj = xr.DataArray(pixels, dims=("y", "x"), coords={**spacing, **(axes or {}), **(coords or {})}, name=name)
    obj.attrs.update(attrs or {})
    obj.encoding.update(encoding or {})
    return obj


@pytest.mark.parametrize("where", ["attrs", "encoding"])
def test_two_values_for_no_data_both_mask(where, rioxarray):
    pixels = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], "uint8")
    obj = array(pixels, **{where: {"_FillValue": np.uint8(1), "missing_value": np.array([5, 9], "uint8")}})
    image = Image.from_xarray(obj.assign_attrs(crs="EPSG:32633")).compute()
    assert image.nodata == (1,)
    assert pixels[image.mask[0]].tolist() == [1, 5, 9]


def test_nodata_of_float32_is_compared_with_a_tolerance_as_gdal_does():
    least = np.finfo("float32").min
    pixels = np.array([[least, 1, -1e38], [0, 3e38, -3.3e38], [1, 1, 1]], "float32")
    image = Image.from_xarray(array(pixels, attrs={"_FillValue": -3.4028230607370965e38})).compute()
    assert np.argwhere(image.mask[0]).tolist() == [[0, 0]]


CRS_FORMS = {
    "a number": {"attrs": {"crs": 32633}},
    "pyproj in an attribute": {"attrs": {"crs": pyproj.CRS(32633)}},
    "an epsg coordinate": {"coords": {"proj:epsg": 32633}},
    "a coordinate of satpy": {"coords": {"crs": pyproj.CRS(32633)}},
    "a coordinate of MetPy": {"coords": {"metpy_crs": pyproj.CRS(32633)}},
    "a PROJ string": {"attrs": {"crs": "+proj=utm +zone=33 +datum=WGS84 +units=m"}},
}


@pytest.mark.parametrize("form", CRS_FORMS.values(), ids=CRS_FORMS)
def test_a_crs_is_read_in_the_forms_of_other_libraries(form):
    found = Image.from_xarray(array(**form)).geobox.crs
    assert found.proj.to_epsg() == 32633
    assert not inspect(array(**form)).info.notes


def test_a_cf_grid_mapping_without_wkt_is_a_crs():
    mapping = {key: value for key, value in pyproj.CRS(32633).to_cf().items() if key != "crs_wkt"}
    obj = array(attrs={"grid_mapping": "utm"}).assign_coords(utm=((), 0, mapping))
    assert Image.from_xarray(obj).geobox.crs.proj.to_epsg() == 32633


def test_what_looks_like_a_crs_and_is_none_is_a_note():
    obj = array(coords={"crs": "somewhere"})
    assert any("looks like a CRS and is not understood" in note for note in inspect(obj).info.notes)


def test_coordinates_are_taken_in_their_units():
    kilometres = {"y": ("y", [20.0, 10.0, 0.0], {"units": "km"}), "x": ("x", [0.0, 10.0, 20.0], {"units": "km"})}
    transform = Image.from_xarray(array(axes=kilometres, attrs={"crs": "EPSG:32633"})).geobox.affine
    assert (transform.a, transform.e, transform.f) == (10_000, -10_000, 25_000)


def test_radians_of_a_geostationary_satellite_become_metres():
    geos = pyproj.CRS("+proj=geos +h=35785831 +lon_0=0 +ellps=WGS84 +units=m")
    step = 3000 / 35785831
    axes = {
        name: (name, np.array(places) * step, {"units": "rad"})
        for name, places in (("y", [1, 0, -1]), ("x", [-1, 0, 1]))
    }
    transform = Image.from_xarray(array(axes=axes, coords={"crs": geos})).geobox.affine
    assert (transform.a, transform.e) == pytest.approx((3000, -3000))


def test_the_time_of_several_is_the_one_called_so():
    times = {"forecast_reference_time": np.datetime64("2020-01-01", "ns"), "time": np.datetime64("2020-01-05", "ns")}
    assert Image.from_xarray(array(coords=times)).date.day == 5
    by_standard = xr.Variable((), np.datetime64("2020-01-07", "ns"), {"standard_name": "time"})
    assert (
        Image.from_xarray(array(coords={"start": np.datetime64("2020-01-01", "ns"), "valid": by_standard})).date.day
        == 7
    )


def test_times_of_which_none_is_the_time_are_a_note():
    obj = array(coords={"start": np.datetime64("2020-01-01", "ns"), "end": np.datetime64("2020-01-05", "ns")})
    assert Image.from_xarray(obj).date is None
    assert any("which of end, start is the time" in note for note in inspect(obj).info.notes)


def test_a_single_band_is_named_as_its_array():
    assert Image.from_xarray(array(name="ndvi")).bands == ("ndvi",)


def test_an_empty_slice_has_no_pixels():
    obj = array(attrs={"crs": "EPSG:32633"}).sel(x=slice(50, 60))
    assert [problem.message for problem in inspect(obj).info.no_image] == [
        "it has no pixels: its length along 'x' is 0"
    ]
