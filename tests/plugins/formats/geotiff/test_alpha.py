"""The alpha band of a file: where it is tagged, and the mask beside it."""

import io

import numpy as np
import pytest
from bourn.plugin import Image
from bourn_formats.geotiff import GeoTIFF, Options
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import MemoryFile

pytestmark = [pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")]

RGB = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]
GRAY, ALPHA, OTHER = ColorInterp.gray, ColorInterp.alpha, ColorInterp.undefined


def written(image, **options):
    sink = io.BytesIO()
    report = GeoTIFF().encode(image, Options(**options), sink)
    return sink.getvalue(), report


def noise(shape, dtype):
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


@pytest.mark.parametrize("compression", ["DEFLATE", "LZW"])
@pytest.mark.parametrize(
    ("names", "dtype", "opaque", "expected"),
    [
        (["a", "alpha"], "u1", 255, [GRAY, ALPHA]),
        (["a", "b", "c", "alpha"], "u2", 65535, [GRAY, OTHER, OTHER, ALPHA]),
        (["a", "alpha", "b"], "u2", 65535, [GRAY, ALPHA, OTHER]),
        (["red", "green", "blue", "alpha"], "u1", 255, [*RGB, ALPHA]),
        (["red", "green", "blue", "alpha"], "u1", 1, [*RGB, OTHER]),
        (["a", "alpha"], "u1", 1, [GRAY, OTHER]),
        (["a", "alpha"], "i2", 32767, [GRAY, OTHER]),
        (["a", "alpha"], "f4", 255, [GRAY, OTHER]),
        (["alpha", "a"], "u1", 255, [GRAY, OTHER]),  # of the first sample TIFF can't say it
    ],
)
def test_an_alpha_is_tagged_where_readers_take_its_opaque_value_for_opaque(names, dtype, opaque, expected, compression):
    """And without nodata a mask within the file says the same to those who ignore the alpha."""
    place = names.index("m" if "m" in names else "alpha")
    mask = noise((150, 130), "u1") < 60
    array = noise((len(names), 150, 130), dtype)
    array[place] = np.where(mask, 0, opaque)
    image = Image(array, bands=names, mask=mask, bandinfo={names[place]: {"kind": "mask", "opaque": opaque}})
    with MemoryFile(written(image, compression=compression, blocksize=64)[0]) as memory, memory.open() as file:
        assert tuple(expected) == file.colorinterp
        np.testing.assert_array_equal(array, file.read())
        for number in file.indexes:
            np.testing.assert_array_equal(np.where(mask, 0, 255), file.read_masks(number))


@pytest.mark.parametrize("resampler", ["nearest", "mode"])
@pytest.mark.parametrize("names", [["a", "alpha", "b"], ["a", "b", "alpha"], ["alpha", "a", "b"]])
def test_overviews_keep_the_alpha_in_its_place(names, resampler):
    array = np.stack(
        [np.full((128, 128), 255 if name == "alpha" else 7 + index, "u1") for index, name in enumerate(names)]
    )
    image = Image(array, bands=names, bandinfo={"alpha": {"kind": "mask", "opaque": 255}})
    file, _ = written(image, overview_resampler=resampler, blocksize=64)
    with MemoryFile(file) as memory, memory.open(overview_level=0) as small:
        np.testing.assert_array_equal(array[:, :64, :64], small.read())


def test_the_alpha_has_no_part_in_the_nodata_value_of_the_file():
    bandinfo = {"cloud": {"kind": "mask", "nodata": 9}, "alpha": {"kind": "mask", "opaque": 1}}
    file, _ = written(Image(np.ones((2, 3, 4), "u1"), bands=["cloud", "alpha"], bandinfo=bandinfo))
    with MemoryFile(file) as memory, memory.open() as dataset:
        assert dataset.nodata == 9
        assert not any(MaskFlags.per_dataset in flags for flags in dataset.mask_flag_enums)


@pytest.mark.parametrize("compression", ["DEFLATE", "LZW"])
def test_an_alpha_may_be_averaged_though_it_is_a_mask(compression):
    opaque = np.zeros((128, 128), bool)
    opaque[:, :64] = True
    array = np.stack([np.where(opaque, 7, 0), np.where(opaque, 255, 0)]).astype("u1")
    image = Image(
        array, bands=["a", "alpha"], mask=~opaque, bandinfo={"alpha": {"kind": "mask", "opaque": 255}}
    )  # fmt: skip
    file, _ = written(image, overview_resampler="average", blocksize=64, compression=compression)
    with MemoryFile(file) as memory, memory.open(overview_level=0) as small:
        np.testing.assert_array_equal(array[:, ::2, ::2], small.read())
