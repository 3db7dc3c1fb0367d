"""Records: what is written down of products and images, and who may see it; the same in both databases."""

import math
from datetime import UTC, datetime, timedelta

import attrs
import bourn_catalog as catalog
import pytest
import sqlalchemy as sa
from bourn.errors import DeliveryRefused, RequestError
from bourn.plugin import option, services
from bourn_catalog.records.boxes import found_in
from bourn_catalog.records.garbage_collection import delete_image, delete_old_deliveries, expired_deliveries, mark_final
from bourn_catalog.records.images import Search, find_image, search_images
from bourn_catalog.records.products import bands_digest, find_product
from bourn_catalog.records.publish import Publication, publish, retract, supersede
from bourn_catalog.records.rows import ImageRow
from bourn_catalog.records.schema import MIGRATIONS
from bourn_catalog.records.tables import boxes, deliveries, images, products

pytestmark = pytest.mark.backends("home", "servers")

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ME = "me"


@pytest.fixture
def database(session_as, product):
    """With a product in it."""
    session = session_as(ME)
    product.save(session=session)
    database = services("catalog", session).database
    database.ensure_schema(MIGRATIONS)
    return database


def square(west, south, size=1.0):
    east, north = west + size, south + size
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [corners]}


def publication(
    product, name="t1", delivery="1", *, overwrite=False, now=NOW, geometry=None, acquired=NOW, **properties
):
    row = ImageRow(
        product_id=product.id, name=name, delivery_id=delivery.rjust(32, "0"), principal=ME, key=f"job/{delivery}.tif",
        size_bytes=3, sha256="0" * 64, revision=1, acquired_at=acquired, created_at=now, properties=properties,
        item={"geometry": geometry or square(0, 0), "delivery": delivery},
    )  # fmt: skip
    digest = bands_digest(product.as_mapping())
    return Publication(image=row, bands_digest=digest, thumbnail=b"png", overwrite=overwrite, now=now)


def done(database, what, *arguments, **more):
    return database.write(lambda connection: what(connection, *arguments, **more))


def seen(database, image_id="org:radar:t1"):
    """The delivery that the image seen under that id came by."""
    with database.read() as connection:
        found = find_image(connection, image_id, ME)
    return None if found is None else found.item["delivery"]


def count(database, table):
    with database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table))


def found(database, **wanted):
    with database.read() as connection:
        return [row.name for row in search_images(connection, Search(**wanted), ME)]


# -- products ----------------------------------------------------------------


def test_a_product_is_saved_found_and_saved_again(session_as, product):
    session = session_as(ME)
    saved = product.save(session=session)
    assert (saved.owners, saved.revision) == (("me",), 1)
    assert catalog.Product.get("org:radar", session=session) == saved
    again = attrs.evolve(product, description="new").save(session=session)
    assert (again.revision, again.owners, again.created) == (2, ("me",), saved.created)
    assert [found.id for found in catalog.Product.search("RAD", session=session)] == ["org:radar"]
    assert catalog.Product.search("optical", session=session) == []


def test_what_one_may_not_see_looks_as_if_it_did_not_exist(session_as, product):
    product.save(session=session_as(ME))
    eve = session_as("eve")
    assert catalog.Product.search(session=eve) == []
    with pytest.raises(catalog.UnknownProduct) as there:
        catalog.Product.get("org:radar", session=eve)
    with pytest.raises(catalog.UnknownProduct) as nowhere:
        catalog.Product.get("org:rader", session=eve)
    assert str(there.value) == "there is no product 'org:radar', or none that 'eve' may see"
    assert str(nowhere.value) == str(there.value).replace("radar", "rader")


@pytest.mark.parametrize("lists", [{"readers": ["eve"]}, {"writers": ["eve"]}, {"readers": ["*"]}, {"owners": ["eve"]}])
def test_readers_writers_and_owners_see_a_product(session_as, product, lists):
    attrs.evolve(product, **{"owners": [ME], **lists}).save(session=session_as(ME))
    assert catalog.Product.get("org:radar", session=session_as("eve")).id == "org:radar"


def test_only_owners_replace_a_product(session_as, product):
    attrs.evolve(product, writers=["eve"]).save(session=session_as(ME))
    with pytest.raises(catalog.AccessDenied) as caught:
        product.save(session=session_as("eve"))
    assert str(caught.value) == "the id 'org:radar' is taken, and 'eve' does not own that product"


def test_bands_change_only_while_there_are_no_images(session_as, product, database):
    session = session_as(ME)
    other = attrs.evolve(product, bands=[attrs.evolve(product.bands[0], nodata=1), product.bands[1]])
    assert other.save(session=session).revision == 2
    product.save(session=session)
    done(database, publish, publication(product))
    with pytest.raises(catalog.ProductInUse) as caught:
        other.save(session=session)
    assert str(caught.value) == (
        "1 image is made for the bands of 'org:radar': vv, vh would change; save the product under another id"
    )
    shown = attrs.evolve(product, bands=[attrs.evolve(product.bands[0], display_range=(1, 2)), product.bands[1]])
    assert shown.save(session=session).revision == 4
    done(database, supersede, "org:radar:t1", now=NOW, by=None)
    assert other.save(session=session).revision == 5


# -- publishing ----------------------------------------------------------------


def test_an_image_is_published_once(database, product):
    """Without overwrite the second of one id is refused, and the first stays as it is."""
    assert done(database, publish, publication(product)) == NOW
    with pytest.raises(DeliveryRefused) as caught:
        done(database, publish, publication(product, delivery="2"))
    assert str(caught.value) == "the image 'org:radar:t1' exists already; overwrite=True replaces it"
    assert (seen(database), count(database, images), count(database, deliveries)) == ("1", 1, 1)


def test_a_delivery_done_twice_is_done_once(database, product):
    """Also where another one has overwritten it in between: the later one is not undone."""
    done(database, publish, publication(product))
    later = NOW + timedelta(hours=1)
    assert done(database, publish, publication(product, now=later)) == NOW
    done(database, publish, publication(product, delivery="2", overwrite=True))
    assert done(database, publish, publication(product, overwrite=True, now=later)) == NOW
    assert seen(database) == "2"


def test_overwriting_keeps_one_to_be_seen(database, product):
    for number in range(1, 4):
        done(database, publish, publication(product, delivery=str(number), overwrite=True))
    assert (seen(database), count(database, images), count(database, boxes)) == ("3", 3, 1)


REFUSED = {
    "withdrawn": (lambda product: attrs.evolve(product, owners=["bob"], readers=[ME]),
                  "'me' may not write to the product 'org:radar' any more"),
    "hidden": (lambda product: attrs.evolve(product, owners=["bob"]),
               "there is no product 'org:radar' any more, or none that 'me' may see"),
    "changed": (lambda product: attrs.evolve(product, bands=product.bands[:1]),
                "the bands of the product 'org:radar' were changed after the pixels were made for them"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_the_product_is_looked_at_again_in_the_transaction(database, session_as, product, case):
    change, message = REFUSED[case]
    asked = publication(product)
    change(product).save(session=session_as(ME))
    with pytest.raises(DeliveryRefused) as caught:
        done(database, publish, asked)
    assert str(caught.value) == message
    assert (count(database, images), count(database, boxes), count(database, deliveries)) == (0, 0, 0)


# -- taking back ----------------------------------------------------------------


def test_a_delivery_that_is_taken_back_leaves_nothing_and_never_comes(database, product):
    done(database, publish, publication(product))
    for _ in range(2):
        done(database, retract, "1".rjust(32, "0"), now=NOW)
    assert (seen(database), count(database, images), count(database, boxes)) == (None, 0, 0)
    with pytest.raises(DeliveryRefused) as caught:
        done(database, publish, publication(product))
    assert str(caught.value) == "this delivery of 'org:radar:t1' was taken back"


def test_one_that_is_taken_back_before_it_comes_never_comes(database, product):
    done(database, retract, "1".rjust(32, "0"), now=NOW)
    with pytest.raises(DeliveryRefused):
        done(database, publish, publication(product))
    assert count(database, images) == 0


def test_what_it_had_replaced_is_seen_again(database, product):
    done(database, publish, publication(product))
    done(database, publish, publication(product, delivery="2", overwrite=True))
    done(database, retract, "2".rjust(32, "0"), now=NOW)
    assert (seen(database), count(database, boxes)) == ("1", 1)


def test_one_in_the_middle_is_taken_back_unseen(database, product):
    """The last stays; were it taken back too, the first would be seen."""
    for number in "123":
        done(database, publish, publication(product, delivery=number, overwrite=True))
    done(database, retract, "2".rjust(32, "0"), now=NOW)
    assert seen(database) == "3"
    done(database, retract, "3".rjust(32, "0"), now=NOW)
    assert (seen(database), count(database, images)) == ("1", 1)


# -- giving up ----------------------------------------------------------------


def test_what_was_superseded_is_given_up_after_its_grace(database, product):
    done(database, publish, publication(product))
    done(database, publish, publication(product, delivery="2", overwrite=True, now=NOW + timedelta(hours=1)))
    with database.read() as connection:
        assert expired_deliveries(connection, before=NOW + timedelta(minutes=59)) == []
        assert expired_deliveries(connection, before=NOW + timedelta(hours=1)) == ["1".rjust(32, "0")]
    done(database, delete_image, "1".rjust(32, "0"), before=NOW)
    assert count(database, images) == 2
    done(database, delete_image, "1".rjust(32, "0"), before=NOW + timedelta(hours=1))
    assert (count(database, images), seen(database)) == (1, "2")


def test_what_is_given_up_is_seen_never_again(database, product):
    """Its file goes; what is taken back afterwards leads to nothing. Taken back before, it is not given up."""
    done(database, publish, publication(product))
    done(database, publish, publication(product, delivery="2", overwrite=True))
    assert done(database, mark_final, "1".rjust(32, "0"), before=NOW)
    done(database, retract, "2".rjust(32, "0"), now=NOW)
    assert seen(database) is None
    done(database, publish, publication(product, delivery="3"))
    done(database, publish, publication(product, delivery="4", overwrite=True))
    done(database, retract, "4".rjust(32, "0"), now=NOW)
    assert not done(database, mark_final, "3".rjust(32, "0"), before=NOW)
    assert seen(database) == "3"


def test_what_became_of_a_delivery_is_known_for_long(database, product):
    done(database, publish, publication(product))
    done(database, retract, "2".rjust(32, "0"), now=NOW)
    done(database, delete_old_deliveries, now=NOW + timedelta(days=99))
    assert count(database, deliveries) == 2
    done(database, delete_old_deliveries, now=NOW + timedelta(days=100))
    assert count(database, deliveries) == 1, "of an image that is seen it is always known"


# -- what can be read again ---------------------------------------------------


@attrs.frozen(kw_only=True, repr=False)
class Own(catalog.Product):
    """With something that no `Product` has."""

    extra: int = option(default=3, help="More.")


def test_what_could_not_be_read_again_is_not_saved(session_as, product):
    """Not only refused: nothing of it is there, for all whom it would stop from searching."""
    session = session_as(ME)
    for save, path in (
        (lambda: product.save(session=session_as(" me ")), "owners[0]"),
        (lambda: Own(id="own", bands=product.bands).save(session=session), "extra"),
    ):
        with pytest.raises(RequestError) as caught:
            save()
        assert [problem.path for problem in caught.value.problems] == [path]
        assert catalog.Product.search(session=session) == []


def test_a_product_of_another_version_hides_no_other(database, session_as, product):
    """The error says why it can't be used."""
    session = session_as(ME)
    attrs.evolve(product, id="newer").save(session=session)
    document = {**product.as_mapping(), "id": "newer", "owners": [ME], "zoom": 3}
    changed = products.update().where(products.c.id == "newer").values(document=document)
    done(database, lambda connection: connection.execute(changed))
    message = "the product 'newer' is kept in a form that this version can't read: zoom: unknown option"
    with pytest.warns(UserWarning, match=message):
        assert [found.id for found in catalog.Product.search(session=session)] == ["org:radar"]
    with pytest.raises(catalog.CatalogError, match=message):
        catalog.Product.get("newer", session=session)


# -- searching ----------------------------------------------------------------


@pytest.fixture
def strewn(database, product):
    """Ten images along the equator, one a day; the last one lies across the antimeridian."""
    for day in range(9):
        when = NOW + timedelta(days=day)
        done(database, publish, publication(
            product, f"t{day}", str(day), geometry=square(day * 10, 0), acquired=when, odd=bool(day % 2), day=day,
        ))  # fmt: skip
    both = [square(179.5, 0, 0.5)["coordinates"], square(-180, 0, 0.5)["coordinates"]]
    across = {"type": "MultiPolygon", "coordinates": both}
    done(database, publish, publication(product, "t9", "9", geometry=across, acquired=NOW + timedelta(days=9), day=9))
    return database


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, "0123456789"),
        ({"product_id": "org:radar"}, "0123456789"),
        ({"start": NOW + timedelta(days=7)}, "789"),
        ({"end": NOW + timedelta(days=1)}, "01"),
        ({"start": NOW + timedelta(days=3), "end": NOW + timedelta(days=4)}, "34"),
        ({"geometry": square(9, -1, 3)}, "1"),
        ({"geometry": square(11, 0)}, "1"),  # they touch
        ({"geometry": square(11.001, 0)}, ""),
        ({"geometry": square(-1, -1, 100), "end": NOW + timedelta(days=2)}, "012"),
        ({"geometry": square(-179.8, 0, 0.1)}, "9"),
        ({"geometry": square(179.8, 0, 0.1)}, "9"),
        ({"properties": {"odd": True}}, "1357"),
        ({"properties": {"odd": 1}}, ""),
        ({"properties": {"day": 3, "odd": True}}, "3"),
        ({"properties": {"colour": "red"}}, ""),
        ({"limit": 3}, "012"),
        ({"limit": 0}, ""),
        ({"properties": {"odd": True}, "limit": 2}, "13"),
        ({"properties": {"';drop table catalog_images;--": 1}}, ""),
    ],
)
def test_images_are_found(strewn, wanted, names):
    assert "".join(name.removeprefix("t") for name in found(strewn, **wanted)) == names


@pytest.mark.parametrize(("asked", "hint"), [("org:rada", "; did you mean 'org:radar'?"), ("optical", "")])
def test_images_of_a_product_that_is_not_there_are_refused(strewn, session_as, asked, hint):
    """An empty list would hide the misspelling; one who may not see the product hears nothing of it."""
    for principal, hinted in ((ME, hint), ("eve", "")):
        with pytest.raises(catalog.UnknownProduct) as caught:
            catalog.Image.search(asked, session=session_as(principal))
        assert str(caught.value) == f"there is no product {asked!r}, or none that {principal!r} may see{hinted}"


def test_a_search_says_everything_that_is_wrong_with_it():
    with pytest.raises(RequestError) as caught:
        catalog.Image.search(7, start="never", geometry=3, properties={"x": math.nan}, limit=-1)
    assert [tuple(problem) for problem in caught.value.problems] == [
        ("product_id", "expected str, got 7"),
        ("properties.x", "expected a JSON value, got nan"),
        ("limit", "expected at least 0, got -1"),
        ("start", "expected a datetime, a date or ISO 8601 text, got 'never'"),
        ("geometry", "expected GeoJSON or a geometry, got int"),
    ]


def test_images_of_products_that_one_may_not_see_are_not_found(strewn):
    with strewn.read() as connection:
        assert list(search_images(connection, Search(), "eve")) == []
        assert find_image(connection, "org:radar:t1", "eve") is None
        assert find_product(connection, "org:radar", "eve") is None


def test_areas_are_found_by_the_databases_own_index(strewn):
    """A thousand rows, and the plan of the search names the index."""
    with strewn.read() as connection:
        row = connection.scalar(sa.select(images.c.row).limit(1))
    rows = [
        {"image": row, "west": n / 10, "south": 0, "east": n / 10 + 0.01, "north": 1, "acquired_at": NOW}
        for n in range(1000)
    ]
    strewn.write(lambda connection: connection.execute(boxes.insert(), rows))
    with strewn.read() as connection:
        lies = found_in(connection.dialect, [(0.0, 0.0, 0.05, 1.0)], None, None)
        asked = sa.select(boxes.c.image).where(lies).compile(connection, compile_kwargs={"literal_binds": True})
        if connection.dialect.name == "sqlite":
            plan = connection.exec_driver_sql(f"explain query plan {asked}").all()
            assert any("VIRTUAL TABLE INDEX" in str(step) for step in plan), plan
        else:
            connection.exec_driver_sql("set enable_seqscan = off")
            plan = connection.exec_driver_sql(f"explain {asked}".replace("%", "%%")).all()
            assert any("ix_catalog_boxes_box" in str(step) for step in plan), plan


def test_the_history_ends_where_todays_tables_are(session_of, monkeypatch, tmp_path):
    """The tables that are made at once are those that the migrations make."""

    def schema(connection):
        looked = sa.inspect(connection)
        names = sorted(name for name in looked.get_table_names() if name.startswith("catalog_"))
        hinted = {}
        for name in names:
            if "rtree" not in name:
                columns = [(c["name"], str(c["type"]), c["nullable"]) for c in looked.get_columns(name)]
                indexes = sorted(
                    (str(i["name"]), [*map(str, i["column_names"])], bool(i["unique"]))
                    for i in looked.get_indexes(name)
                )
                hinted[name] = (columns, indexes, len(looked.get_foreign_keys(name)))
        return names, hinted

    made = services("catalog", session_of()).database
    made.ensure_schema(MIGRATIONS)
    with made.read() as connection:
        at_once = schema(connection)
    names = at_once[0]
    for name in ("catalog_boxes", "catalog_images", "catalog_deliveries", "catalog_products", "bourn_catalog_version"):
        if name == "catalog_boxes" and "catalog_rtree" in names:
            made.write(lambda connection: connection.exec_driver_sql("drop table catalog_rtree"))
        made.write(lambda connection, name=name: connection.exec_driver_sql(f"drop table {name}"))
    made.write(MIGRATIONS.upgrade)
    with made.read() as connection:
        assert schema(connection) == at_once
        assert MIGRATIONS.version(connection) == MIGRATIONS.head


HOSTILE = ["\ud800", "p\0", "p:\ud800", "p:\0i", "x" * 100_000, "p:i\n", ":", "", "p:i:", "../p:i"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_an_id_that_can_not_be_is_unknown(database, session_as, text):
    """No database is asked for it: the driver of one takes no surrogates, that of the other no NUL."""
    session = session_as(ME)
    with pytest.raises(catalog.UnknownProduct):
        catalog.Product.get(text, session=session)
    with pytest.raises((catalog.UnknownImage, catalog.UnknownProduct)):
        catalog.Image.get(text, session=session)
    with pytest.raises((catalog.UnknownProduct, RequestError)):
        catalog.Image.search(text, session=session)
    catalog.Product.search(text, session=session)  # any text may be part of a name


@pytest.mark.parametrize("value", [5, None, b"p:i", ["p"], object()])
def test_an_id_of_another_type_is_a_bad_request(session_as, value):
    session = session_as(ME)
    for ask in (catalog.Product.get, catalog.Image.get, catalog.Product.search):
        with pytest.raises(RequestError, match="expected a str, got"):
            ask(value, session=session)


@pytest.mark.parametrize("limit", [-1, 10**30, 2.5, "1", True])
def test_a_limit_is_a_number_of_images(session_as, limit):
    with pytest.raises(RequestError, match="limit"):
        catalog.Image.search(limit=limit, session=session_as(ME))


@pytest.mark.parametrize(
    "geometry", [{"type": "Point", "coordinates": [0, 91]}, {"type": "Point", "coordinates": [float("nan"), 0]}]
)
def test_an_area_is_in_degrees(session_as, geometry):
    with pytest.raises(RequestError, match="longitudes and latitudes in degrees"):
        catalog.Image.search(geometry=geometry, session=session_as(ME))


def test_a_search_goes_on_beyond_180_degrees(database, session_as, product):
    done(database, publish, publication(product, "east", "1", geometry=square(178, 0)))
    done(database, publish, publication(product, "west", "2", geometry=square(-179, 0)))
    session = session_as(ME)

    def names(west, east):
        area = {"type": "Polygon", "coordinates": [[[west, -1], [east, -1], [east, 2], [west, 2], [west, -1]]]}
        return {found.name for found in catalog.Image.search(geometry=area, session=session)}

    assert names(170, 190) == {"east", "west"}
    assert names(180.5, 185) == {"west"}
    assert names(-185, -180.5) == {"east"}
    assert names(-300, 300) == {"east", "west"}
    assert names(-10, 10) == set()
