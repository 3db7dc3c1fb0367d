"""Before anything is computed: every rule of the table, each with its message."""

import attrs
import bourn
import bourn_catalog as catalog
import numpy as np
import pytest
from affine import Affine
from bourn.errors import Refused
from grids import grid
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

ME = "me"
BYTE = {"data_type": "Byte"}


@pytest.fixture
def session(session_as):
    return session_as(ME)


def image_of(names, dtype="uint8", *, size=(6, 7), **more):
    return bourn.Image(np.ones((len(names), *size), dtype), bands=list(names), **{"geobox": grid(*size), **more})


def product_of(*bands, session, **more):
    saved = catalog.Product(id="p", bands=bands, **more)
    saved.save(session=session)
    return saved


def notes_of(session, image, **options):
    """The notes on a request, by their paths."""
    to = {"type": "catalog", "image": {"product_id": "p", "name": "t1"}, **options}
    written = to.pop("format", None)
    plan = session.plan(image, destination=to, format=written)
    return [(note.path, note.message) for note in plan.notes if note.path.startswith("destination")]


def problems_of(session, image, **options):
    to = {"type": "catalog", "image": {"product_id": "p", "name": "t1"}, **options}
    written = to.pop("format", None)
    with pytest.raises(Refused) as caught:
        session.plan(image, destination=to, format=written)
    return [
        (problem.path.removeprefix("destination").lstrip("."), problem.message) for problem in caught.value.problems
    ]


def a_byte(name="a", **more):
    return catalog.GenericBand(name=name, data_type="Byte", **{"nodata": 0, **more})


ALPHA = catalog.MaskBand(name="alpha", data_type="Byte", is_alpha=True)


def test_a_product_must_be_saved(session):
    """Nothing is made in the database for that."""
    unsaved = "there is no product 'p' that you may see"
    save = "save it first: bourn_catalog.Product(id=..., bands=[...]).save()"
    assert problems_of(session, image_of("a")) == [("image.product_id", f"{unsaved}; {save}")]
    with session.services.ledger.database.read() as connection:
        assert not connection.dialect.has_table(connection, "catalog_products")
    catalog.Product(id="pp", bands=[a_byte()]).save(session=session)
    assert problems_of(session, image_of("a")) == [("image.product_id", f"{unsaved}; did you mean 'pp'?")]


def test_one_must_be_allowed_to_write(session, session_as):
    product_of(a_byte(), session=session, readers=["eve"])
    assert problems_of(session_as("eve"), image_of("a")) == [
        ("image.product_id", "'eve' may not write to 'p'; its owner (me) may let you")
    ]
    assert notes_of(session, image_of("a")) != []


def test_what_one_may_not_see_is_not_there(session, session_as):
    product_of(a_byte(), session=session)
    (problem,) = problems_of(session_as("eve"), image_of("a"))
    assert problem[1].startswith("there is no product 'p' that you may see; save it first")


def test_all_bands_are_of_one_dtype(session):
    product_of(a_byte(), catalog.GenericBand(name="b", data_type="Int16", nodata=0), session=session)
    assert problems_of(session, image_of("ab")) == [
        ("image", "all bands of the product must be of one dtype, they are 'a' uint8, 'b' int16"),
        ("change_dtype", "'b' is uint8, the product's dtype is int16: convert, or set change_dtype=True"),
    ]


def test_there_is_an_alpha_band_or_nodata_on_every_band(session):
    product_of(a_byte(), a_byte("b", nodata=None), session=session)
    assert problems_of(session, image_of("ab")) == [
        ("image", "the product has neither an alpha band nor nodata on every band: 'b' has none")
    ]


def test_unlike_nodata_goes_only_with_an_alpha_band(session):
    product_of(a_byte(), a_byte("b", nodata=2), session=session)
    assert problems_of(session, image_of("ab")) == [
        ("image", "a file has one nodata value: unlike ones go only with an alpha band, these are 'a' 0, 'b' 2")
    ]
    attrs.evolve(catalog.Product.get("p", session=session), bands=[a_byte(), a_byte("b", nodata=2), ALPHA]).save(
        session=session
    )
    assert notes_of(session, image_of("ab"))[0] == (
        "destination.image", "the alpha band 'alpha' is made from the image's mask"
    )  # fmt: skip


def test_the_number_of_bands_is_the_products(session):
    product_of(a_byte(), a_byte("b"), session=session)
    assert problems_of(session, image_of("abc")) == [
        ("image", "the image has 3 bands ('a', 'b', 'c'), the product has 2 ('a', 'b')")
    ]


def test_only_some_names_matching_is_refused(session):
    product_of(a_byte(), a_byte("b"), session=session)
    assert problems_of(session, image_of("xa")) == [
        ("image", (
        "the bands are 'x', 'a', the product's 'a', 'b': only 'a' would go by name, and to guess at the others "
        "could swap them in silence; rename them, or select those that are meant"
    ))
    ]  # fmt: skip


def test_no_names_matching_means_in_order(session):
    product_of(a_byte(), a_byte("b"), session=session)
    assert notes_of(session, image_of("xy"))[0] == (
        "destination.image",
        "no band has a name of the product's: taken as already in order, 'x' is 'a', 'y' is 'b'",
    )


def test_a_grid_with_a_crs_is_needed(session):
    product_of(a_byte(), session=session)
    assert problems_of(session, image_of("a", geobox=None)) == [
        ("image", "the result has no grid; give it one by geobox=, or as bourn.Image(..., geobox=...)")
    ]
    assert problems_of(session, image_of("a", geobox=grid(6, 7, crs=None))) == [
        ("image", "the result's grid has no CRS: the item could not state where it lies")
    ]


def test_another_dtype_needs_change_dtype(session):
    product_of(a_byte(), session=session)
    assert problems_of(session, image_of("a", "float64")) == [
        ("change_dtype", "'a' is float64, the product's dtype is uint8: convert, or set change_dtype=True")
    ]
    assert notes_of(session, image_of("a", "float64"), change_dtype=True)[0][0] == "destination.image.acquired"


def test_rescaled_integers_count_as_float64(session):
    product_of(a_byte(data_range=(1, 255), physical_range=(0, 1)), session=session)
    assert problems_of(session, image_of("a"), rescale=True) == [
        ("change_dtype", (
        "'a' is float64 after rescaling, the product's dtype is uint8: convert, or set "
        "change_dtype=True"
    ))
    ]  # fmt: skip


def test_complex_numbers_are_refused(session):
    product_of(a_byte(), session=session)
    assert problems_of(session, image_of("a", "complex64"), change_dtype=True) == [
        ("image", "'a' is complex64: a product holds no complex numbers")
    ]


def test_bands_of_unlike_dtypes_are_converted_each_alone(session):
    """The format refuses a mixture; here it never sees one."""
    product_of(a_byte(), a_byte("b"), session=session)
    mixed = bourn.Image([np.ones((6, 7), "float32"), np.ones((6, 7), "int16")], bands=["a", "b"], geobox=grid(6, 7))
    assert notes_of(session, mixed, change_dtype=True)[0][0] == "destination.image.acquired"


def test_the_image_is_new_or_overwrite_is_said(session_as, clock):
    session = session_as(ME, clock=clock)
    product_of(a_byte(), session=session)
    session.compute(image_of("a"), destination=catalog.Image(name="t1", product_id="p"))
    assert problems_of(session, image_of("a")) == [
        ("image.name", "'t1' exists in 'p' since 2026-01-01 12:00 UTC by 'me'; overwrite=True replaces it")
    ]
    assert notes_of(session, image_of("a"), overwrite=True)[0] == (
        "destination.overwrite", "it takes the place of the image of 2026-01-01 12:00 UTC by 'me'"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tiled": False}, "the catalog takes cloud optimized GeoTIFFs only: leave the format's `tiled` at true"),
        ({"compression": "JPEG"}, (
        "the catalog takes lossless compression only; the format's JPEG changes pixels, into "
        "and out of nodata: choose DEFLATE, ZSTD, LZW or none"
    )),
        ({"compression": "webp"}, (
        "the catalog takes lossless compression only; the format's WEBP changes pixels, into "
        "and out of nodata: choose DEFLATE, ZSTD, LZW or none"
    )),
        ({"overview_resampler": "average"}, (
        "the format's overview_resampler average would make classes that do not "
        "exist in 'a': choose nearest or mode"
    )),
    ],
)  # fmt: skip
def test_the_file_is_cloud_optimized_and_lossless(session, options, message):
    product_of(catalog.ClassBand(name="a", data_type="Byte", nodata=0), session=session)
    assert problems_of(session, image_of("a"), format={"type": "geotiff", **options}) == [("", message)]


def test_averages_are_for_data_and_alpha(session):
    product_of(a_byte(), ALPHA, session=session)
    smooth = {"type": "geotiff", "overview_resampler": "average"}
    assert notes_of(session, image_of("a"), format=smooth)[0][0] == "destination.image"


def test_another_format_is_refused_by_the_matrix(session):
    product_of(a_byte(), session=session)
    to = {"type": "catalog", "image": {"product_id": "p", "name": "t1"}}
    for name in ("json", "pyarrow", "msgpack"):
        with pytest.raises(bourn.errors.IncompatiblePair):
            session.plan(image_of("a"), destination=to, format=name)


def test_everything_is_said_at_once(session):
    product_of(a_byte(), a_byte("b", nodata=None), session=session)
    bad = {"type": "geotiff", "tiled": False, "compression": "jpeg"}
    paths = [path for path, _ in problems_of(session, image_of("abc", "float64", geobox=None), format=bad)]
    assert paths == ["image", "image", "change_dtype", "image", "", ""]


def test_of_a_callable_the_rest_is_said_once_it_is_known(session):
    product_of(a_byte(), session=session)
    assert notes_of(session, lambda: image_of("ab", "float64")) == []
    job = session.compute(
        lambda: image_of("ab", "float64"), destination=catalog.Image(name="t1", product_id="p"), block=False
    )
    with pytest.raises(bourn.errors.ResultRefused) as caught:
        job.result()
    assert str(caught.value) == (
        "destination.image: the image has 2 bands ('a', 'b'), the product has 1 ('a')\n"
        "destination.change_dtype: 'a', 'b' are float64, the product's dtype is uint8: convert, or set "
        "change_dtype=True"
    )
    assert catalog.Image.search(session=session) == []


@pytest.mark.parametrize(
    ("asked", "message"),
    [({}, "the time of the upload"), ({"properties": {"date": "2020-01-01"}}, "properties['date'] of the result")],
)
def test_where_acquired_is_taken_from_is_said(session, asked, message):
    product_of(a_byte(), session=session)
    said = f"acquired is not set: it is taken from {message}"
    assert notes_of(session, image_of("a", **asked)) == [("destination.image.acquired", said)]


@pytest.mark.parametrize(
    "crs", ["IAU_2015:49900", 'LOCAL_CS["Site",LOCAL_DATUM["x",0],UNIT["metre",1]]', "EPSG:3855", "EPSG:4978"]
)
def test_a_grid_that_is_not_on_earth_is_refused(session, crs):
    product_of(a_byte(), session=session)
    image = image_of("a", geobox=GeoBox((6, 7), Affine(10, 0, -90, 0, -10, 45), CRS(crs)))
    ((path, message),) = problems_of(session, image)
    assert path == "image"
    assert "no relation to longitude and latitude on Earth" in message


def test_a_grid_off_the_globe_is_refused(session):
    product_of(a_byte(), session=session)
    crs = CRS("+proj=geos +h=35785831 +lon_0=0 +ellps=WGS84 +units=m")
    image = image_of("a", geobox=GeoBox((6, 7), Affine(1000, 0, 5.5e6, 0, -1000, 5.5e6), crs))
    ((path, message),) = problems_of(session, image)
    assert (path, "no pixel of the grid lies on the globe" in message) == ("image", True)


@pytest.mark.parametrize("lazy", [False, True])
def test_what_is_known_after_computing_only_is_refused_then(session, lazy):
    """A callable says nothing before: its file is written, and then no item can be made of it."""
    product_of(a_byte(), session=session)
    image = image_of("a", geobox=GeoBox((6, 7), Affine(10, 0, -90, 0, -10, 45), CRS("IAU_2015:49900")))
    with pytest.raises(bourn.errors.BournError, match="on Earth"):
        session.compute((lambda: image) if lazy else image, destination=catalog.Image(name="t1", product_id="p"))


def test_a_rotated_pole_and_a_compound_code_are_published(session):
    product_of(a_byte(), session=session)
    rotated = "+proj=ob_tran +o_proj=longlat +o_lon_p=-162 +o_lat_p=39.25 +lon_0=180 +to_meter=0.0174532925199433"
    for name, crs, transform in (
        ("r", rotated, Affine(0.1, 0, -10, 0, -0.1, 10)), ("c", "EPSG:7415", Affine(100, 0, 100_000, 0, -100, 450_000))
    ):  # fmt: skip
        image = image_of("a", geobox=GeoBox((6, 7), transform, CRS(crs)))
        published = session.compute(image, destination=catalog.Image(name=name, product_id="p"))
        assert published.open().geobox.affine == transform
        code = published.stac["properties"]["proj:code"]
        assert code == (None if name == "r" else crs)
        assert published.stac["geometry"]["type"] == "Polygon"


STORED = {"scale": 0.01, "offset": -1.0}


def with_scale(**facts):
    return image_of("a", bandinfo={"a": {"nodata": 0, **facts}})


def test_a_scale_that_the_product_has_not_is_noted(session):
    product_of(a_byte(), session=session)
    ((path, message),) = [note for note in notes_of(session, with_scale(**STORED)) if "scale" in note[1]]
    assert path == "destination.image"
    assert message.startswith(
        "'a' has scale 0.01 and offset -1, which are not kept: 'a' of the product has no physical"
    )


def test_a_scale_other_than_the_products_is_refused(session):
    """Stored 100 is 0 by the product's scale and offset, and 9 by others."""
    product_of(a_byte(data_range=(0, 200), physical_range=(-1, 1)), session=session)
    assert [note for note in notes_of(session, with_scale(**STORED)) if "scale" in note[1]] == []
    message = "'a' has scale 0.1 and offset -1, 'a' of the product has scale 0.01 and offset -1"
    assert problems_of(session, with_scale(scale=0.1, offset=-1.0)) == [
        ("image", f"{message}: readers would get other values")
    ]
    rescaled = notes_of(session, with_scale(**STORED), rescale=True, change_dtype=True)
    assert any("which are not applied" in message for _, message in rescaled)
