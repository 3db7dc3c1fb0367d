"""What the first page of the documentation promises, a line each."""

import json
import subprocess
import sys

import bourn
import numpy as np
import pytest
from bourn.errors import RequestError

pytestmark = pytest.mark.slow


@pytest.fixture
def compute(session):
    return session.compute


@pytest.fixture
def scene():
    xr = pytest.importorskip("xarray")
    from odc.geo.geobox import GeoBox
    from odc.geo.xr import xr_coords

    geobox = GeoBox.from_bbox((500000, 4000000, 500000 + 10 * 1200, 4000000 + 10 * 700), "EPSG:32613", resolution=10)
    pixels = np.random.default_rng(0).integers(1, 3000, (2, *geobox.shape)).astype("uint16")
    coords = {**xr_coords(geobox), "band": ["red", "nir"]}
    made = xr.DataArray(pixels, dims=("band", *geobox.dims), coords=coords, attrs={"nodata": 0})
    made.encoding["grid_mapping"] = "spatial_ref"
    return made


def test_a_number(compute):
    assert compute(2) == 2


def test_something_delayed(compute):
    dask = pytest.importorskip("dask")
    assert compute(dask.delayed(1) + 1) == 2


def test_as_json(compute):
    assert compute(2, format="json") == b"2"


def test_a_tree_with_brotli(compute):
    tree = {"a": [1, 2.5, None, "x"]}
    assert compute(tree, format={"type": "pyarrow", "compression": "brotli"}) == tree


def test_an_xarray_image_comes_back_equal(compute, scene):
    import xarray as xr

    xr.testing.assert_identical(scene, compute(scene))


def test_a_geotiff_in_a_file(compute, scene, tmp_path):
    rasterio = pytest.importorskip("rasterio")
    assert compute(scene, format="geotiff", file=tmp_path / "x.tif") is None
    with rasterio.open(tmp_path / "x.tif") as file:
        assert file.crs == "EPSG:32613"
        assert file.descriptions == ("red", "nir")
        assert file.nodata == 0
        assert file.overviews(1) == [2, 4]
        assert (file.read() == scene.values).all()


def test_a_function_with_its_arguments(compute):
    assert compute(lambda x: x + 1, x=1) == 2


def test_a_list_with_an_array(compute):
    array = np.arange(6).reshape(2, 3)
    one, two = compute([1, array])
    assert one == 1
    assert two.dtype == array.dtype
    assert (two == array).all()


def test_another_process_has_the_result(session):
    job = session.compute(2, block=False)
    code = f"import bourn; print(bourn.Job.get({job.id!r}).result())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout == "2\n"


def test_the_callers_mappings_stay_as_they_are(compute):
    result, to, written = {"a": [1]}, {"type": "download"}, {"type": "pyarrow", "compression": "zstd"}
    copies = json.dumps([result, to, written])
    compute(result, destination=to, format=written)
    assert json.dumps([result, to, written]) == copies


def test_a_list_of_destinations_gives_a_list_and_is_encoded_once(session, monkeypatch):
    calls = []
    plugin = session.registry.find("format", "pyarrow").load()
    encode = type(plugin).encode
    monkeypatch.setattr(type(plugin), "encode", lambda *given: calls.append(given) or encode(*given))
    assert session.compute(2, destination=["download", {"type": "download"}]) == [2, 2]
    assert len(calls) == 1


def test_a_misspelt_keyword_is_refused_with_the_right_one(compute):
    with pytest.raises(RequestError, match="did you mean 'format'"):
        compute(2, fromat="json")


def test_the_functions_of_the_module_use_a_session_of_their_own(home):
    code = (
        "import bourn; assert bourn.compute(2) == 2; job = bourn.compute(3, block=False);"
        "assert bourn.Job.get(job.id).result() == 3; assert [j.id for j in bourn.jobs(limit=1)] == [job.id]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert bourn.__version__
