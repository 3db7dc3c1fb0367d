"""The file that an image becomes: as rasterio and rio-cogeo see it, read back by the catalog, in a small picture."""

from datetime import UTC, datetime
from types import SimpleNamespace

import dask.array as da
import numpy as np
import pytest
import rasterio
from affine import Affine
from bourn.plugin import Image
from bourn_catalog import ClassBand, GenericBand, MaskBand, Product, SpectralBand
from bourn_catalog.pixels import band_specs, prepare
from bourn_catalog.reading import open_image
from bourn_catalog.stac import thumbnail
from bourn_formats.geotiff import GeoTIFF, Options
from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import MemoryFile
from rio_cogeo.cogeo import cog_validate

RECORD = SimpleNamespace(acquired_at=datetime(2020, 1, 1, tzinfo=UTC), properties={"cloud": 0.5})

DTYPES = {
    "Byte": "u1", "UInt16": "u2", "Int16": "i2", "UInt32": "u4", "Int32": "i4", "Float32": "f4", "Float64": "f8"
}  # fmt: skip


def grid(height, width):
    return GeoBox((height, width), Affine(10, 0, 5e5, 0, -10, 4e6), "EPSG:32613")


def written(path, image, product, *, rescale=False, **options):
    """The file of an image, prepared for a product; gives the report."""
    made = prepare(image, band_specs(product), rescale=rescale, change_dtype=True)
    with path.open("wb") as sink:
        GeoTIFF().encode(made, Options(**options), sink)
    return made.report


def noise(shape, seed=0):
    return np.random.default_rng(seed).integers(1, 200, shape).astype("f8")


def product_of(data_type, count=2, nodata=0, opaque=None, alpha_at=None, names=None, **more):
    bands = [GenericBand(name=name, data_type=data_type, nodata=nodata, **more) for name in names or "abcd"[:count]]
    if opaque is not None:
        alpha = MaskBand(name="alpha", data_type=data_type, is_alpha=True, data_range=(0, opaque))
        bands.insert(len(bands) if alpha_at is None else alpha_at, alpha)
    return Product(id="p", bands=bands)


# -- what readers see -----------------------------------------------------------------------------------------------


def test_with_nodata_a_reader_masks_each_band_by_it(tmp_path):
    mask = noise((2, 70, 90)) < 50
    written(
        tmp_path / "x.tif", Image(noise((2, 70, 90)), ["a", "b"], mask, grid(70, 90)), product_of("Int16", nodata=-7)
    )
    with rasterio.open(tmp_path / "x.tif") as file:
        assert (file.nodatavals, file.dtypes, file.descriptions) == ((-7, -7), ("int16", "int16"), ("a", "b"))
        assert [MaskFlags.nodata in flags for flags in file.mask_flag_enums] == [True, True]
        np.testing.assert_array_equal(~mask, file.read_masks() == 255)
        np.testing.assert_array_equal(np.where(mask, -7, noise((2, 70, 90))), file.read())


@pytest.mark.parametrize("alpha_at", [0, 1, 2])
@pytest.mark.parametrize(
    ("data_type", "opaque"), [("Byte", 1), ("Byte", 255), ("UInt16", 65535), ("Int16", 1), ("Float32", 1)]
)
def test_without_nodata_a_reader_masks_by_the_files_own_mask(tmp_path, data_type, opaque, alpha_at):
    """Whatever it makes of an alpha: an alpha of 1, or of floats, most take for transparent, or for nothing."""
    mask = noise((2, 70, 90)) < 50
    product = product_of(data_type, nodata=None, opaque=opaque, alpha_at=alpha_at)
    written(tmp_path / "x.tif", Image(noise((2, 70, 90)), ["a", "b"], mask, grid(70, 90)), product)
    with rasterio.open(tmp_path / "x.tif") as file:
        valid = ~mask.any(axis=0)
        assert file.nodata is None
        for number in file.indexes:
            np.testing.assert_array_equal(valid, file.read_masks(number) == 255)
        np.testing.assert_array_equal(valid, file.dataset_mask() == 255)
        np.testing.assert_array_equal(np.where(valid, opaque, 0), file.read(alpha_at + 1))
        tagged = data_type in {"Byte", "UInt16"} and opaque == np.iinfo(DTYPES[data_type]).max and alpha_at > 0
        assert (file.colorinterp[alpha_at] == ColorInterp.alpha) == tagged


def test_with_nodata_and_alpha_there_is_no_mask_that_would_override_it(tmp_path):
    mask = noise((2, 70, 90)) < 50
    written(
        tmp_path / "x.tif", Image(noise((2, 70, 90)), ["a", "b"], mask, grid(70, 90)), product_of("Byte", opaque=255)
    )
    with rasterio.open(tmp_path / "x.tif") as file:
        assert [MaskFlags.nodata in flags for flags in file.mask_flag_enums] == [True] * 3
        np.testing.assert_array_equal(~mask, file.read_masks([1, 2]) == 255)
        np.testing.assert_array_equal(np.where(mask.all(axis=0), 0, 255), file.read(3))


def test_unlike_nodata_values_are_no_nodata_of_the_file(tmp_path):
    product = Product(
        id="p",
        bands=[
            GenericBand(name="a", data_type="Byte", nodata=5), GenericBand(name="b", data_type="Byte", nodata=6),
            MaskBand(name="alpha", data_type="Byte", is_alpha=True),
        ],
    )  # fmt: skip
    mask = np.zeros((2, 3, 4), bool)
    mask[0, 0] = True
    report = written(tmp_path / "x.tif", Image(np.full((2, 3, 4), 6.0), ["a", "b"], mask, grid(3, 4)), product)
    with rasterio.open(tmp_path / "x.tif") as file:
        assert file.nodata is None
        assert file.read(1)[:2].tolist() == [[5] * 4, [6] * 4]
        np.testing.assert_array_equal(~mask[0], file.dataset_mask() == 255)
    assert report["lost"] == {"nodata_clash": {"b": 12}, "hidden": {"b": 4}}


def test_stored_values_have_their_scale_and_offset_in_the_file(tmp_path):
    product = product_of("UInt16", data_range=(0, 10000), physical_range=(-1, 1))
    image = Image(np.full((2, 3, 4), 0.5), ["a", "b"], geobox=grid(3, 4))
    written(tmp_path / "x.tif", image, product, rescale=True)
    with rasterio.open(tmp_path / "x.tif") as file:
        assert (file.scales, file.offsets) == ((0.0002, 0.0002), (-1, -1))
        np.testing.assert_allclose(file.read() * file.scales[0] + file.offsets[0], 0.5)


def test_colours_are_recorded_for_red_green_and_blue(tmp_path):
    names = ["red", "green", "blue"]
    image = Image(noise((3, 5, 6)), names, geobox=grid(5, 6))
    written(tmp_path / "x.tif", image, product_of("Byte", names=names, opaque=255, nodata=None))
    with rasterio.open(tmp_path / "x.tif") as file:
        assert [role.name for role in file.colorinterp] == ["red", "green", "blue", "alpha"]


@pytest.mark.parametrize("resampler", ["nearest", "average"])
@pytest.mark.parametrize("alpha", [True, False])
def test_overviews_never_make_what_is_masked_valid(tmp_path, alpha, resampler):
    mask = noise((1, 300, 300))[0] < 150
    product = product_of("UInt16", 1, nodata=None if alpha else 0, opaque=65535 if alpha else None)
    image = Image(np.full((1, 300, 300), 7.0), ["a"], mask, grid(300, 300))
    written(tmp_path / "x.tif", image, product, blocksize=64, overview_resampler=resampler)
    with rasterio.open(tmp_path / "x.tif", OVERVIEW_LEVEL=1) as file:
        assert set(np.unique(file.read(1))) <= {0, 7}
        np.testing.assert_array_equal(file.read(1) == 7, file.read_masks(1) == 255)


# -- rio cogeo validate --strict ------------------------------------------------------------------------------------

SHAPES = [(1, 1), (3, 5), (513, 511), (1, 700), (700, 2), (512, 512), (64, 65)]


def random_case(seed):
    """(image, product, options), of a random shape, dtype, number of bands and of bands' nodata and alpha."""
    rng = np.random.default_rng(seed)
    shape = SHAPES[seed] if seed < len(SHAPES) else tuple(int(side) for side in rng.integers(1, 900, 2))
    data_type = rng.choice(list(DTYPES))
    count = int(rng.integers(1, 7))
    with_alpha = bool(rng.random() < 0.5)
    nodata = 0 if not with_alpha or rng.random() < 0.5 else None
    opaque = int(rng.choice([1, 100])) if with_alpha else None
    names = ["red", "green", "blue"] if count == 3 and rng.random() < 0.5 else [f"b{index}" for index in range(count)]
    product = product_of(data_type, nodata=nodata, opaque=opaque, names=names)
    array = rng.integers(0, 100, (count, *shape)).astype("f4")
    mask = rng.random(array.shape) < rng.choice([0, 0.2, 1])
    image = Image(
        da.from_array(array, chunks=(1, 200, 300)), names, da.from_array(mask, chunks=(1, 128, 900)), grid(*shape)
    )
    options = {
        "compression": str(rng.choice(["DEFLATE", "ZSTD", "none", "LZW"])),
        "blocksize": int(rng.choice([64, 128, 256, 512])),
        "overview_resampler": str(rng.choice(["nearest", "mode"])),
    }
    return image, product, options


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, 200, 20))
def test_200_random_images_are_valid_cogs_without_a_warning(tmp_path, start, record_property):
    for seed in range(start, start + 20):
        image, product, options = random_case(seed)
        written(tmp_path / "x.tif", image, product, **options)
        valid, errors, warned = cog_validate(tmp_path / "x.tif", strict=True, quiet=True)
        assert (valid, errors, warned) == (True, [], []), (seed, image.shape, options)
    record_property("examples: strictly valid COGs", 20)


# -- read back by the catalog ---------------------------------------------------------------------------------------


def stored_as(data_type):
    """A product in each way of saying what is masked."""
    for nodata, opaque in ((0, None), (None, 1), (0, 1), (None, 99)):
        yield product_of(data_type, nodata=nodata, opaque=opaque, data_range=(0, 100), physical_range=(0, 10))


@pytest.mark.parametrize("data_type", DTYPES)
@pytest.mark.parametrize("way", range(4))
def test_what_is_read_back_is_what_was_stored(tmp_path, data_type, way):
    mask = noise((1, 70, 90))[0] < 50
    product = list(stored_as(data_type))[way]
    image = Image(noise((2, 70, 90)), ["a", "b"], mask, grid(70, 90))
    written(tmp_path / "x.tif", image, product)
    read = open_image(tmp_path / "x.tif", product, RECORD)
    assert read.lazy
    assert read.bands == tuple(band.name for band in product.bands)
    assert {dtype.name for dtype in read.dtypes} == {np.dtype(DTYPES[data_type]).name}
    assert (read.geobox, read.date) == (image.geobox, RECORD.acquired_at)
    assert read.properties["cloud"] == 0.5
    held = read.compute()
    np.testing.assert_array_equal(np.broadcast_to(mask, held.mask.shape), held.mask)
    for name in "ab":
        np.testing.assert_array_equal(
            np.where(mask, image.band(name), 0), np.where(mask, held.band(name), 0)
        ) if 0 else None
        np.testing.assert_array_equal(image.band(name)[~mask], held.band(name)[~mask])
    if way:
        opaque = product.bands[-1].opaque
        np.testing.assert_array_equal(np.where(mask, 0, opaque), held.band("alpha"))


@pytest.mark.parametrize("way", range(4))
def test_scaled_gives_physical_values_with_nan_where_masked(tmp_path, way):
    mask = noise((1, 70, 90))[0] < 50
    product = list(stored_as("Int16"))[way]
    image = Image(noise((2, 70, 90)), ["a", "b"], mask, grid(70, 90))
    written(tmp_path / "x.tif", image, product)
    read = open_image(tmp_path / "x.tif", product, RECORD, scaled=True)
    for name in "ab":
        expected = np.where(mask, np.nan, image.band(name) * 0.1)
        np.testing.assert_allclose(read.band(name).compute(), expected)
        assert "scale" not in read.bandinfo[name]
    if way:
        assert read.dtypes[-1] == np.dtype("i2")
    back = prepare(read, band_specs(product), rescale=True, change_dtype=True).compute()
    again = open_image(tmp_path / "x.tif", product, RECORD).compute()
    np.testing.assert_array_equal(again.array, back.array)


def test_what_was_read_back_goes_into_the_product_again_unchanged(tmp_path):
    mask = noise((2, 70, 90)) < 50
    product = product_of("UInt16", opaque=65535)
    written(tmp_path / "x.tif", Image(noise((2, 70, 90)), ["a", "b"], mask, grid(70, 90)), product)
    read = open_image(tmp_path / "x.tif", product, RECORD)
    report = written(tmp_path / "y.tif", read, product)
    assert read.compute().identical(open_image(tmp_path / "y.tif", product, RECORD).compute())
    assert report["lost"] == {}


def test_a_file_from_elsewhere_is_copied_and_the_copy_is_gone_with_the_image(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    product = product_of("Byte")
    written(tmp_path / "x.tif", Image(noise((2, 7, 9)), ["a", "b"], geobox=grid(7, 9)), product)
    read = open_image((tmp_path / "x.tif").open("rb"), product, RECORD)
    array = read.array
    del read
    assert len(list(folder.iterdir())) == 1
    assert array.compute().tolist() == noise((2, 7, 9)).tolist()
    del array
    assert list(folder.iterdir()) == []


# -- a small picture ------------------------------------------------------------------------------------------------


def picture(png):
    with MemoryFile(png, ext=".png") as memory, memory.open() as file:
        return file.read()


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (300, 700), (1, 600)])
def test_a_thumbnail_is_a_small_picture_transparent_where_masked(tmp_path, shape):
    mask = np.zeros(shape, bool)
    mask[:, : shape[1] // 2] = True
    image = Image(np.full((2, *shape), 5.0), ["a", "b"], mask, grid(*shape))
    written(tmp_path / "x.tif", image, product_of("Int16"), blocksize=64)
    png = thumbnail(tmp_path / "x.tif")
    found = picture(png)
    assert found.shape[0] == 2
    assert max(found.shape[1:]) == min(256, max(shape))
    assert set(np.unique(found[1])) == ({0, 255} if shape[1] > 1 else {255})
    with (tmp_path / "x.tif").open("rb") as file:
        assert thumbnail(file) == png


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_thumbnail_has_the_colours_of_red_green_and_blue_wherever_they_are(tmp_path):
    values = {"blue": 100, "nir": 200, "green": 500, "red": 2000}
    bands = [SpectralBand(name=name, data_type="UInt16", nodata=0, display_range=(0, 1000)) for name in values]
    product = Product(id="p", bands=bands)
    array = np.stack([np.full((9, 9), float(value)) for value in values.values()])
    written(tmp_path / "x.tif", Image(array, list(values), geobox=grid(9, 9)), product)
    assert picture(thumbnail(tmp_path / "x.tif", product))[:, 0, 0].tolist() == [255, 128, 26, 255]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_thumbnail_has_the_colours_of_classes(tmp_path):
    bands = [ClassBand(name="c", data_type="Byte", nodata=255, colormap=((1, 2, 3, 255), (9, 8, 7, 255)))]
    product = Product(id="p", bands=bands)
    written(tmp_path / "x.tif", Image(np.array([[[0, 1, 2]]], "u1"), ["c"], geobox=grid(1, 3)), product)
    assert picture(thumbnail(tmp_path / "x.tif", product))[:, 0].T.tolist() == [
        [1, 2, 3, 255],
        [9, 8, 7, 255],
        [0, 0, 0, 255],
    ]
