"""Pictures: read by imagecodecs and GDAL; what is masked is transparent; of a file only what is shown is read."""

import io

import dask.array as da
import imagecodecs
import numpy as np
import pytest
import rasterio
from affine import Affine
from bourn import Image
from bourn.errors import RequestError, ResultRefused
from bourn.testing import FormatContract, session_with
from bourn_pictures.colormaps import colors_of
from bourn_pictures.plugin import JPEG, PNG, WebP
from odc.geo.geobox import GeoBox

DECODERS = {"png": imagecodecs.png_decode, "jpeg": imagecodecs.jpeg_decode, "webp": imagecodecs.webp_decode}
FORMATS = {"png": PNG, "jpeg": JPEG, "webp": WebP}


class PictureContract(FormatContract):
    decoder = "png"

    def read_back(self, data, kind, result):
        assert DECODERS[self.decoder](data).shape[:2] == result.shape[1:]


class TestPNG(PictureContract):
    format = PNG


class TestJPEG(PictureContract):
    format = JPEG
    decoder = "jpeg"


class TestWebP(PictureContract):
    format = WebP
    decoder = "webp"


@pytest.fixture(scope="module")
def session():
    with session_with(formats=FORMATS) as session:
        yield session


@pytest.fixture(scope="module")
def drawn(session):
    """Writes an image in a whole job; gives the pixels (y, x, band), as other software reads them."""

    def draw(result, name="png", **options):
        read = DECODERS[name](session.compute(result, format={"type": name, **options}))
        return read if read.ndim == 3 else read[..., None]

    return draw


def ramp(dtype="float32", size=256):
    return Image(np.arange(size * size, dtype=dtype).reshape(1, size, size), bands=["x"])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64", "int64", "bool"])
def test_a_range_is_shown_linearly(drawn, dtype):
    values = np.array([[0, 1]], dtype) if dtype == "bool" else np.array([[0, 50, 100, 120]], dtype)
    high = 1 if dtype == "bool" else 100
    shown = drawn(Image(values[None], bands=["x"]), range=[0, high])[..., 0]
    assert shown.tolist() == [[0, 255]] if dtype == "bool" else [[0, 128, 255, 255]]


def test_percentiles_of_the_valid_pixels(session):
    pixels = np.arange(10_000.0).reshape(1, 100, 100)
    job = session.compute(Image(pixels, mask=pixels >= 5000, bands=["x"]), format="png", block=False).wait()
    report = job.report["encode"]
    assert report["range"]["x"] == pytest.approx([100, 4899], abs=1)
    assert (report["masked"], report["clipped"], list(report["size"])) == (5000, {"x": 200}, [100, 100])


@pytest.mark.parametrize("name", ["png", "webp"])
def test_masked_pixels_and_nan_are_transparent(drawn, name):
    pixels = np.ones((1, 8, 8), "float32")
    pixels[0, 0, 0] = np.nan
    mask = np.zeros((8, 8), bool)
    mask[7] = True
    alpha = drawn(Image(pixels, mask=mask, bands=["x"]), name)[..., -1]
    expected = np.full((8, 8), 255)
    expected[7] = expected[0, 0] = 0
    np.testing.assert_array_equal(alpha, expected)


def test_masked_pixels_of_a_jpeg_have_the_background_color(drawn):
    image = Image(np.ones((1, 64, 64), "uint8"), mask=np.ones((64, 64), bool), bands=["x"])
    shown = drawn(image, "jpeg", background=[10, 200, 30], quality=100)
    assert np.abs(shown.astype(int) - [10, 200, 30]).max() <= 3


def test_red_green_and_blue_by_name(drawn):
    pixels = np.stack([np.full((4, 4), value, "uint8") for value in (10, 20, 30, 40)])
    image = Image(pixels, bands=["Blue", "nir", "Red", "Green"])
    assert drawn(image, range=[0, 255])[0, 0].tolist() == [30, 40, 10]
    assert drawn(image, range=[0, 255], bands=["nir", "Red", "Blue"])[0, 0].tolist() == [20, 30, 10]
    assert drawn(image, range=[0, 255], bands=["nir"])[0, 0].tolist() == [20]


def test_a_colormap(drawn):
    shown = drawn(Image(np.array([[[0, 128, 255]]], "uint8"), bands=["x"]), range=[0, 255], colormap="viridis")
    np.testing.assert_array_equal(shown[0], colors_of("viridis")[[0, 128, 255]])


def test_classes_have_their_own_colors(drawn):
    colors = [[1, 2, 3], [4, 5, 6]]
    image = Image(np.array([[[0, 1, 2]]], "uint8"), bands=["c"], properties={"colormap": colors})
    assert drawn(image)[0].tolist() == [*colors, [0, 0, 0]]


@pytest.mark.parametrize(("shape", "size", "expected"), [((300, 100), 30, (30, 10)), ((10, 10), 1024, (10, 10))])
def test_the_size(drawn, shape, size, expected):
    assert drawn(Image(np.zeros((1, *shape), "uint8"), bands=["x"]), size=size).shape[:2] == expected


def test_a_lazy_image_is_drawn_like_one_in_memory(drawn):
    image = ramp(size=300)
    lazy = Image(
        da.from_array(image.array, chunks=(1, 64, 70)), mask=da.zeros((300, 300), chunks=70, dtype=bool), bands=["x"]
    )
    np.testing.assert_array_equal(drawn(lazy, size=50), drawn(image, size=50))


def test_of_a_file_only_the_overview_is_read(drawn, tmp_path):
    """The full resolution is overwritten: only its overview has the picture."""
    path = tmp_path / "scene.tif"
    pixels = np.random.default_rng(0).integers(0, 255, (512, 512), "uint8")
    form = {"driver": "GTiff", "width": 512, "height": 512, "count": 1, "dtype": "uint8", "tiled": True}
    form |= {"blockxsize": 128, "blockysize": 128, "transform": Affine(1, 0, 5, 0, -1, 5)}
    with rasterio.open(path, "w", **form) as file:
        file.write(pixels, 1)
        file.build_overviews([8])
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as file:
        file.write(np.zeros_like(pixels), 1)
    shown = drawn(Image.open(path), size=64)
    assert shown.max() > 200


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bands": ["a", "b"]}, "format.bands  expected one band or three, got 2"),
        ({"bands": ["nri"]}, "format.bands: the image has no band 'nri'; it has 'x'"),
        ({"range": [5, 1]}, "format.range: expected the lower end first"),
        ({"percentiles": [98, 2]}, "format.percentiles: expected the lower end first"),
        ({"colormap": "virdis"}, "virdis"),
        ({"percentiles": [-1, 2]}, "format.percentiles"),
    ],
)
def test_what_can_be_known_is_refused_before_computing(session, options, message):
    with pytest.raises(RequestError) as caught:
        session.plan(ramp(), format={"type": "png", **options})
    assert message in str(caught.value)


def test_complex_numbers_have_no_picture(session):
    with pytest.raises(RequestError, match="a picture of complex64 needs real numbers"):
        session.plan(Image(np.ones((1, 2, 2), "complex64"), bands=["x"]), format="png")


def test_bands_that_a_callable_lacks(session):
    with pytest.raises(ResultRefused, match="no band 'y'"):
        session.compute(ramp, format={"type": "png", "bands": ["y"]})


def test_a_crs_that_is_lost_is_noted(session):
    grid = GeoBox.from_bbox((0, 0, 160, 160), "EPSG:32633", resolution=10)
    plan = session.plan(Image(np.ones((1, 16, 16), "u1"), bands=["x"], geobox=grid), format="png")
    assert any("no CRS" in str(note) for note in plan.notes)


def test_nothing_valid_and_the_ends_of_float64(drawn):
    assert drawn(Image(np.full((1, 4, 4), np.nan), bands=["x"]))[..., -1].max() == 0
    extremes = np.array([[[-1.7e308, 0, 1.7e308]]])
    assert drawn(Image(extremes, bands=["x"]), percentiles=[0, 100])[0, :, 0].tolist() == [0, 128, 255]


def test_other_readers(session, tmp_path):
    """GDAL reads each as it should."""
    for name in FORMATS:
        with rasterio.MemoryFile(session.compute(ramp(), format=name)) as memory, memory.open() as file:
            assert (file.driver.lower(), file.shape) == (name, (256, 256))
            assert io.BytesIO(memory.read()).read(4)
