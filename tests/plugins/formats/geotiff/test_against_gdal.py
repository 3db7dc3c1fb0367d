"""Files written here against those of GDAL: pixels, overviews, masks, facts, reports; with BOURN_DEEP=1 ten times."""

import io
import os
import tempfile
from fractions import Fraction

import numpy as np
import pytest
from bourn.plugin import Image
from bourn_formats.geotiff import Options
from bourn_formats.geotiff.cog import spool
from bourn_formats.geotiff.cog.downsampling import Axis, average
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.formats.geotiff.writers import write_by_gdal, write_here
from rasterio.io import MemoryFile
from rio_cogeo.cogeo import cog_validate

pytestmark = [
    pytest.mark.deep,
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
    pytest.mark.filterwarnings("ignore::rasterio.errors.NodataShadowWarning"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
]

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "complex64")
WIDE = ("uint64", "int64")
NOT_THROUGH_FLOATS = ("uint8", "uint16")
"""Whose means GDAL makes as integers."""
DEEP = 10 if os.environ.get("BOURN_DEEP") else 1


@pytest.fixture(autouse=True)
def _some_go_to_disk(monkeypatch):
    """Tiles, of all but the smallest images."""
    monkeypatch.setattr(spool, "IN_MEMORY_BYTES", 10_000)


def written(image, options, way=write_here):
    """(the file, the report)."""
    sink = io.BytesIO()
    report = way(image, options, sink)
    return sink.getvalue(), report


def read(file):
    """The datasets' facts, pixels and masks, of the image and of each overview."""
    with MemoryFile(file) as memory:
        with memory.open() as dataset:
            facts = {
                "profile": str(sorted((key, str(value)) for key, value in dataset.profile.items())),
                "descriptions": dataset.descriptions, "colours": dataset.colorinterp, "masks": dataset.mask_flag_enums,
                "overviews": [dataset.overviews(index) for index in dataset.indexes],
                "scales": dataset.scales, "offsets": dataset.offsets, "units": dataset.units,
            }  # fmt: skip
            tags = [dataset.tags(index) for index in dataset.indexes]
            levels = [(dataset.read(), dataset.read_masks())]
            count = len(dataset.overviews(1))
        for level in range(count):
            with memory.open(overview_level=level) as dataset:
                levels.append((dataset.read(), dataset.read_masks()))
    return facts, tags, levels


@st.composite
def images(draw):
    # Where two overviews are one pixel wide GDAL makes the second one from the image: no narrower than this.
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 300)), draw(st.integers(8, 300)))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    if dtype.kind in "fc":
        array = rng.normal(size=shape).astype(dtype)
    else:
        # What float64 holds exactly: GDAL passes all through it.
        most = min(np.iinfo(dtype).max, 2**50)
        array = rng.integers(0, draw(st.sampled_from([3, 100, most])), shape).astype(dtype)
    masked = draw(st.sampled_from([None, "image", "bands"]))
    mask = None
    if masked:
        mask = rng.random(shape if masked == "bands" else shape[1:]) < draw(st.sampled_from([0.1, 0.9]))
    bands = [f"b{index}" for index in range(shape[0])]
    if shape[0] > 2 and draw(st.booleans()):
        bands = ["red", "green", "blue", "alpha"][: shape[0]]
    nodata = draw(st.sampled_from([None, 0, 7]))
    info = {} if nodata is None else {band: {"nodata": nodata} for band in bands}
    return Image(array, bands, mask, bandinfo=info)


@given(images(), st.sampled_from(["DEFLATE", "ZSTD", "none"]), st.sampled_from([64, 128]), st.data())
@settings(max_examples=150 * DEEP, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_same_as_gdal(image, compression, blocksize, data):
    """Everything at full resolution, and the overviews, but where the tests below say why not."""
    resampler = data.draw(st.sampled_from(["nearest"] if image.dtype.kind == "c" else ["nearest", "average", "mode"]))
    options = Options(compression=compression, blocksize=blocksize, overview_resampler=resampler)
    (ours, our_report), (theirs, their_report) = written(image, options), written(image, options, write_by_gdal)
    assert their_report == our_report
    facts, tags, levels = read(ours)
    their_facts, their_tags, their_levels = read(theirs)
    assert their_facts == facts
    for mine, others in zip(tags, their_tags, strict=True):
        assert others.keys() == mine.keys()
        for key, value in others.items():
            assert float(mine[key]) == pytest.approx(float(value), rel=1e-9, abs=1e-12)
    assert len(their_levels) == len(levels)
    for mine, others in zip(levels[0], their_levels[0], strict=True):
        np.testing.assert_array_equal(others, mine)
    AS_GDAL[resampler](image, levels[1:], their_levels[1:])


def nearest_as_gdal(image, levels, their_levels):
    for index, (mine, others) in enumerate(zip(levels, their_levels, strict=True)):
        # Of complex numbers GDAL makes the second overview from the image, all others from the first.
        if image.dtype.kind == "c" and index:
            continue
        np.testing.assert_array_equal(others[0], mine[0])
        if image.dtype not in WIDE:  # GDAL's overviews of these lose their nodata value
            np.testing.assert_array_equal(others[1], mine[1])


def average_as_gdal(image, levels, their_levels):
    """The first one: what differs by one there goes on in the next."""
    for (mine, _), (others, _) in zip(levels[:1], their_levels[:1], strict=True):
        nodata = image.nodata[0]
        if "alpha" in image.bands and nodata is not None:
            mine, others = mine[:3], others[:3]  # noqa: PLW2901  # GDAL: nodata where the alpha is 0
        if image.dtype.kind == "f":
            np.testing.assert_allclose(mine, others, rtol=1e-5, atol=1e-6)
            continue
        if nodata is not None and image.dtype not in NOT_THROUGH_FLOATS:
            # A mean that GDAL lets become nodata, for it compares before it rounds: ours is the value beside it.
            lost = (others == nodata) & (mine == nodata + 1)
            others = np.where(lost, mine, others)  # noqa: PLW2901  # seen
        # Of odd sizes up to nine products are added up, which GDAL does in another order where nothing is masked: each
        # sum is within 16 roundings of float64, and two sums close to a half become integers that are one apart.
        difference = np.abs(others.astype("f8") - mine.astype("f8"))
        assert (difference <= 1 + 32 * 2**-53 * others.astype("f8")).all()
        if image.dtype not in WIDE:
            assert np.count_nonzero(difference) <= 0.01 * difference.size + 1


def mode_as_gdal(image, levels, their_levels):
    for (mine, _), (others, _) in zip(levels[:1], their_levels[:1], strict=True):
        # Of bytes GDAL counts what is masked, by an alpha band too; and it masks that by itself.
        if not image.masked and "alpha" not in image.bands:
            np.testing.assert_array_equal(others, mine)


AS_GDAL = {"nearest": nearest_as_gdal, "average": average_as_gdal, "mode": mode_as_gdal}


@given(images(), st.sampled_from(["DEFLATE", "ZSTD", "none"]), st.sampled_from([64, 512]), st.booleans())
@settings(max_examples=300 * DEEP, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_validators_find_nothing(image, compression, blocksize, averages):
    """0 errors, 0 warnings."""
    resampler = "average" if averages and image.dtype.kind != "c" else "nearest"
    file, _ = written(image, Options(compression=compression, blocksize=blocksize, overview_resampler=resampler))
    with tempfile.NamedTemporaryFile(suffix=".tif") as sink:
        sink.write(file)
        sink.flush()
        assert (True, [], []) == cog_validate(sink.name, strict=True, quiet=True)


def overview(image, way=write_here, **options):
    file, _ = written(image, Options(blocksize=64, **options), way)
    return read(file)[2][1]


def tiled(block, dtype):
    return np.tile(np.array(block, dtype), (64, 64))[None]


@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES if np.dtype(dtype).kind in "iu"])
def test_a_mean_never_becomes_nodata(dtype):
    """GDAL lets that happen to all but bytes and 16 bits: a valid pixel would vanish from the overview."""
    image = Image(tiled([[6, 8], [6, 9]], dtype), bandinfo={"band_1": {"nodata": 7}})
    assert np.unique(overview(image, overview_resampler="average")[0]).tolist() == [8]
    theirs = 8 if dtype in NOT_THROUGH_FLOATS else 7
    assert np.unique(overview(image, write_by_gdal, overview_resampler="average")[0]).tolist() == [theirs]


def test_a_masked_class_has_no_vote():
    """GDAL counts masked pixels of bytes, and so shows a class that is not there."""
    mask = np.tile(np.array([[1, 1], [1, 0]], bool), (64, 64))
    image = Image(tiled([[2, 2], [2, 1]], "u1"), mask=mask)
    assert np.unique(overview(image, overview_resampler="mode")[0]).tolist() == [1]
    assert np.unique(overview(image, write_by_gdal, overview_resampler="mode")[0]).tolist() == [2]


def test_what_is_valid_does_not_depend_on_how_masks_are_written():
    """By mode a pixel is valid if any is, by mask as by nodata; GDAL asks for most of them if there is a mask."""
    mask = np.tile(np.array([[1, 1], [1, 0]], bool), (64, 64))
    array = tiled([[2, 2], [2, 1]], "u1")
    by_mask = overview(Image(array, mask=mask), overview_resampler="mode")
    by_nodata = overview(Image(array, mask=mask, bandinfo={"band_1": {"nodata": 0}}), overview_resampler="mode")
    np.testing.assert_array_equal(by_nodata[0], by_mask[0])
    np.testing.assert_array_equal(by_nodata[1], by_mask[1])
    assert by_mask[1].all()


def exact_weights(length):
    """One list for each pixel of the overview: what share each pixel of the source has, as whole numbers."""
    target = max(1, length // 2)
    if length % 2 == 0 or length == 1:
        return [[1] * min(length, 2)] * target
    return [[target - index, target, index + 1] for index in range(target)]


@given(st.data(), st.sampled_from(DTYPES[:8]), st.integers(1, 25), st.integers(1, 25), st.booleans())
@settings(max_examples=100 * DEEP, deadline=None)
def test_means_by_rational_arithmetic(data, dtype, height, width, masked):
    """No further from the exact mean of what is valid than half a step, and what its floats can't tell apart."""
    limits = np.iinfo(dtype)
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    low, high = data.draw(
        st.sampled_from([(0, 3), (int(limits.min), int(limits.max)), (0, min(int(limits.max), 2**50))])
    )
    block = rng.integers(low, high, (1, height, width), dtype, endpoint=True)
    invalid = rng.random((1, height, width)) < 0.5 if masked else None
    down, across = Axis(height, several=True), Axis(width, several=True)
    small, none = average(block, invalid, (down, 0, down.target), (across, 0, across.target), exact=False)
    for y, of_rows in enumerate(exact_weights(height)):
        for x, of_columns in enumerate(exact_weights(width)):
            pairs = [
                (Fraction(of_row * of_column), int(block[0, 2 * y + row, 2 * x + column]))
                for row, of_row in enumerate(of_rows) for column, of_column in enumerate(of_columns)
                if invalid is None or not invalid[0, 2 * y + row, 2 * x + column]
            ]  # fmt: skip
            if none is not None:
                assert bool(none[0, y, x]) == (not pairs)
            if pairs:
                mean = sum(weight * value for weight, value in pairs) / sum(weight for weight, _ in pairs)
                largest = max(abs(value) for _, value in pairs)
                digits = 23 if dtype in {"int8", "int16"} else 45  # GDAL's are float32 there, else float64
                assert abs(int(small[0, y, x]) - mean) <= Fraction(1, 2) + Fraction(largest, 2**digits)


def test_means_of_large_integers_are_exact():
    """GDAL's pass through float64."""
    high = 2**63 - 1
    image = Image(tiled([[high, high - 4], [high - 8, high]], "i8"))
    assert np.unique(overview(image, overview_resampler="average")[0]).tolist() == [high - 3]


def test_every_resolution_of_complex_numbers_comes_from_the_one_before():
    """As for all other dtypes; GDAL makes those of complex numbers from the image each time."""
    array = np.random.default_rng(0).normal(size=(1, 256, 256)).astype("c8")
    levels = read(written(Image(array), Options(blocksize=64))[0])[2]
    np.testing.assert_array_equal(levels[0][0][:, ::2, ::2], levels[1][0])
    np.testing.assert_array_equal(levels[0][0][:, ::4, ::4], levels[2][0])
