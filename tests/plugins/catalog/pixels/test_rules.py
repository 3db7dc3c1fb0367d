"""Each rule of a product's pixels by its name, in small numbers that a person can check."""

import math
import tracemalloc

import dask.array as da
import numpy as np
import pytest
from bourn.plugin import Image, Note, Problem, ResultInfo, ResultRefused
from bourn_catalog.pixels import BandSpec, prepare, problems, warnings


def rule(name="a", dtype="u1", **more):
    """A band of a product; nodata 0 unless said otherwise."""
    more.setdefault("nodata", 0)
    return BandSpec(name=name, dtype=np.dtype(dtype), **more)


def alpha(dtype="u1", opaque=1, name="alpha"):
    return BandSpec(name=name, dtype=np.dtype(dtype), kind="mask", is_alpha=True, data_range=(0, opaque), opaque=opaque)


def image(*layers, names=None, **more):
    """Bands of one row each."""
    return Image(
        [np.asarray(layer)[None] for layer in layers], bands=names or ["a", "b", "c", "d"][: len(layers)], **more
    )


def made(given, *rules, rescale=False, change_dtype=True, on_loss="warn"):
    """(rows of the product's bands, the report) of an image."""
    found = prepare(given, rules, rescale=rescale, change_dtype=change_dtype, on_loss=on_loss)
    return found.compute().array[:, 0].tolist(), found.report


def asked(names, rules, *, dtype="u1", rescale=False, change_dtype=False):
    """(problems, notes) as texts."""
    info = ResultInfo(kinds=("image",), bands=tuple(names), dtypes=(dtype,) * len(names), shape=(len(names), 1, 1))
    found = list(problems(info, rules, rescale=rescale, change_dtype=change_dtype))
    return (
        [f"{answer.path}: {answer.message}" for answer in found if isinstance(answer, Problem)],
        [answer.message for answer in found if isinstance(answer, Note)],
    )


# -- the order of the bands -----------------------------------------------------------------------------------------


def test_bands_go_by_name_to_the_order_of_the_product():
    rows, report = made(image([1], [2], [3], names=["b", "c", "a"]), rule("a"), rule("b"), rule("c"))
    assert rows == [[3], [1], [2]]
    assert report["notes"] == ["the bands are put in the product's order: a, b, c"]


def test_bands_in_order_need_no_note():
    assert asked(["a", "b"], [rule("a"), rule("b")]) == ([], [])


def test_where_no_name_matches_case_is_ignored():
    rows, report = made(image([1], [2], names=["NIR", "Red"]), rule("red"), rule("nir"))
    assert rows == [[2], [1]]
    assert report["notes"] == ["the bands go by name, ignoring case: 'Red' is 'red', 'NIR' is 'nir'"]


def test_where_no_name_matches_at_all_the_bands_are_taken_in_order():
    rows, report = made(image([1], [2], names=["x", "y"]), rule("red"), rule("nir"))
    assert rows == [[1], [2]]
    assert report["notes"] == [
        "no band has a name of the product's: taken as already in order, 'x' is 'red', 'y' is 'nir'"
    ]


@pytest.mark.parametrize("names", [["red", "x"], ["x", "red"], ["Red", "x"], ["red", "NIR"], ["red", "RED"]])
def test_where_only_some_names_match_the_image_is_refused(names):
    faults, notes = asked(names, [rule("red"), rule("nir")])
    assert notes == []
    (fault,) = faults
    assert fault.startswith(f"image: the bands are '{names[0]}', '{names[1]}', the product's 'red', 'nir': only ")
    assert "could swap them in silence" in fault


def test_the_message_of_a_partial_match():
    (fault,) = asked(["red", "x"], [rule("red"), rule("nir")])[0]
    assert fault == (
        "image: the bands are 'red', 'x', the product's 'red', 'nir': only 'red' would go by name, and to guess at the "
        "others could swap them in silence; rename them, or select those that are meant"
    )


def test_names_that_fall_together_without_their_case_are_no_match():
    faults, _ = asked(["A", "B"], [rule("a"), rule("b"), rule("alpha")][:2])
    assert faults == []
    assert asked(["RED", "Red"], [rule("red"), rule("nir")])[0] != []


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_alpha_goes_by_its_name_and_takes_no_part_in_the_match(place):
    names = ["x", "y"]
    names.insert(place, "alpha")
    rows, report = made(
        image(*[[5 if name == "alpha" else 10 + index] for index, name in enumerate(names)], names=names),
        rule("red"), alpha(opaque=255), rule("nir"),
    )  # fmt: skip
    data = [10 + index for index, name in enumerate(names) if name != "alpha"]
    assert rows == [[data[0]], [5], [data[1]]]
    assert report["notes"][0].startswith("no band has a name of the product's: taken as already in order")


def test_an_alpha_of_another_case_is_the_alpha():
    rows, _ = made(image([1], [1], names=["ALPHA", "red"]), rule("red"), alpha())
    assert rows == [[1], [1]]


def test_all_names_unknown_and_as_many_bands_as_the_product_the_alpha_is_among_them():
    rows, _ = made(image([7, 7], [1, 0], names=["x", "y"]), rule("red"), alpha())
    assert rows == [[7, 7], [1, 0]]


@pytest.mark.parametrize(
    ("names", "rules", "message"),
    [
        ("a", "ab", "the image has 1 band ('a'), the product has 2 ('a', 'b')"),
        ("ab", "a", "the image has 2 bands ('a', 'b'), the product has 1 ('a')"),
        ("abc", "*", "the image has 3 bands ('a', 'b', 'c'), the product has 1 ('*'), of which '*' would be made"),
        ("a*", "ab*", "the image has 2 bands ('a', '*'), the product has 3 ('a', 'b', '*'), '*' among both"),
    ],
)  # fmt: skip
def test_another_number_of_bands_is_refused(names, rules, message):
    bands = [alpha(name="*") if name == "*" else rule(name) for name in rules]
    assert asked(list(names), bands)[0][-1] == f"image: {message}"


def test_two_alpha_bands_are_not_made():
    assert asked(["a"], [rule("a"), alpha(), alpha(name="other")])[0] != []


# -- what the product must be ---------------------------------------------------------------------------------------


def test_a_product_without_alpha_needs_nodata_on_every_band():
    assert asked(["a", "b"], [rule("a"), rule("b", nodata=None)])[0] == [
        "image: the product has neither an alpha band nor nodata on every band: 'b' has none"
    ]
    assert asked(["a", "b"], [rule("a"), rule("b", nodata=None), alpha()])[0] == []


def test_unlike_nodata_needs_an_alpha_band():
    assert asked(["a", "b"], [rule("a"), rule("b", nodata=7)])[0] == [
        "image: a file has one nodata value: unlike ones go only with an alpha band, these are 'a' 0, 'b' 7"
    ]
    assert asked(["a", "b"], [rule("a"), rule("b", nodata=7), alpha()])[0] == []


def test_nodata_must_not_be_what_is_opaque():
    assert asked(["a"], [rule("a", nodata=255), alpha(opaque=255)])[0] == [
        "image: nodata of 'a', 255, is what opaque pixels of 'alpha' have"
    ]


def test_nan_is_the_same_nodata_as_nan():
    nans = [rule(name, "f4", nodata=float("nan")) for name in "ab"]
    assert asked(["a", "b"], nans, dtype="f4") == ([], [])


def test_a_product_of_several_dtypes_is_refused():
    assert asked(["a", "b"], [rule("a"), rule("b", "u2")], change_dtype=True)[0] == [
        "image: all bands of the product must be of one dtype, they are 'a' uint8, 'b' uint16"
    ]


# -- dtype ----------------------------------------------------------------------------------------------------------


def test_another_dtype_is_refused_without_change_dtype():
    assert asked(["a", "b"], [rule("a"), rule("b")], dtype="f8")[0] == [
        "change_dtype: 'a', 'b' are float64, the product's dtype is uint8: convert, or set change_dtype=True"
    ]
    assert asked(["a"], [rule("a")], dtype="f8", change_dtype=True) == ([], [])


@pytest.mark.parametrize(
    ("dtype", "product", "fits"),
    [
        ("i2", "f8", 1),
        ("b", "f8", 1),
        ("f8", "f8", 1),
        ("f4", "f4", 1),
        ("i2", "f4", 0),
        ("f4", "f8", 0),
        ("f2", "f4", 0),
    ],
)
def test_a_rescaled_band_counts_as_float64_if_it_was_integer_else_as_its_own(dtype, product, fits):
    faults, _ = asked(["a"], [rule("a", product, data_range=(0, 10), physical_range=(0, 1))], dtype=dtype, rescale=True)
    assert (faults == []) == bool(fits)


def test_bool_counts_as_the_bytes_it_is_stored_as():
    assert asked(["a"], [rule("a")], dtype="bool")[0] == []
    assert made(image([True, False]), rule(nodata=9), change_dtype=False)[0] == [[1, 0]]


def test_complex_numbers_are_refused_in_every_case():
    assert asked(["a"], [rule("a")], dtype="c8", change_dtype=True)[0] == [
        "image: 'a' is complex64: a product holds no complex numbers"
    ]


def test_prepare_raises_every_problem_at_once():
    with pytest.raises(ResultRefused, match=r"(?s)nodata on every band.*complex64.*change_dtype: 'b' is float32"):
        prepare(
            image(np.zeros(1, "c8"), np.zeros(1, "f4")), [rule("a"), rule("b", nodata=None)],
            rescale=False, change_dtype=False,
        )  # fmt: skip


def test_a_mixture_of_dtypes_is_converted_band_by_band():
    wide = np.array([2**53 + 1], "i8")
    rows, _ = made(
        image(wide - 2**53, np.array([0.5]), np.array([True])), *(rule(name, "i4", nodata=-1) for name in "abc")
    )
    assert rows == [[1], [0], [1]]


# -- conversion -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_integers_are_rounded_half_to_even_and_saturate(dtype):
    given = np.array([0.5, 1.5, 2.5, 254.5, 255.49, 255.5, 300, -0.5, -0.51, -7, 1e30, -1e30], dtype)
    rows, report = made(image(given), rule(nodata=99))
    assert rows == [[0, 2, 2, 254, 255, 255, 255, 0, 0, 0, 255, 0]]
    assert report["lost"] == {"clipped": {"a": 6}}  # 255.5, 300, -0.51, -7 and the two large ones


@pytest.mark.parametrize("dtype", ["i2", "i8", ">i4"])
def test_integers_saturate_and_never_wrap(dtype):
    rows, report = made(image(np.array([-1, 0, 255, 256, 32767], dtype)), rule(nodata=9))
    assert rows == [[0, 0, 255, 255, 255]]
    assert report["lost"] == {"clipped": {"a": 3}}


def test_integers_never_pass_through_float():
    given = np.array([2**31 - 1, 2**62 + 1], "i8")
    assert made(image(given), rule(dtype="i4"))[0] == [[2**31 - 1, 2**31 - 1]]
    assert made(image(np.array([2**32 - 1, 2**24 + 1], "u4")), rule(dtype="u4"))[0] == [[2**32 - 1, 2**24 + 1]]


def test_floats_are_rounded_to_the_nearest():
    given = np.array([2**24 + 1, 2**24 + 3], "i8")
    assert made(image(given), rule(dtype="f4"))[0] == [[2.0**24, 2.0**24 + 4]]
    assert made(image(np.array([0.1])), rule(dtype="f4"))[0] == [[float(np.float32(0.1))]]


def test_a_finite_overflow_saturates_and_is_counted():
    most = float(np.finfo("f4").max)
    given = np.array([3.4e38, most, math.nextafter(2.0**128 - 2.0**103, 0), 2.0**128 - 2.0**103, -1e300])
    rows, report = made(image(given), rule(dtype="f4"))
    assert rows == [[float(np.float32(3.4e38)), most, most, most, -most]]
    assert report["lost"] == {"clipped": {"a": 2}}


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo("f8").max, reason="no float longer than float64 here")
def test_a_long_double_is_rounded_once_and_saturates():
    given = np.array([np.longdouble(10) ** 400, 2**24 + 1 + np.longdouble(2) ** -36, 1], np.longdouble)
    most = float(np.finfo("f8").max)
    assert made(image(given[::2]), rule(dtype="f8"))[1]["lost"] == {"clipped": {"a": 1}}
    assert made(image(given[::2]), rule(dtype="f8"))[0] == [[most, 1]]
    assert made(image(given[1:2]), rule(dtype="f4"))[0] == [[2.0**24 + 2]]  # float64 would have made it a tie


# -- rescaling ------------------------------------------------------------------------------------------------------


def test_physical_values_become_stored_ones():
    rows, report = made(
        image(np.array([0.0, 0.25, 1.0])),
        rule(dtype="i2", nodata=-1, data_range=(0, 10000), physical_range=(0, 1)),
        rescale=True,
    )
    assert rows == [[0, 2500, 10000]]
    assert report["lost"] == report["counted"] == {}


def test_an_inverted_range_is_a_negative_slope():
    bands = rule(dtype="i2", nodata=-1, data_range=(100, 0), physical_range=(0, 1))
    assert made(image(np.array([0.0, 0.25, 1.0])), bands, rescale=True)[0] == [[100, 75, 0]]
    bands = rule(dtype="i2", nodata=-1, data_range=(0, 100), physical_range=(1, 0))
    assert made(image(np.array([0.0, 0.25, 1.0])), bands, rescale=True)[0] == [[100, 75, 0]]


def test_bright_pixels_are_not_clipped_to_the_data_range_but_counted():
    bands = rule(dtype="i2", nodata=-1, data_range=(0, 100), physical_range=(0, 1))
    rows, report = made(image(np.array([1.5, -0.5, 1.0, 0.123])), bands, rescale=True)
    assert rows == [[150, -50, 100, 12]]
    assert report["counted"] == {"outside_range": {"a": 2}}
    assert report["lost"] == {}


def test_integers_beyond_the_range_are_counted_where_float64_does_not_tell_them_apart():
    bands = rule(dtype="f8", data_range=(0, 1), physical_range=(0, float(2**53)))
    _, report = made(image(np.array([2**53, 2**53 + 1, -1, 0], "i8")), bands, rescale=True)
    assert report["counted"] == {"outside_range": {"a": 2}}


@pytest.mark.parametrize("dtype", ["bool", "u1", "i1", ">i2", "u8", "i8", "f2"])
@pytest.mark.parametrize("ends", [(0, 2.0**63), (-(2.0**70), 2.0**70), (1.5, 1e300)])
def test_ranges_may_be_beyond_what_the_pixels_hold(dtype, ends):
    given = np.array([1, 0], dtype)
    _, report = made(image(given), rule(dtype="f8", data_range=(0, 1), physical_range=ends), rescale=True)
    outside = sum(not ends[0] <= value <= ends[1] for value in (1, 0))
    assert report["counted"] == ({"outside_range": {"a": outside}} if outside else {})


def test_the_ends_of_a_range_are_not_rounded_to_the_dtype_of_the_pixels():
    bands = rule(dtype="f8", data_range=(0, 1), physical_range=(0, 0.1))
    _, report = made(image(np.array([0.1, 0.0999999], "f4")), bands, rescale=True)
    assert report["counted"] == {"outside_range": {"a": 1}}  # float32's 0.1 is a little more


@pytest.mark.parametrize("kind", ["class", "mask"])
def test_classes_and_masks_are_never_rescaled(kind):
    bands = rule(kind=kind, nodata=9, data_range=(0, 100), physical_range=(0, 1))
    assert made(image(np.array([0.0, 1.0])), bands, rescale=True)[0] == [[0, 1]]


def test_a_band_without_ranges_is_not_rescaled_and_a_note_says_so():
    rows, report = made(image(np.array([1.0])), rule(), rescale=True)
    assert rows == [[1]]
    assert report["notes"] == ["no band of the product has a physical_range and a data_range: nothing is rescaled"]


def test_a_step_between_that_overflows_does_not_change_the_result():
    bands = rule(dtype="f8", data_range=(0, 1e10), physical_range=(0, 1e20))
    rows, report = made(image(np.array([1e300, 1e308, -1e308, 1.0])), bands, rescale=True)
    np.testing.assert_allclose(rows[0], [1e290, 1e298, -1e298, 1e-10], rtol=1e-15)
    assert report["lost"] == {}


def test_ranges_that_no_float_spans_are_refused():
    bands = [rule("a", "f8", data_range=(-1.7e308, 1.7e308), physical_range=(0, 1))]
    assert asked(["a"], bands, dtype="f8", rescale=True)[0] == [
        "rescale: the ranges of 'a' span no finite number: (0, 1) to (-1.7e+308, 1.7e+308)"
    ]


def test_stored_values_with_a_scale_of_their_own_are_noted():
    given = image(np.array([1.0]), bandinfo={"a": {"scale": 0.1}})
    _, report = made(given, rule(data_range=(0, 100), physical_range=(0, 1)), rescale=True)
    assert report["notes"] == [
        "rescale takes pixels for physical values; 'a' has scale 0.1 and offset 0 of its own, which are not applied"
    ]


# -- the mask -------------------------------------------------------------------------------------------------------


def test_masked_pixels_nan_and_infinities_become_nodata():
    given = image(np.array([1.0, 2, np.nan, np.inf, -np.inf]), mask=np.array([[1, 0, 0, 0, 0]], bool))
    rows, report = made(given, rule(nodata=99))
    assert rows == [[99, 2, 99, 99, 99]]
    assert report == {
        "lost": {"infinite": {"a": 2}}, "counted": {"nan": {"a": 1}}, "valid": {"a": 1}, "notes": []
    }  # fmt: skip


def test_what_is_beneath_the_mask_is_not_counted():
    given = image(np.array([np.nan, np.inf, 1e30, 0.0, 5.0]), mask=np.array([[1, 1, 1, 1, 0]], bool))
    _, report = made(given, rule())
    assert (report["lost"], report["counted"]) == ({}, {})


def test_beneath_the_mask_of_a_band_without_nodata_is_0_or_nan():
    mask = np.array([[True, False]])
    assert made(image([5, 6], mask=mask), rule(nodata=None), alpha())[0] == [[0, 6], [0, 1]]
    rows, _ = made(image(np.array([5.0, 6]), mask=mask), rule(dtype="f8", nodata=None), alpha("f8"))
    assert (math.isnan(rows[0][0]), rows[0][1], rows[1]) == (True, 6, [0, 1])


def test_nan_is_masked_in_float_products_too():
    rows, _ = made(image(np.array([np.nan, np.inf, 1])), rule(dtype="f8", nodata=-9999), change_dtype=False)
    assert rows == [[-9999, -9999, 1]]


def test_values_that_mean_no_data_in_the_image_are_masked_where_it_has_no_mask():
    facts = {"a": {"nodata": 7}}
    assert made(image([7, 0], bandinfo=facts), rule(nodata=9))[0] == [[9, 0]]
    mask = np.array([[False, True]])
    assert made(image([7, 0], bandinfo=facts, mask=mask), rule(nodata=9))[0] == [[7, 9]]


def test_an_image_of_nothing_but_mask_is_published_with_a_note():
    rows, report = made(image([5], mask=np.array([[True]])), rule(nodata=9), on_loss="error")
    assert rows == [[9]]
    assert report["notes"] == ["every pixel is masked"]


def test_a_valid_pixel_that_reads_as_nodata_is_counted():
    _, report = made(image([0, 0, 5], mask=np.array([[False, True, False]])), rule())
    assert report["lost"] == {"nodata_clash": {"a": 1}}
    _, report = made(image(np.array([0.4, 0.6])), rule())
    assert report["lost"]["nodata_clash"] == {"a": 1}


# -- alpha ----------------------------------------------------------------------------------------------------------


def test_without_nodata_the_alpha_is_transparent_wherever_any_band_is_masked():
    mask = np.array([[[1, 1, 0]], [[1, 0, 0]]], bool)
    rows, report = made(image([5, 5, 5], [6, 6, 6], mask=mask), rule("a", nodata=None), rule("b", nodata=3), alpha())
    assert rows == [[0, 0, 5], [3, 6, 6], [0, 0, 1]]
    assert report["lost"] == {"hidden": {"b": 1}}


def test_with_nodata_the_alpha_is_transparent_where_every_band_is_masked():
    mask = np.array([[[1, 1, 0]], [[1, 0, 0]]], bool)
    rows, report = made(image([5, 5, 5], [6, 6, 6], mask=mask), rule("a"), rule("b"), alpha())
    assert rows == [[0, 0, 5], [0, 6, 6], [0, 1, 1]]
    assert report["lost"] == {}


@pytest.mark.parametrize(("dtype", "opaque"), [("u1", 255), ("u1", 1), ("u2", 65535), ("i2", 10000), ("f4", 1.0)])
def test_opaque_is_the_end_of_the_data_range(dtype, opaque):
    assert made(image([5, 5]), rule(dtype=dtype), alpha(dtype, opaque))[0] == [[5, 5], [opaque, opaque]]


def test_an_alpha_that_the_image_brings_is_anded_with_the_mask():
    mask = np.array([[[1, 0, 0, 0]], [[0, 0, 0, 0]]], bool)
    given = image([5, 5, 5, 5], [255, 255, 100, 0], names=["a", "alpha"], mask=mask)
    rows, report = made(given, rule(nodata=None), alpha(opaque=255))
    assert rows == [[0, 5, 5, 5], [0, 255, 100, 0]]
    assert report["counted"] == {"translucent": {"alpha": 1}}
    assert report["lost"] == {}


def test_an_alpha_of_255_is_opaque_where_that_is_1():
    given = image([5, 5], np.array([255, 0], "u1"), names=["a", "alpha"])
    assert made(given, rule(), alpha())[0] == [[5, 5], [1, 0]]


def test_an_alpha_of_yes_and_no_is_opaque_or_transparent():
    given = image([5, 5], np.array([True, False]), names=["a", "alpha"])
    assert made(given, rule(), alpha(opaque=255))[0] == [[5, 5], [255, 0]]


def test_an_alpha_that_is_masked_itself_is_transparent_and_hides():
    mask = np.array([[[0, 0]], [[1, 0]]], bool)
    rows, report = made(image([5, 5], [1, 1], names=["a", "alpha"], mask=mask), rule(), alpha())
    assert rows == [[5, 5], [0, 1]]
    assert report["lost"] == {"hidden": {"a": 1}}


def test_what_the_images_own_alpha_hides_is_no_loss():
    mask = np.array([[[1, 0]], [[0, 0]], [[0, 0]]], bool)
    given = image([5, 5], [6, 6], [0, 0], names=["a", "b", "alpha"], mask=mask)
    _, report = made(given, rule("a", nodata=None), rule("b", nodata=None), alpha())
    assert report["lost"] == {}


def test_the_file_has_a_mask_where_it_has_no_nodata_and_none_else():
    mask = np.array([[True, False]])
    given = image([5, 5], mask=mask)
    without = prepare(given, [rule(nodata=None), alpha()], rescale=False, change_dtype=True)
    assert without.compute().mask.tolist() == mask.tolist()
    assert without.nodata == (None, None)
    beside = prepare(given, [rule(nodata=9), alpha()], rescale=False, change_dtype=True)
    assert (beside.compute().mask, beside.nodata) == (None, (9, None))


# -- what is lost ---------------------------------------------------------------------------------------------------


def test_values_between_0_and_1_collapse():
    _, report = made(image(np.array([0.0, 0.2, 0.7, 1.0])), rule(dtype="u2", nodata=9))
    assert report["lost"] == {"collapsed": {"a": 2}}


@pytest.mark.parametrize("values", [[0.0, 1.0, 5.0], [0.0, 0.5, 10.0], [3.0, 3.0], [0.1, 3000]])
def test_whole_numbers_and_wide_spans_do_not_collapse(values):
    _, report = made(image(np.array(values)), rule(dtype="u2", nodata=9))
    assert report["lost"] == {}


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_stored_values_that_were_made_physical_do_not_collapse_on_their_way_back(dtype):
    stored = np.arange(3, 9)
    physical = (stored * 0.0001 - 0.1).astype(dtype)
    bands = rule(dtype="u2", data_range=(0, 10000), physical_range=(-0.1, 0.9))
    rows, report = made(image(physical), bands, rescale=True)
    assert rows == [stored.tolist()]
    assert report["lost"] == {}


def test_loss_is_refused_with_every_count_when_that_is_asked_for():
    given = image(np.array([300.0, np.inf, 0, 5]))
    with pytest.raises(ResultRefused) as caught:
        made(given, rule(), on_loss="error")
    assert caught.value.message == (
        "pixels would be lost, and on_loss is 'error': clipped: 1 in a (beyond the limits of the dtype, set to the "
        "limit); infinite: 1 in a (infinite, and masked); nodata_clash: 1 in a (valid, and read as nodata)"
    )


def test_warnings_say_what_was_lost():
    _, report = made(image(np.array([0.5, 0.25])), rule(nodata=9))
    assert warnings(report) == [
        "collapsed: 2 in a (no whole numbers, rounded into fewer than 10 stored steps: rescale them first)"
    ]


# -- how it is read -------------------------------------------------------------------------------------------------


def test_nothing_is_computed_before_it_is_read_and_each_chunk_once():
    seen = []

    def block(given):
        seen.append(given.shape)
        return given

    lazy = da.ones((2, 64, 32), chunks=(2, 16, 32), dtype="f4").map_blocks(block, meta=np.empty((0, 0, 0), "f4"))
    found = prepare(Image(lazy, bands=["a", "b"]), [rule("a"), rule("b")], rescale=False, change_dtype=True)
    assert (found.lazy, seen) == (True, [])
    list(found.strips(24))
    assert sum(shape[1] for shape in seen) == 64


def test_the_image_is_not_written_to():
    array = np.array([[[np.nan, 300.0, 1.0]]])
    before = array.copy()
    prepare(Image(array, bands=["a"]), [rule()], rescale=False, change_dtype=True).compute()
    np.testing.assert_array_equal(before, array)


def test_the_product_says_scale_and_offset_of_stored_values():
    found = prepare(
        image([1]), [rule(data_range=(0, 200), physical_range=(-1, 1))], rescale=False, change_dtype=True
    )  # fmt: skip
    assert dict(found.bandinfo["a"]) == {"kind": "data", "nodata": 0, "scale": 0.01, "offset": -1.0}


def test_unit_and_description_are_the_products_or_else_the_images():
    bandinfo = {"a": {"unit": "K", "description": "warm"}, "b": {"unit": "m"}}
    bands = [rule("a", unit="degC"), rule("b"), alpha()]
    found = prepare(image([1], [2], bandinfo=bandinfo), bands, rescale=False, change_dtype=True)
    assert [(facts.get("unit"), facts.get("description")) for facts in found.bandinfo.values()] == [
        ("degC", "warm"), ("m", None), (None, None)
    ]  # fmt: skip


@pytest.mark.parametrize("rescale", [True, False])
def test_no_second_copy_is_made_of_an_image_in_memory(rescale):
    """Nor a float64 one of the whole: memory stays at a strip of the product's dtype and small buffers."""
    array = np.ones((2, 4096, 1024), "f4")
    bands = [rule(name, "u2", data_range=(0, 100), physical_range=(0, 1)) for name in "ab"]
    made = prepare(Image(array, bands=["a", "b"]), bands, rescale=rescale, change_dtype=True)
    tracemalloc.start()
    try:
        for strip in made.strips(256):
            assert strip.pixels.dtype == np.dtype("u2")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < array.nbytes / 8
