"""`Image.preview`: the same pixels whatever the image is made of."""

import dask.array as da
import numpy as np
import pytest
import rasterio
from affine import Affine
from bourn import Image
from bourn.errors import RequestError
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox


@given(st.data(), st.integers(1, 40), st.integers(1, 40), st.booleans(), st.booleans())
def test_each_pixel_is_that_at_its_center(data, height, width, lazy, one_mask):
    size = (data.draw(st.integers(1, height)), data.draw(st.integers(1, width)))
    pixels = np.arange(2 * height * width).reshape(2, height, width)
    mask = pixels % 3 == 0
    mask = mask[0] if one_mask else mask
    given_pixels = da.from_array(pixels, chunks=(1, 7, 9)) if lazy else pixels
    image = Image(given_pixels, mask=da.from_array(mask) if lazy else mask, bands=["a", "b"])
    small = image.preview(*size)
    rows = np.floor((np.arange(size[0]) + 0.5) * height / size[0]).astype(int)
    columns = np.floor((np.arange(size[1]) + 0.5) * width / size[1]).astype(int)
    assert not small.lazy
    np.testing.assert_array_equal(small.array, pixels[:, rows[:, None], columns])
    np.testing.assert_array_equal(small.mask, mask[..., rows[:, None], columns])


def test_pixels_that_are_changed_while_they_are_read():
    image = Image(np.arange(1200).reshape(1, 1200, 1), bands=["x"])
    double = image.changed(lambda pixels, mask: (pixels * 2, mask), dtypes=image.dtypes, mask_ndim=0, bands=["x"])
    np.testing.assert_array_equal(double.preview(100, 1).array, image.preview(100, 1).array * 2)


@pytest.mark.parametrize("south_up", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_file(tmp_path, south_up, dtype):
    """Its nodata is masked, its rows are north up, as they are in the whole image."""
    path = tmp_path / "a.tif"
    pixels = np.repeat(np.repeat(np.arange(64, dtype=dtype).reshape(1, 8, 8), 8, 1), 8, 2)
    grid = Affine(1, 0, 5, 0, 1 if south_up else -1, 5)
    form = {"driver": "GTiff", "width": 64, "height": 64, "count": 1, "dtype": dtype, "transform": grid, "nodata": 9}
    with rasterio.open(path, "w", crs="EPSG:32633", **form) as file:
        file.write(pixels)
    image = Image.open(path)
    small = image.preview(8, 8)
    np.testing.assert_array_equal(small.array, image.compute().array[:, 4::8, 4::8])
    np.testing.assert_array_equal(small.mask, image.compute().mask[..., 4::8, 4::8])
    assert small.geobox == image.geobox.zoom_to((8, 8))


def test_a_size_that_it_cannot_have():
    grid = GeoBox.from_bbox((0, 0, 40, 40), "EPSG:32633", resolution=10)
    image = Image(np.zeros((1, 4, 4)), bands=["x"], geobox=grid)
    with pytest.raises(RequestError, match="expected 1 to 4, got 5") as caught:
        image.preview(5, 0)
    assert [problem.path for problem in caught.value.problems] == ["height", "width"]
