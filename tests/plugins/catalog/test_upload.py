"""An upload from its request to the image that is given back, and what becomes of it."""

import base64
import sys
import time
import warnings
from datetime import UTC, datetime, timedelta

import attrs
import bourn
import bourn_catalog as catalog
import dask
import dask.array
import numpy as np
import pystac
import pytest
from bourn.errors import DeliveryRefused, JobCancelled, Refused, ResultRefused
from bourn.warn import BLANKET
from bourn_catalog import LossWarning
from bourn_catalog.plugin import Catalog
from grids import grid

pytestmark = pytest.mark.backends("home", "servers")


@pytest.fixture
def session(session_as, clock, product):
    """With a product in it, and a clock."""
    session = session_as("me", clock=clock)
    product.save(session=session)
    return session


def stored(session):
    return sorted(session.store.keys())


def test_the_printed_result_has_its_four_lines(session, composite, to):
    image = session.compute(composite, destination=to("my_image"))
    assert repr(image) == (
        "Image: my_image\n  id: org:radar:my_image\n  product: org:radar\n  created: Thu Jan  1 12:00:00 2026 UTC"
    )


def test_a_stac_item_prints_short_and_shows_itself_where_that_is_wanted(session, composite, to):
    """A picture of it as text floods a terminal; it stands in a second form, valid as the first."""
    image = session.compute(composite, destination=to())
    assert "base64" not in str(image.stac)
    short, shown = (pystac.Item.from_dict(each) for each in (image.stac, image.stac_with_thumbnail()))
    assert max(map(len, (str(short), str(short.assets)))) < 1000
    kind, _, text = shown.assets.pop("thumbnail").href.partition(",")
    assert (kind, base64.b64decode(text)) == ("data:image/png;base64", image.thumbnail())
    assert shown.to_dict() == short.to_dict()
    image.stac["properties"].clear()
    assert image.stac == short.to_dict(include_self_link=False)
    assert catalog.Image(name="t1", product_id="p").stac_with_thumbnail() is None


def test_an_image_is_the_destination(session_as):
    """Without an option: bands and dtype are the product's already."""
    session = session_as("me")
    catalog.Product(id="p", bands=[catalog.GenericBand(name="a", data_type="Int16", nodata=-1)]).save(session=session)
    pixels = np.arange(42, dtype="int16").reshape(1, 6, 7)
    given = catalog.Image(name="t1", product_id="p", properties={"season": 1})
    image = session.compute(bourn.Image(pixels, bands=["a"], geobox=grid(6, 7)), destination=given)
    assert (image, image.created is not None) == (attrs.evolve(given, acquired=image.acquired), True)
    assert image is not given
    assert given.created is None
    assert np.array_equal(image.open().compute().array, pixels)
    assert catalog.Image.get("p:t1", session=session) == image


def test_the_mapping_and_the_object_do_the_same(session, composite, to):
    one = session.compute(composite, destination=to("t1"))
    other = session.compute(composite, destination=to(image=catalog.Image(name="t2", product_id="org:radar")))
    assert one.sha256 == other.sha256


def test_a_request_is_neither_changed_nor_kept(session, composite, to):
    request = to()
    before = repr(request)
    job = session.compute(composite, destination=request, block=False)
    request["image"]["name"] = "other"
    assert job.result().name == "t1"
    request["image"]["name"] = "t1"
    assert repr(request) == before


def test_an_image_from_the_catalog_is_a_destination_like_any_other(session, composite, to):
    """What is kept of it stays behind; its time is its own."""
    image = session.compute(composite, destination=to())
    again = session.compute(composite, destination=to(image=image, overwrite=True))
    assert (again.id, again.acquired) == (image.id, image.acquired)
    assert again.created == image.created


def test_the_receipt_says_what_was_counted(session, composite, to):
    job = session.compute(composite, destination=to(), block=False)
    image, detail = job.result(), job.receipt.detail
    assert (detail["image"], detail["created"], detail["sha256"]) == (image.id, image.created.isoformat(), image.sha256)
    assert detail["valid"] == {"vv": 55 * 70, "vh": 50 * 70}
    assert detail["lost"] == {}


def lossy(composite):
    pixels = np.array(composite.array)
    pixels[0, 30, 30] = 1e9
    return bourn.Image(pixels, bands=composite.bands, mask=composite.mask, geobox=composite.geobox)


def test_a_loss_is_warned_of(session, composite, to):
    with pytest.warns(LossWarning) as caught:
        session.compute(lossy(composite), destination=to())
    assert [str(warning.message) for warning in caught if warning.category is LossWarning] == [
        "org:radar:t1: clipped: 1 in vv (beyond the limits of the dtype, set to the limit)"
    ]


def test_the_line_that_asked_for_the_image_is_the_one_that_is_warned_of(session, composite, to):
    """Not one of bourn's own, by whichever way it was asked for."""
    job = session.compute(lossy(composite), destination=to("t1"), block=False)
    first = sys._getframe().f_lineno + 2
    with pytest.warns(LossWarning) as caught:  # noqa: PT031  # each of them warns
        job.result()
        session.compute(lossy(composite), destination=to("t2"))
        session.compute(lossy(composite), destination=[to("t3")])
    places = [(each.filename, each.lineno) for each in caught if each.category is LossWarning]
    assert places == [(__file__, first + number) for number in range(3)]


@pytest.mark.parametrize(("taken_back", "heard"), [("always", 1), ("ignore", 0)])
def test_a_loss_is_heard_where_a_library_has_left_all_warnings_ignored(session, composite, to, taken_back, heard):
    """As rasterio's reprojection does by accident under threads; ignored by its own name it is silent."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(taken_back, LossWarning)
        warnings.filters.insert(0, BLANKET)
        session.compute(lossy(composite), destination=to())
    assert len(caught) == heard
    assert all(warning.filename == __file__ for warning in caught)


def test_a_loss_that_is_an_error_is_one_behind_a_blanket_too(session, composite, to):
    with warnings.catch_warnings():
        warnings.simplefilter("error", LossWarning)
        warnings.filters.insert(0, BLANKET)
        with pytest.raises(bourn.errors.PluginError, match="clipped: 1 in vv"):
            session.compute(lossy(composite), destination=to())


def test_an_upload_leaves_the_filters_of_warnings_alone(session, composite, to, monkeypatch):
    """They are the process's own, and what one thread puts back another may have changed."""
    with monkeypatch.context() as patched:  # pytest and its plugins use it, too
        patched.setattr(warnings, "catch_warnings", lambda *_, **__: pytest.fail("the filters are changed"))
        assert session.compute(composite, destination=to()).id == "org:radar:t1"


def test_a_loss_is_refused_where_that_is_asked_for(session, composite, to):
    with pytest.raises(ResultRefused) as caught:
        session.compute(lossy(composite), destination=to(on_loss="error"))
    assert str(caught.value) == (
        "pixels would be lost, and on_loss is 'error': clipped: 1 in vv (beyond the limits of the dtype, set to the "
        "limit)"
    )
    assert stored(session) == []
    assert catalog.Image.search(session=session) == []


# -- when it was acquired ---------------------------------------------------------------------------------------------


def test_acquired_is_the_images_own_else_the_results_else_now(session, composite, to):
    own = {"product_id": "org:radar", "name": "a", "acquired": "2019-01-01T00:00:00"}
    dated = bourn.Image(
        composite.array, bands=composite.bands, geobox=composite.geobox, properties={"date": "2020-01-01"}
    )
    assert session.compute(dated, destination=to(image=own)).acquired == datetime(2019, 1, 1, tzinfo=UTC)
    assert session.compute(dated, destination=to("b")).acquired == datetime(2020, 1, 1, tzinfo=UTC)
    assert session.compute(composite, destination=to("c")).acquired == session.clock()


def test_a_job_gives_its_image_also_after_the_days_of_a_link(session, composite, to, clock):
    job = session.compute(composite, destination=to("c"), block=False)
    image = job.result()
    clock.move(days=30)
    session.sweep()
    again = session.job(job.id).result()
    assert again == image
    assert again.open().shape == composite.shape


def test_acquired_stays_what_it_was_at_the_first_try(session, composite, to, clock, monkeypatch):
    """Now is settled when the pixels are prepared, and kept with them: a later try finds the same."""
    real, tries = Catalog.deliver, []

    def first_fails(plugin, artifact, options, context):
        tries.append(context.attempt)
        if len(tries) == 1:
            raise bourn.plugin.Transient("not now", retry_after=timedelta(minutes=5))
        return real(plugin, artifact, options, context)

    monkeypatch.setattr(Catalog, "deliver", first_fails)
    started = clock()
    job = session.compute(composite, destination=to(), block=False)
    while not (job.stage == "SAVING" and job.refresh()._known().worker_id is None):
        time.sleep(0.01)
    clock.move(minutes=6)
    session.sweep()
    image = job.result()
    assert (tries, image.acquired, image.created) == ([1, 2], started, started + timedelta(minutes=6))


# -- what the result says of itself ----------------------------------------------------------------------------------


def said(composite, **properties):
    return bourn.Image(composite.array, bands=composite.bands, geobox=composite.geobox, properties=properties)


def test_properties_of_the_result_are_the_images_own_beside_those_it_was_given(session, composite, to):
    """In the record, in the STAC Item, in what is found, in what is read back; the date is `acquired`."""
    annotated = said(
        composite, date="2020-05-01", cloud=np.float32(0.25), by="dask", tags=("a", 1), AREA_OR_POINT="Area"
    )
    given = {"product_id": "org:radar", "name": "t1", "properties": {"by": "me"}}
    kept = {"by": "me", "cloud": 0.25, "tags": ["a", 1]}
    image = session.compute(annotated, destination=to(image=given))
    assert image.properties == kept
    assert kept.items() <= image.stac["properties"].items()
    assert (image.stac["properties"]["datetime"], "date" in image.stac["properties"]) == ("2020-05-01T00:00:00Z", False)
    session.compute(said(composite, cloud=0.5), destination=to("t2"))
    (found,) = catalog.Image.search("org:radar", properties={"cloud": 0.25, "by": "me"}, session=session)
    assert found == image
    assert kept.items() <= found.open().properties.items()


def test_properties_that_are_no_json_stay_behind_with_a_note(session, composite, to):
    """With the plan, or with the receipt where the result is not known before."""
    annotated = said(composite, raw=b"x", cloud=0.5, nothing=np.nan)
    messages = [
        "the result's property 'raw' stays behind: expected a JSON value, got b'x'",
        "the result's property 'nothing' stays behind: expected a JSON value, got nan",
    ]
    notes = session.plan(annotated, destination=to()).notes
    assert [note.message for note in notes if note.path == "destination.image.properties"] == messages
    job = session.compute(lambda: annotated, destination=to(), block=False)
    assert job.result().properties == {"cloud": 0.5}
    assert job.receipt.detail["notes"] == messages


def test_properties_that_stac_would_have_otherwise_are_noted(session, composite, to):
    """They are in the record, and are found; the item is valid without them."""
    annotated = said(composite, gsd="10 m", platform="S2A")
    message = "the STAC Item goes without the property 'gsd', of which STAC says: '10 m' is not of type 'number'"
    notes = session.plan(annotated, destination=to()).notes
    assert [note.message for note in notes if note.path == "destination.image.properties"] == [message]
    job = session.compute(annotated, destination=to(), block=False)
    assert job.result().properties == {"gsd": "10 m", "platform": "S2A"}
    assert {"gsd", "platform"} & set(job.result().stac["properties"]) == {"platform"}
    assert job.receipt.detail["notes"] == [message]


def test_an_image_has_at_most_a_thousand_properties(session, composite, to):
    annotated = said(composite, **{f"p{number}": number for number in range(1200)}, **{f"b{n}": b"" for n in range(30)})
    given = {"product_id": "org:radar", "name": "t1", "properties": {"by": "me"}}
    notes = [note.message for note in session.plan(annotated, destination=to(image=given)).notes]
    assert "an image has at most 1,000 properties: the last 201 stay behind" in notes
    assert "10 more properties of the result are not JSON" in notes
    properties = session.compute(annotated, destination=to(image=given)).properties
    assert (len(properties), properties["by"], properties["p998"]) == (1000, "me", 998)


# -- lazy results, other kinds of result ------------------------------------------------------------------------------


def test_what_is_lazy_or_called_comes_out_the_same(session, composite, to):
    def called():
        return composite

    lazy = dask.array.from_array(composite.array, chunks=(1, 17, 23))
    mask = dask.array.from_array(composite.mask, chunks=(2, 60, 9))
    results = [composite, called, dask.delayed(called)(), bourn.Image(lazy, bands=composite.bands, mask=mask,
                                                                     geobox=composite.geobox)]  # fmt: skip
    digests = {session.compute(each, destination=to(f"t{n}")).sha256 for n, each in enumerate(results)}
    assert len(digests) == 1


def test_a_geobox_puts_it_on_a_grid_first(session, composite, to):
    image = session.compute(composite, grid(30, 35, step=20), destination=to())
    assert image.open().shape == (2, 30, 35)


def test_a_value_is_refused(session, to):
    with pytest.raises(bourn.errors.IncompatiblePair):
        session.compute(2, destination=to())


# -- one of each id ---------------------------------------------------------------------------------------------------


def test_the_second_of_one_id_is_refused_at_once(session, composite, to):
    session.compute(composite, destination=to())
    with pytest.raises(Refused):
        session.compute(composite, destination=to())


def test_the_second_of_one_id_is_refused_at_the_commit(session, composite, to, monkeypatch):
    """Both were planned while there was none; the loser's file stays for its ten days, as of any failed delivery."""
    first = session.compute(composite, destination=to(), block=False)
    second = session.compute(composite, destination=to(), block=False)
    results = []
    for job in (first, second):
        try:
            results.append(job.result())
        except DeliveryRefused as error:
            results.append(error)
    won, lost = sorted(results, key=lambda result: isinstance(result, DeliveryRefused))
    assert str(lost) == "the image 'org:radar:t1' exists already; overwrite=True replaces it"
    assert [image.sha256 for image in catalog.Image.search(session=session)] == [won.sha256]
    loser = first if results[0] is lost else second
    assert loser.expires_datetime == session.clock() + timedelta(days=10)


def test_overwriting_lets_readers_of_the_old_one_end(session, composite, to, clock):
    """Its file is there until the grace time is over, and gone with the next sweeps."""
    old = session.compute(composite, destination=to())
    session.compute(lossless(composite), destination=to(overwrite=True))
    before = old.open().compute()
    clock.move(minutes=59)
    session.sweep(), session.sweep()
    assert before.identical(old.open().compute())
    clock.move(minutes=2)
    session.sweep(), session.sweep()
    assert len(stored(session)) == 1
    with pytest.raises(catalog.UnknownImage) as caught:
        old.open()
    assert str(caught.value) == "the file of 'org:radar:t1' is gone: the image was overwritten or deleted"
    assert catalog.Image.get("org:radar:t1", session=session).open().shape == (2, 60, 70)


def lossless(composite):
    return bourn.Image(composite.array[:, ::-1], bands=composite.bands, geobox=composite.geobox)


def test_a_deleted_image_is_gone_for_all_and_its_file_after_the_grace(session, composite, to, clock):
    image = session.compute(composite, destination=to())
    image.delete()
    for question in (lambda: catalog.Image.get("org:radar:t1", session=session), image.delete):
        with pytest.raises(catalog.UnknownImage) as caught:
            question()
        assert str(caught.value) == "there is no image 'org:radar:t1', or none that 'me' may see"
    assert len(stored(session)) == 1
    clock.move(minutes=61)
    session.sweep(), session.sweep()
    assert stored(session) == []
    assert session.compute(composite, destination=to()).id == "org:radar:t1"


def test_the_file_of_an_image_outlives_its_link(session, composite, to, clock):
    image = session.compute(composite, destination=to())
    clock.move(days=200)
    session.sweep(), session.sweep()
    assert image.open().compute().shape == (2, 60, 70)


def test_the_grace_time_is_a_setting(session_as, composite, to, clock, product):
    session = session_as("me", clock=clock, plugins={"catalog": {"grace_minutes": 0.0}})
    product.save(session=session)
    session.compute(composite, destination=to()).delete()
    session.sweep(), session.sweep()
    assert stored(session) == []


# -- who may ----------------------------------------------------------------------------------------------------------


def test_access_withdrawn_on_the_way_is_refused_at_the_commit(session, session_as, composite, to, product, monkeypatch):
    attrs.evolve(product, owners=["me"], writers=["bob"]).save(session=session)
    bob, real = session_as("bob"), Catalog.deliver

    def meanwhile(plugin, artifact, options, context):
        attrs.evolve(product, owners=["me"], readers=["bob"]).save(session=session)
        return real(plugin, artifact, options, context)

    monkeypatch.setattr(Catalog, "deliver", meanwhile)
    with pytest.raises(DeliveryRefused) as caught:
        bob.compute(composite, destination=to())
    assert str(caught.value) == "'bob' may not write to the product 'org:radar' any more"
    assert catalog.Image.search(session=session) == []


def test_readers_read_and_do_not_delete(session, session_as, composite, to, product):
    attrs.evolve(product, owners=["me"], readers=["eve"]).save(session=session)
    session.compute(composite, destination=to())
    image = catalog.Image.get("org:radar:t1", session=session_as("eve"))
    assert image.open().shape == (2, 60, 70)
    with pytest.raises(catalog.AccessDenied) as caught:
        image.delete()
    assert str(caught.value) == "'eve' may not write to the product 'org:radar'"


# -- cancelling, failing ----------------------------------------------------------------------------------------------


def test_a_cancelled_upload_leaves_nothing(session, composite, to, monkeypatch):
    """Also where the image could be seen already, and its process died before it could say so."""
    real, jobs = Catalog.deliver, []

    def cancelled_meanwhile(plugin, artifact, options, context):
        real(plugin, artifact, options, context)
        session.job(context.job_id).cancel()
        raise bourn.plugin.Transient("the answer was lost", retry_after=0)

    monkeypatch.setattr(Catalog, "deliver", cancelled_meanwhile)
    jobs.append(session.compute(composite, destination=to(), block=False))
    with pytest.raises(JobCancelled):
        jobs[0].result()
    session.sweep()
    assert (stored(session), catalog.Image.search(session=session)) == ([], [])
    monkeypatch.setattr(Catalog, "deliver", real)
    assert session.compute(composite, destination=to()).id == "org:radar:t1"


def test_a_cancelled_overwrite_brings_the_old_image_back(session, composite, to, monkeypatch):
    old, real = session.compute(composite, destination=to()), Catalog.deliver

    def cancelled_meanwhile(plugin, artifact, options, context):
        real(plugin, artifact, options, context)
        session.job(context.job_id).cancel()
        raise bourn.plugin.Transient("the answer was lost", retry_after=0)

    monkeypatch.setattr(Catalog, "deliver", cancelled_meanwhile)
    with pytest.raises(JobCancelled):
        session.compute(composite, destination=to(overwrite=True))
    found = catalog.Image.get("org:radar:t1", session=session)
    assert (found.created, found.open().compute().identical(old.open().compute())) == (old.created, True)
    assert len(stored(session)) == 1


def test_a_fan_out_goes_to_the_catalog_and_elsewhere(session, composite, to):
    image, back = session.compute(composite, destination=[to(), "download"], format="geotiff")
    assert isinstance(image, catalog.Image)
    assert isinstance(back, bytes)


def test_the_result_of_an_old_job_is_its_own_image(session, composite, to):
    first = session.compute(composite, destination=to(), block=False)
    old = first.result()
    new = session.compute(lossless(composite), destination=to(overwrite=True))
    assert session.job(first.id).result().sha256 == old.sha256 != new.sha256
    assert catalog.Image.get("org:radar:t1", session=session).sha256 == new.sha256


def test_hostile_text_stays_text(session, composite, to):
    """It becomes neither SQL, HTML nor a path."""
    nasty = "<script>alert(1)</script>'; drop table catalog_images; --"
    image = to(image={"product_id": "org:radar", "name": "t1", "properties": {nasty: nasty}})
    made = session.compute(composite, destination=image)
    assert [found.id for found in catalog.Image.search(properties={nasty: nasty}, session=session)] == [made.id]
    named = catalog.Product(id="p", name=nasty, bands=[catalog.GenericBand(name=nasty, data_type="Byte", nodata=0)])
    named.save(session=session)
    assert catalog.Product.get("p", session=session).name == nasty
    assert "<script" not in made._repr_html_()
    with warnings.catch_warnings():
        assert catalog.Product.search("'", session=session)[0].id == "p"


def test_what_was_published_is_given_by_rights_as_they_are_now(session_as, product, composite, to):
    """By the job, and by an image that was found before, too."""
    ann, bob = (session_as(name, shared_ledger=True) for name in ("ann", "bob"))
    attrs.evolve(product, readers=["bob"]).save(session=ann)
    job = ann.compute(composite, destination=to(), block=False).wait()
    assert bob.job(job.id).result().thumbnail()
    held = catalog.Image.get("org:radar:t1", session=bob)
    assert "<img" in held._repr_html_()
    attrs.evolve(product, readers=[]).save(session=ann)
    for ask in (held.open, held.thumbnail, held.stac_with_thumbnail, bob.job(job.id).result):
        with pytest.raises((catalog.UnknownImage, catalog.UnknownProduct)):
            ask()
    assert "<img" not in held._repr_html_()
    assert job.result().thumbnail()
