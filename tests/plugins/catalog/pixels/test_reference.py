"""Every pixel against exact fractions; with BOURN_DEEP=1 thirty times as often."""

import os

import dask.array as da
import numpy as np
import pytest
from bourn.plugin import Image, ResultRefused
from bourn_catalog.pixels import BandSpec, pipeline, prepare
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from reference import DTYPES, check

DEEP = 30 if os.environ.get("BOURN_DEEP") else 1

pytestmark = [pytest.mark.deep, pytest.mark.timeout(300 * DEEP)]

SOURCES = ("bool", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", ">i2", ">f4")

WHOLE = (
    0,
    1,
    2,
    127,
    128,
    254,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**24 + 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**53 + 1,
    2**63 - 1,
)
BROKEN = (
    0.25,
    0.5,
    1.5,
    2.5,
    254.5,
    255.5,
    1e-3,
    0.1,
    65535.4,
    65535.5,
    2147483647.5,
    1e10,
    1e30,
    3.4028235e38,
    3.5e38,
    1e300,
    1.7976931348623157e308,
)


def hard(dtype):
    """Numbers of a dtype that are easily got wrong."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return [False, True]
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        found = [number for one in WHOLE for number in (one, -one) if limits.min <= number <= limits.max]
        return [*found, int(limits.min), int(limits.max)]
    with np.errstate(over="ignore"):
        found = {float(dtype.type(sign * one)) for one in (*map(float, WHOLE), *BROKEN) for sign in (1, -1)}
    return sorted(number for number in found if np.isfinite(number))


def numbers(dtype):
    """One that a dtype holds."""
    return st.sampled_from(hard(dtype))


@st.composite
def arrays(draw, dtype, shape):
    """Pixels: hard ones, plain ones, ones that are none, or a mixture; hypothesis draws their seed, for speed."""
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    plain = rng.integers(0, 2 if dtype.kind == "b" else 100, shape).astype(dtype)
    pool = np.array(hard(dtype), dtype)
    if dtype.kind == "f":
        plain = (plain / draw(st.sampled_from([1, 2, 8, 100]))).astype(dtype)
        broken = np.array([np.nan, np.inf, -np.inf, -0.0], dtype)
        pool = np.concatenate([pool, draw(st.sampled_from([broken, broken[:1], broken[3:]]))])
    share = draw(st.sampled_from([0, 0.1, 0.5, 1]))
    return np.where(rng.random(shape) < share, rng.choice(pool, shape), plain).astype(dtype)


def ranges(low, high):
    """Two unlike numbers, either way round."""
    ends = st.sampled_from([0.0, 1.0, 10000.0, -1.0, 0.1, 255.0, -273.15]) | st.floats(low, high, allow_subnormal=False)
    return st.tuples(ends, ends).filter(
        lambda pair: abs(pair[0] - pair[1]) > 1e-9 and low <= min(pair) and max(pair) <= high
    )


@st.composite
def products(draw):
    """The bands of a product that may be: with nodata, with alpha, with both."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    count = draw(st.integers(1, 3))
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    values = numbers(dtype)
    has_alpha = draw(st.booleans())
    shared = draw(values)
    rules = []
    for index in range(count):
        nodata = shared if not has_alpha else draw(st.sampled_from([shared, None]) | values)
        kind = draw(st.sampled_from(["data", "data", "data", "class", "mask"]))
        ends = (max(-1e12, float(limits.min)), min(1e12, float(limits.max)))
        scaled = draw(st.booleans())
        rules.append(
            BandSpec(
                name=f"band{index}",
                dtype=dtype,
                nodata=nodata,
                kind=kind,
                data_range=draw(ranges(*ends)) if scaled else None,
                physical_range=draw(ranges(-1e6, 1e6) | ranges(0, 1) | ranges(-1e300, 1e300)) if scaled else None,
            )
        )
    if has_alpha:
        opaque = draw(st.sampled_from([1, 255, int(min(limits.max, 2**24))] if dtype != np.int16 else [1, 32767]))
        opaque = opaque if opaque <= limits.max else 1
        assume(all(rule.nodata != opaque for rule in rules))  # the product would be refused
        alpha = BandSpec(name="alpha", dtype=dtype, kind="mask", is_alpha=True, data_range=(0, opaque), opaque=opaque)
        rules.insert(draw(st.integers(0, count)), alpha)
    return rules


@st.composite
def cases(draw):
    """(image in memory, rules, sources, rescale)."""
    rules = draw(products())
    shape = draw(st.sampled_from([(1, 1), (3, 5), (5, 11), (9, 4)]))
    alpha = next((index for index, rule in enumerate(rules) if rule.is_alpha), None)
    brought = alpha is not None and draw(st.booleans())
    wanted = [index for index in range(len(rules)) if index != alpha or brought]
    order = draw(st.permutations(wanted))
    naming = draw(st.sampled_from(["all", "none", "case"]))
    if naming == "none":  # in order, but for the alpha, which goes by its name
        data = iter([index for index in wanted if index != alpha])
        order = [index if index == alpha else next(data) for index in order]
    names, layers, bandinfo = [], [], {}
    alike = draw(st.booleans())
    common = draw(st.sampled_from(SOURCES))
    for index in order:
        rule = rules[index]
        name = rule.name if naming == "all" or (naming == "none" and index == alpha) else rule.name.upper()
        name = f"other{index}" if naming == "none" and index != alpha else name
        dtype = np.dtype(common if alike else draw(st.sampled_from(SOURCES)))
        names.append(name)
        layers.append(draw(arrays(dtype, shape)))
        if draw(st.integers(0, 3)) == 0:
            value = layers[-1].flat[0].item()
            bandinfo[name] = {"nodata": value}
    mask = draw(st.sampled_from(["none", "shared", "own"]))
    given = None
    if mask != "none":
        given = draw(arrays(bool, shape if mask == "shared" else (len(order), *shape)))
    image = Image(np.stack(layers) if alike else layers, bands=names, mask=given, bandinfo=bandinfo)
    sources = [order.index(index) if index in order else None for index in range(len(rules))]
    return image, rules, sources, draw(st.booleans())


def lazily(image, chunks):
    """The same image in dask arrays."""
    parts = [da.from_array(image.band(name), chunks=chunks) for name in image.bands]
    mask = image.mask
    return Image(
        da.stack(parts) if len(set(image.dtypes)) == 1 else parts,
        bands=image.bands,
        mask=mask if mask is None else da.from_array(mask, chunks=chunks if mask.ndim == 2 else (1, *chunks)),
        bandinfo=image.bandinfo,
    )


TOGETHER = settings(
    max_examples=100 * DEEP,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not os.environ.get("BOURN_DEEP"),
)


@TOGETHER
@given(cases())
def test_every_pixel_and_every_count_is_that_of_exact_fractions(examples, case):
    image, rules, sources, rescale = case
    made = prepare(image, rules, rescale=rescale, change_dtype=True)
    whole = made.compute()
    check(image, rules, sources, whole, made.report, rescale=rescale)
    examples.append(1)


@TOGETHER
@given(cases(), st.integers(1, 4), st.tuples(st.integers(1, 4), st.integers(1, 4)), st.integers(1, 9))
def test_blocks_of_every_size_from_numpy_and_dask_give_the_same(examples, case, rows, chunks, small):
    image, rules, _, rescale = case
    whole = prepare(image, rules, rescale=rescale, change_dtype=True)
    expected, report = whole.compute(), dict(whole.report)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "BLOCK_PIXELS", small)
        for source in (image, lazily(image, chunks)):
            other = prepare(source, rules, rescale=rescale, change_dtype=True)
            pieces = list(other.strips(rows))
            got = np.concatenate([piece.pixels for piece in pieces], axis=1)
            assert got.dtype == rules[0].dtype
            assert expected.array.tobytes() == got.tobytes()
            if expected.mask is not None:
                np.testing.assert_array_equal(expected.mask, np.concatenate([piece.mask for piece in pieces]))
            assert report == other.report
            assert other.array.compute().tobytes() == expected.array.tobytes()
    examples.append(1)


@TOGETHER
@given(cases())
def test_loss_is_refused_exactly_where_there_is_any(examples, case):
    image, rules, _, rescale = case
    made = prepare(image, rules, rescale=rescale, change_dtype=True)
    made.compute()
    strict = prepare(image, rules, rescale=rescale, change_dtype=True, on_loss="error")
    if made.report["lost"]:
        with pytest.raises(ResultRefused, match="pixels would be lost"):
            strict.compute()
    else:
        strict.compute()
    assert made.report == strict.report
    examples.append(1)
