"""Raster files: read in windows, alpha as mask, nodata exact, no third-party VRTs."""

import pickle
import threading

import numpy as np
import pytest
import rasterio
import tifffile
from affine import Affine
from bourn.errors import JobFailed, RequestError
from bourn.image.image import Image
from rasterio.rpc import RPC

TRANSFORM = Affine(10, 0, 500_000, 0, -10, 4_000_000)
NODATA_TAG = 42113


def write(path, array, *, mask=None, descriptions=None, **profile):
    array = np.asarray(array)
    profile = {"crs": "EPSG:32613", "driver": "GTiff", **profile}
    if "gcps" not in profile and "rpcs" not in profile:
        profile.setdefault("transform", TRANSFORM)
    count, height, width = array.shape
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", count=count, height=height, width=width, dtype=array.dtype.name, **profile) as dataset,
    ):
        dataset.write(array)
        if mask is not None:
            dataset.write_mask(np.where(mask, 0, 255).astype("u1"))
        if descriptions:
            dataset.descriptions = descriptions
    return path


@pytest.fixture
def pixels():
    return np.random.default_rng(1).integers(1, 200, (3, 300, 270), dtype="u1")


@pytest.mark.parametrize(
    "layout",
    [{}, {"tiled": True, "blockxsize": 64, "blockysize": 128}, {"interleave": "pixel", "compress": "deflate"}],
)
@pytest.mark.parametrize("rows", [1, 50, 300, 512])
def test_a_file_agrees_with_memory(tmp_path, pixels, layout, rows):
    image = Image.open(write(tmp_path / "a.tif", pixels, descriptions=("r", "g", None), nodata=7, **layout))
    expected = Image(
        pixels, ["r", "g", "band_3"], pixels == 7, image.geobox, {"AREA_OR_POINT": "Area"},
        {"r": {"nodata": 7, "color": "red"}, "g": {"nodata": 7, "color": "green"},
         "band_3": {"nodata": 7, "color": "blue"}},
    )  # fmt: skip
    assert image.lazy
    assert image.identical(expected)
    assert image.geobox.affine == TRANSFORM
    assert image.geobox.crs.epsg == 32613
    got = [(strip.pixels, strip.mask) for strip in image.strips(rows)]
    assert np.array_equal(np.concatenate([part for part, _ in got], axis=1), pixels)
    assert np.array_equal(image.array.compute(), pixels)
    assert np.array_equal(image.mask.compute(), pixels == 7)
    assert np.array_equal(image.band("g").compute(), pixels[1])
    assert image.select(["band_3", "r"]).compute().identical(expected.select(["band_3", "r"]))


def test_each_block_is_read_once(tmp_path, pixels, monkeypatch):
    image = Image.open(write(tmp_path / "a.tif", pixels, tiled=True, blockxsize=64, blockysize=64))
    from bourn.image.file_pixels import FilePixels

    windows = []
    real = FilePixels.window
    monkeypatch.setattr(
        FilePixels, "window", lambda self, rows, columns: windows.append(rows) or real(self, rows, columns)
    )
    list(image.strips(100))
    assert windows == [(0, 128), (128, 256), (256, 300)]


def test_an_alpha_band_is_the_mask_and_no_band(tmp_path, pixels):
    alpha = (np.arange(270) % 3 * np.ones((300, 1))).astype("u1")  # 0, 1, 2: what is not 0 is valid
    path = write(tmp_path / "a.tif", np.concatenate([pixels, alpha[None]]), photometric="RGB", alpha="YES")
    image = Image.open(path)
    assert image.shape == (3, 300, 270)
    assert np.array_equal(image.compute().mask, alpha == 0)
    kept = Image.open(path, keep_alpha=True)
    assert kept.shape == (4, 300, 270)
    assert kept.bandinfo["alpha"]["kind"] == "mask"
    assert np.array_equal(kept.compute().mask, alpha == 0)


def test_an_internal_mask_overrides_nodata_as_in_gdal(tmp_path, pixels):
    mask = pixels[0] > 100
    image = Image.open(write(tmp_path / "a.tif", pixels, mask=mask))
    assert image.compute().mask.shape == (300, 270)
    assert np.array_equal(image.compute().mask, mask)


def test_nan_is_masked_in_floats(tmp_path):
    array = np.array([[[1, np.nan], [np.inf, 0]]], "f4")
    assert Image.open(write(tmp_path / "a.tif", array)).compute().mask.tolist() == [[[False, True], [False, False]]]


def test_south_up_is_turned_with_its_pixels(tmp_path, pixels):
    path = write(
        tmp_path / "a.tif",
        pixels,
        transform=Affine(10, 0, 500_000, 0, 10, 3_997_000),
        tiled=True,
        blockysize=128,
        blockxsize=128,
    )
    image = Image.open(path)
    assert image.geobox.affine == TRANSFORM
    assert np.array_equal(image.compute().array, pixels[:, ::-1])
    assert np.array_equal(image.array.compute(), pixels[:, ::-1])
    assert np.array_equal(np.concatenate([strip.pixels for strip in image.strips(77)], axis=1), pixels[:, ::-1])


def test_a_rotated_grid_is_kept(tmp_path, pixels):
    transform = TRANSFORM @ Affine.rotation(30)
    image = Image.open(write(tmp_path / "a.tif", pixels, transform=transform))
    assert image.geobox.affine.almost_equals(transform)
    assert np.array_equal(image.compute().array, pixels)


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [
        ("i8", "9007199254740993", 2**53 + 1), ("u8", "18446744073709551615", 2**64 - 1),
        ("i8", "-9223372036854775808", -(2**63)), ("u1", "0.5", None), ("u1", "-9999", None),
    ],
)  # fmt: skip
def test_nodata_of_wide_integers_is_exact(tmp_path, dtype, text, value):
    array = np.zeros((4, 4), dtype)
    array[0, 0] = value or 0
    tifffile.imwrite(tmp_path / "a.tif", array, extratags=[(NODATA_TAG, "s", 0, text, True)])
    image = Image.open(tmp_path / "a.tif")
    assert image.nodata == (value,)
    assert image.geobox is None
    if value is not None:
        assert image.compute().mask.sum() == 1


def test_scales_offsets_units_are_read_per_band(tmp_path, pixels):
    path = write(tmp_path / "a.tif", pixels)
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets, dataset.units = (0.5, 1, 1), (0, 3, 0), ("m", "", "")
        dataset.update_tags(AREA_OR_POINT="Point")
    image = Image.open(path)
    assert {name: dict(facts) for name, facts in image.bandinfo.items()} == {
        "red": {"kind": "data", "scale": 0.5, "unit": "m"},
        "green": {"kind": "data", "offset": 3},
        "blue": {"kind": "data"},
    }
    assert image.properties == {"AREA_OR_POINT": "Point"}
    assert image.geobox.affine == TRANSFORM


def test_doubled_descriptions_name_no_bands(tmp_path, pixels):
    assert Image.open(write(tmp_path / "a.tif", pixels, descriptions=("a", "a", "b"))).bands == (
        "band_1",
        "band_2",
        "band_3",
    )


def test_a_palette_is_a_class_band(tmp_path, pixels):
    path = write(tmp_path / "a.tif", pixels[:1])
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {value: (value, 0, 0, 255) for value in range(256)})
    image = Image.open(path)
    assert image.bandinfo["band_1"]["kind"] == "class"
    assert np.array_equal(image.compute().array, pixels[:1])


def test_ground_control_points_are_refused(tmp_path, pixels):
    points = [rasterio.control.GroundControlPoint(row, col, col, row) for row, col in ((0, 0), (0, 9), (9, 0), (9, 9))]
    path = write(tmp_path / "a.tif", pixels, crs="EPSG:4326", gcps=points)
    with pytest.raises(
        RequestError, match="is placed by ground control points, which give no grid; warp it onto a grid first"
    ):
        Image.open(path)


def test_rpcs_are_refused(tmp_path, pixels):
    terms = [1.0] + [0.0] * 19
    rpcs = RPC(height_off=0, height_scale=1, lat_off=0, lat_scale=1, line_off=0, line_scale=1, long_off=0, long_scale=1,
               samp_off=0, samp_scale=1, line_den_coeff=terms, line_num_coeff=terms, samp_den_coeff=terms,
               samp_num_coeff=terms, err_bias=None, err_rand=None)  # fmt: skip
    path = write(tmp_path / "a.tif", pixels, crs=None, rpcs=rpcs)
    with pytest.raises(RequestError, match="is placed by RPCs"):
        Image.open(path)


VRT = """<VRTDataset rasterXSize="270" rasterYSize="300"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>
<SourceFilename>{}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"""


def test_a_vrt_in_disguise_is_refused(tmp_path, pixels):
    """A third party's .tif must not read other files; a .vrt that the user names may."""
    secret = write(tmp_path / "secret.tif", pixels)
    for name in ("a.tif", "a.png", "a"):
        (tmp_path / name).write_text(VRT.format(secret))
        with pytest.raises(RequestError, match="can't be read as a raster"):
            Image.open(tmp_path / name)
    with pytest.raises(RequestError, match=r"can't be read as a raster|no such file"):
        Image.open(VRT.format(secret))
    (tmp_path / "a.vrt").write_text(VRT.format(secret))
    assert Image.open(tmp_path / "a.vrt").compute().shape == (1, 300, 270)


def test_a_missing_file_is_reported_with_the_nearest_name(tmp_path, pixels):
    write(tmp_path / "scene.tif", pixels)
    with pytest.raises(RequestError) as caught:
        Image.open(tmp_path / "scnee.tif")
    ((path, message),) = caught.value.problems
    assert path == "path"
    assert message.endswith("; did you mean 'scene.tif'?")
    with pytest.raises(RequestError, match="expected a path or a URL, got 3"):
        Image.open(3)


def test_a_file_that_is_replaced_is_not_read_as_the_old_one(tmp_path, pixels):
    image = Image.open(write(tmp_path / "a.tif", pixels))
    image._pixels.datasets._forget()
    write(tmp_path / "b.tif", pixels[:, :200])
    (tmp_path / "b.tif").replace(tmp_path / "a.tif")
    with pytest.raises(JobFailed, match="has changed since it was opened"):
        image.compute()


def test_many_threads_may_read_one_image(tmp_path, pixels):
    image = Image.open(write(tmp_path / "a.tif", pixels, tiled=True, blockxsize=64, blockysize=64, compress="deflate"))
    wrong = []

    def read():
        wrong.extend(1 for _ in range(5) if not np.array_equal(image.array.compute(), pixels))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_pixels_of_a_file_go_to_other_processes_as_its_path(tmp_path, pixels):
    image = Image.open(write(tmp_path / "a.tif", pixels))
    assert np.array_equal(pickle.loads(pickle.dumps(image._pixels)).array().compute(), pixels)


def test_a_file_in_an_unlike_mixture_keeps_dtypes(tmp_path, pixels):
    one = write(tmp_path / "a.tif", pixels[:1])
    two = write(tmp_path / "b.tif", pixels[:1].astype("f4"))
    bands = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{n}"><SimpleSource><SourceFilename>{path}</SourceFilename>'
        "</SimpleSource></VRTRasterBand>"
        for n, (kind, path) in enumerate([("Byte", one), ("Float32", two)], 1)
    )
    (tmp_path / "m.vrt").write_text(f'<VRTDataset rasterXSize="270" rasterYSize="300">{bands}</VRTDataset>')
    image = Image.open(tmp_path / "m.vrt")
    assert [dtype.name for dtype in image.dtypes] == ["uint8", "float32"]
    assert np.array_equal(image.compute().band("band_2"), pixels[0])
    assert image.array.compute().dtype == np.float32
    (strip,) = image.strips()
    assert isinstance(strip.pixels, tuple)
