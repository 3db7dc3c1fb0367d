"""Images whose pixels are changed while they are read."""

import dask.array as da
import numpy as np
import pytest
from bourn import Image


def doubled(image, **more):
    """Twice the values; masked where the value is 4 or the image is."""

    def change(pixels, mask):
        stack = np.stack(list(pixels)) * 2.0
        found = stack[0] == 4
        return stack, found if mask is None else found | (mask if mask.ndim == 2 else mask.any(axis=0))

    return image.changed(
        change,
        dtypes=[np.dtype("f8")] * len(image.bands),
        mask_ndim=2,
        bands=[f"{name}2" for name in image.bands],
        **more,
    )


def images():
    array = np.arange(2 * 7 * 5).reshape(2, 7, 5)
    mask = array[0] % 3 == 0
    yield "numpy", Image(array)
    yield "numpy, masked", Image(array, mask=mask)
    yield "numpy, masks", Image(array, mask=np.stack([mask, ~mask]))
    yield "dask", Image(da.from_array(array, chunks=(1, 3, 2)), mask=da.from_array(mask, chunks=(2, 4)))
    yield "mixed", Image([array[0].astype("u1"), da.from_array(array[1].astype("f4"), chunks=3)], mask=mask)


@pytest.mark.parametrize(("name", "image"), list(images()), ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("rows", [1, 3, 4, 100])
def test_changed_pixels_are_the_same_by_strips_and_by_dask(name, image, rows):
    made = doubled(image)
    expected = made.compute()
    assert made.lazy
    assert not expected.lazy
    np.testing.assert_array_equal(
        expected.array, np.stack([np.asarray(image.band(band)) for band in image.bands]) * 2.0
    )
    for strip in made.strips(rows):
        np.testing.assert_array_equal(expected.array[:, strip.start : strip.stop], strip.pixels)
        np.testing.assert_array_equal(expected.mask[strip.start : strip.stop], strip.mask)
    assert isinstance(made.array, da.Array)
    np.testing.assert_array_equal(expected.array, made.array.compute())
    np.testing.assert_array_equal(expected.mask, made.mask.compute())
    np.testing.assert_array_equal(expected.array[1], made.band(made.bands[1]).compute())
    assert expected.select(expected.bands[1:]).identical(made.select(made.bands[1:]))


def test_each_reading_begins_anew_and_gets_each_strip():
    seen = []

    def reading():
        seen.append("begun")

        def read(strip):
            seen.append((strip.start, strip.stop))
            return strip.pixels, strip.mask

        return read

    report = {}
    image = Image(np.zeros((1, 5, 2))).changed(
        lambda pixels, mask: (pixels, mask), dtypes=[np.dtype("f8")], mask_ndim=0, bands=["x"],
        reading=reading, report=report,
    )  # fmt: skip
    assert image.report is report
    list(image.strips(2))
    image.compute()
    assert seen == ["begun", (0, 2), (2, 4), (4, 5), "begun", (0, 5)]


def test_an_image_that_nobody_changes_has_no_report():
    assert Image(np.zeros((1, 1, 1))).report is None
