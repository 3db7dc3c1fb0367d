"""Products, bands, images: checked at birth, everything that is wrong at once."""

import math
from datetime import UTC, datetime
from pathlib import Path

import bourn_catalog as catalog
import numpy as np
import pytest
from bourn.errors import RequestError
from bourn.plugin import read, write
from bourn_catalog.options import Options

TYPES = "expected one of 'Byte', 'UInt16', 'Int16', 'UInt32', 'Int32', 'Float32', 'Float64', 'uint8'"
NDVI = {"name": "ndvi", "data_type": "Int16"}


def problems_of(make, *arguments, **fields):
    with pytest.raises(RequestError) as caught:
        make(*arguments, **fields)
    return [tuple(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("given", ["UInt16", "uint16", "UINT16", np.uint16, np.dtype("uint16"), np.dtype(">u2")])
def test_data_types_go_under_both_kinds_of_name(given):
    band = catalog.GenericBand(name="a", data_type=given)
    assert (band.data_type, band.dtype) == ("UInt16", np.dtype("uint16"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [("Byte", "Byte"), ("uint8", "Byte"), ("int16", "Int16"), ("uint32", "UInt32"), ("int32", "Int32"),
     ("float32", "Float32"), ("Float64", "Float64")],
)  # fmt: skip
def test_every_data_type(given, expected):
    assert catalog.GenericBand(name="a", data_type=given).data_type == expected


REFUSED_BANDS = {
    "a data type that is none": (
        catalog.GenericBand, {"name": "a", "data_type": "uin16"},
        [("data_type", f"{TYPES}, got 'uin16'; did you mean 'UInt16'?")],
    ),
    "64-bit integers, which a TIFF's nodata can't hold": (
        catalog.GenericBand, {"name": "a", "data_type": "int64"},
        [("data_type", f"{TYPES}, got 'int64'; did you mean 'Int16'?")],
    ),
    "nodata beyond the dtype": (
        catalog.GenericBand, {"name": "a", "data_type": "Byte", "nodata": 256},
        [("nodata", "Byte holds whole numbers from 0 to 255, got 256")],
    ),
    "nodata between two integers": (
        catalog.GenericBand, {"name": "a", "data_type": "Int16", "nodata": 0.5},
        [("nodata", "Int16 holds whole numbers from -32768 to 32767, got 0.5")],
    ),
    "NaN as nodata of integers": (
        catalog.GenericBand, {"name": "a", "data_type": "Int16", "nodata": math.nan},
        [("nodata", "Int16 holds whole numbers from -32768 to 32767, got nan")],
    ),
    "nodata that is not exact in the dtype": (
        catalog.GenericBand, {"name": "a", "data_type": "Float32", "nodata": 0.1},
        [("nodata", "Float32 does not hold 0.1 exactly; the nearest is 0.10000000149011612")],
    ),
    "nodata of the wrong type": (
        catalog.GenericBand, {"name": "a", "data_type": "Int16", "nodata": "none"},
        [("nodata", "expected one of 'nan', 'inf', '-inf', got 'none'")],
    ),
    "a degenerate range": (
        catalog.GenericBand, {"name": "a", "data_type": "Int16", "physical_range": (1, 1)},
        [("physical_range", "expected two different numbers, got 1 twice")],
    ),
    "a data range beyond the dtype": (
        catalog.GenericBand, {"name": "a", "data_type": "Byte", "data_range": (0, 10_000)},
        [("data_range", "Byte holds 0 to 255, got 10000")],
    ),
    "a class band with a physical range": (
        catalog.ClassBand, {"name": "a", "data_type": "Byte", "physical_range": (0, 1)},
        [("physical_range", "classes can't be rescaled: leave it out")],
    ),
    "an alpha whose nodata is opaque": (
        catalog.MaskBand, {"name": "a", "data_type": "Byte", "is_alpha": True, "nodata": 1},
        [("nodata", "1 is what opaque pixels have")],
    ),
    "an alpha that is opaque at 0": (
        catalog.MaskBand, {"name": "a", "data_type": "Byte", "is_alpha": True, "data_range": (1, 0)},
        [("data_range", "expected 0, for transparent, and then what is opaque")],
    ),
    "an alpha without a range": (
        catalog.MaskBand, {"name": "a", "data_type": "Byte", "is_alpha": True, "data_range": None},
        [("data_range", "is required of an alpha band: its second number is opaque")],
    ),
    "several at once": (
        catalog.SpectralBand, {"name": "", "data_type": "u1", "wavelength_nm_center": -1, "display_range": [1]},
        [("name", "expected at least 1 character, got 0"),
         ("data_type", f"{TYPES}, got 'u1'"),
         ("display_range", "expected 2 items, got 1"),
         ("wavelength_nm_center", "expected more than 0 nm, got -1")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED_BANDS)
def test_bands_that_are_refused(case):
    cls, fields, problems = REFUSED_BANDS[case]
    assert problems_of(cls, **fields) == problems


def test_an_inverted_range_is_a_negative_slope():
    band = catalog.GenericBand(name="a", data_type="Byte", data_range=(255, 0), physical_range=(0, 1))
    assert (band.data_range, band.physical_range) == ((255.0, 0.0), (0.0, 1.0))


@pytest.mark.parametrize(("given", "named"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")])
def test_nan_and_infinities_are_nodata_of_floats(given, named):
    """They are kept by their names: JSON has no digits for them."""
    band = catalog.GenericBand(name="a", data_type="Float32", nodata=given)
    assert band.nodata == named
    assert str(band.nodata_value) == named
    assert catalog.GenericBand(**write(band)) == band


def test_an_alpha_band_is_opaque_at_the_end_of_its_range():
    alpha = catalog.MaskBand(name="a", data_type="Byte", is_alpha=True, data_range=(0, 255))
    assert (alpha.opaque, alpha.kind) == (255, "mask")
    assert catalog.MaskBand(name="a", data_type="Byte", is_alpha=True).opaque == 1
    assert catalog.MaskBand(name="a", data_type="Byte").opaque is None


def test_a_product_says_everything_that_is_wrong_at_once():
    bands = [catalog.GenericBand(**NDVI), {"type": "spectral", "name": "b", "data_type": "in16"}, 3, {"name": "c"}]
    assert problems_of(catalog.Product, id="org:", bands=bands, owners="me", readers=[""]) == [
        ("id", "expected a letter, a digit or '_' at the end, got 'org:'"),
        ("owners", "expected list, got 'me'"),
        ("readers[0]", "expected a principal's name, got ''"),
        ("bands[1].data_type", f"{TYPES}, got 'in16'; did you mean 'Int16'?"),
        ("bands[2]", "expected a band, one of SpectralBand, MicrowaveBand, ClassBand, GenericBand, MaskBand; got int"),
        ("bands[3].type", "is required; one of class, generic, mask, microwave, spectral"),
        ("bands[3].data_type", "is required: How its pixels are stored; numpy's names do as well."),
    ]  # fmt: skip


KINDS = "class, generic, mask, microwave, spectral"
OPTIONS = "data_range, data_type, description, display_range, name, nodata, physical_range, unit"
LIGHT = f"common_name, {OPTIONS}, wavelength_nm_center, wavelength_nm_fwhm, wavelength_nm_max, wavelength_nm_min"


@pytest.mark.parametrize(
    ("band", "expected"),
    [
        ({"typ": "generic"}, [("bands[0].typ", "unknown option; did you mean 'type'?")]),
        ({"typ": "generic", "nodta": 0}, [
            ("bands[0].typ", "unknown option; did you mean 'type'?"),
            ("bands[0].nodta", f"unknown option; did you mean 'nodata'? Options: {OPTIONS}"),
        ]),
        ({"type": "genric", "nodata": 0.5}, [
            ("bands[0].type", f"no kind of band is called 'genric'; did you mean 'generic'? one of {KINDS}"),
            ("bands[0].nodata", "Byte holds whole numbers from 0 to 255, got 0.5"),
        ]),
        ({"type": 3, "polarization": "VV"}, [
            ("bands[0].type", f"no kind of band is called 3; one of {KINDS}"),
        ]),
        ({"kind": "generic"}, [
            ("bands[0].type", f"is required; one of {KINDS}"),
            ("bands[0].kind", f"unknown option. Options: {LIGHT}"),
        ]),
    ],
)  # fmt: skip
def test_of_a_band_of_no_known_kind_everything_else_is_said_too(band, expected):
    """As of the kind that it fits best; a misspelt key is named."""
    document = {"id": "p", "bands": [{"name": "a", "data_type": "Byte", **band}]}
    assert problems_of(catalog.Product.from_mapping, document) == expected


def test_a_band_of_a_class_of_ones_own_is_refused():
    """It would come back as another one."""

    class Own(catalog.GenericBand):
        """With another way to be read."""

    classes = "SpectralBand, MicrowaveBand, ClassBand, GenericBand, MaskBand"
    assert problems_of(catalog.Product, id="p", bands=[Own(**NDVI)]) == [
        ("bands[0]", f"expected a band, one of {classes}; got Own")
    ]


def test_two_bands_of_one_name_are_refused():
    band = catalog.GenericBand(**NDVI)
    assert problems_of(catalog.Product, id="p", bands=[band, band]) == [
        ("bands[1].name", "bands[0] is called 'ndvi', too")
    ]


def test_nodata_is_not_what_opaque_pixels_have():
    """A file has one nodata value for all its bands: the alpha would be read as nodata where it is opaque."""
    alpha = catalog.MaskBand(name="alpha", data_type="Byte", is_alpha=True, data_range=(0, 255))
    band = catalog.GenericBand(name="a", data_type="Byte", nodata=255)
    assert problems_of(catalog.Product, id="p", bands=[band, alpha]) == [
        ("bands[0].nodata", "255 is what opaque pixels of 'alpha' have")
    ]


def test_a_product_has_one_band_at_least():
    assert problems_of(catalog.Product, id="p", bands=[]) == [("bands", "expected at least 1 item, got 0")]


def test_a_product_is_its_document(product):
    everything = catalog.Product(
        id="p",
        name="Everything",
        bands=[
            catalog.SpectralBand(name="red", data_type="Float32", nodata=math.nan, common_name="red"),
            catalog.ClassBand(name="class", data_type="Byte", class_labels=["water"], colormap=[(0, 0, 255, 255)]),
            catalog.MaskBand(name="alpha", data_type="Byte", is_alpha=True),
            product.bands[0],
        ],
        readers=["*"],
    )
    assert catalog.Product.from_mapping(everything.as_mapping()) == everything


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("13:-9", "expected letters, digits, '.', '_' and '-' only, got '13:-9'; instead of it '13_-9' would do"),
        ("a/../b", "expected letters, digits, '.', '_' and '-' only, got 'a/../b'; instead of it 'a_.._b' would do"),
        ("", "expected a name, got an empty text"),
        (".a", "expected a letter or a digit at the beginning, got '.a'"),
        ("a.", "expected a letter, a digit or '_' at the end, got 'a.'"),
        ("a\n", "expected letters, digits, '.', '_' and '-' only, got 'a\\\\n'; instead of it 'a_' would do"),
        ("ä", "expected letters, digits, '.', '_' and '-' only, got 'ä'"),
        ("a" * 201, "expected at most 200 characters, got 201"),
    ],
)
def test_names_are_refused_and_never_rewritten(name, message):
    assert problems_of(catalog.Image, name=name, product_id="p") == [("name", message.replace("\\\\", "\\"))]


@pytest.mark.parametrize("name", ["a", "1024_0_10.0_13_-9_385", "a" * 200, "a..b", "A_", "0"])
def test_names_that_will_do(name):
    assert catalog.Image(name=name, product_id="org:p").id == f"org:p:{name}"


def test_acquired_without_a_zone_is_utc():
    assert catalog.Image(name="a", product_id="p", acquired="2020-01-01T12:00").acquired == datetime(
        2020, 1, 1, 12, tzinfo=UTC
    )
    moved = catalog.Image(name="a", product_id="p", acquired=datetime.fromisoformat("2020-01-01T00:00+02:00"))
    assert moved.acquired.isoformat() == "2019-12-31T22:00:00+00:00"


def test_an_image_in_a_request_is_an_object_or_a_mapping():
    """Problems of the mapping stand where they are."""
    by_object, _ = read(Options, {"image": catalog.Image(name="a", product_id="p")})
    by_mapping, _ = read(Options, {"image": {"name": "a", "product_id": "p"}})
    assert by_object == by_mapping
    _, problems = read(Options, {"image": {"name": "a b", "produkt_id": "p", "properties": {"x": math.inf}}})
    assert [tuple(problem) for problem in problems] == [
        ("destination.image.name",
         "expected letters, digits, '.', '_' and '-' only, got 'a b'; instead of it 'a_b' would do"),
        ("destination.image.properties.x", "expected a JSON value, got inf"),
        ("destination.image.product_id", "is required: The id of a saved product."),
        ("destination.image.produkt_id",
         "unknown option; did you mean 'product_id'? Options: acquired, name, product_id, properties"),
    ]  # fmt: skip


def test_reprs(product):
    assert repr(catalog.Image(name="my_image", product_id="org:my_product_id")) == (
        "Image: my_image\n  id: org:my_product_id:my_image\n  product: org:my_product_id\n  created: not yet"
    )
    assert repr(product) == "Product: org:radar\n  bands: vv (UInt16, nodata 0), vh (UInt16, nodata 0)"


def test_every_public_name_stands_in_the_reference():
    """With its members, or as one of the errors, all of which are raised."""
    page = (Path(__file__).parents[3] / "docs" / "reference-catalog.md").read_text()
    assert ".. automodule:: bourn_catalog.errors" in page
    names = [name for name in catalog.__all__ if not issubclass(getattr(catalog, name), catalog.CatalogError)]
    assert [name for name in names if f".. autoclass:: bourn_catalog.{name}\n" not in page] == []
