"""Many at once: one image of each id, seen whole or not at all, in whatever order.

``BOURN_DEEP=1`` takes the numbers that are promised; otherwise they are sampled.
"""

from __future__ import annotations

import hashlib
import os
import random
import threading
import time
from collections import Counter

import bourn
import bourn_catalog as catalog
import dask
import dask.array
import numpy as np
import pytest
import sqlalchemy as sa
from bourn.errors import DeliveryRefused, JobCancelled
from bourn_catalog.records.tables import boxes, images
from grids import grid

pytestmark = [
    pytest.mark.deep,
    pytest.mark.backends("home", "servers"),
    pytest.mark.timeout(3600 if os.environ.get("BOURN_DEEP") else 600),
]

DEEP = bool(os.environ.get("BOURN_DEEP"))
OVERWRITES = 1000 if DEEP else 40
CANCELS = 2000 if DEEP else 60
UPLOADS = 100


@pytest.fixture
def product():
    return catalog.Product(id="p", bands=[catalog.GenericBand(name="a", data_type="UInt16", nodata=0)])


def plain(value):
    """All pixels of it the same."""
    return bourn.Image(np.full((1, 40, 50), value, "uint16"), bands=["a"], geobox=grid(40, 50))


def to(name="t1", **more):
    properties = more.pop("properties", {})
    return {"type": "catalog", "image": {"product_id": "p", "name": name, "properties": properties}, **more}


def count(session, table):
    with session.services.ledger.database.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table))


def test_of_a_hundred_uploads_of_one_id_one_wins(session_as, product):
    """By two sessions, as two processes would: 99 get the typed error, bytes and record are the winner's."""
    sessions = [session_as("me", workers=4) for _ in range(2)]
    product.save(session=sessions[0])
    go = threading.Event()

    def pixels(value):
        go.wait(60)
        return np.full((1, 40, 50), value, "uint16")

    def lazy(value):
        """Its kind is known, so that all hundred are planned before one is there."""
        array = dask.array.from_delayed(dask.delayed(pixels)(value), (1, 40, 50), "uint16")
        return bourn.Image(array, bands=["a"], geobox=grid(40, 50))

    jobs = [sessions[number % 2].compute(lazy(number + 1), destination=to(), block=False) for number in range(UPLOADS)]
    go.set()
    refused, won = Counter(), []
    for number, job in enumerate(jobs):
        try:
            won.append((number + 1, job.result()))
        except DeliveryRefused as error:
            refused[str(error)] += 1
    assert refused == {"the image 'p:t1' exists already; overwrite=True replaces it": UPLOADS - 1}
    ((value, image),) = won
    found = catalog.Image.get("p:t1", session=sessions[0])
    assert (found.sha256, set(np.unique(found.open().compute().array))) == (image.sha256, {value})
    assert (count(sessions[0], images), count(sessions[0], boxes)) == (1, 1)


def test_of_a_hundred_overwrites_of_one_id_all_come_and_one_stays(session_as, product):
    sessions = [session_as("me", workers=4) for _ in range(2)]
    product.save(session=sessions[0])
    jobs = [
        sessions[number % 2].compute(plain(number + 1), destination=to(overwrite=True), block=False)
        for number in range(UPLOADS)
    ]
    assert len({job.result().sha256 for job in jobs}) == UPLOADS
    assert (count(sessions[0], images), count(sessions[0], boxes)) == (UPLOADS, 1)


def test_readers_of_an_image_that_is_overwritten_see_one_or_the_other(session_as, product, record_property):
    """Row, STAC Item, file and pixels agree at each look."""
    session = session_as("me", workers=2)
    product.save(session=session)
    session.compute(plain(1), destination=to(properties={"value": 1}))
    ended, looks, wrong = threading.Event(), Counter(), []

    def look():
        while not ended.is_set():
            try:
                image = catalog.Image.get("p:t1", session=session)
                pixels = np.unique(image.open().compute().array)
                with session.store.open(image._row.key) as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                checksum = image.stac["assets"]["data"]["file:checksum"]
                agree = (list(pixels) == [image.properties["value"]], digest == image.sha256, checksum.endswith(digest))
                if not all(agree):
                    wrong.append((image.properties, pixels, agree))
            except Exception as error:  # noqa: BLE001  # a missing one is one
                wrong.append(error)
            looks["made"] += 1
            time.sleep(0.01)  # for the writer, which is a thread of the same process

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    for value in range(2, OVERWRITES + 2):
        session.compute(plain(value), destination=to(overwrite=True, properties={"value": value}))
    ended.set()
    for reader in readers:
        reader.join()
    record_property("looks", looks["made"])
    print(f"\n{OVERWRITES} overwrites, {looks['made']} looks, {len(wrong)} wrong")  # noqa: T201  # the figure
    assert wrong == []
    assert looks["made"] > OVERWRITES / 10


def test_of_cancel_and_success_one_wins(session_as, product, record_property):
    """What was cancelled leaves no object and no record; what succeeded has both."""
    session = session_as("me", workers=2)
    product.save(session=session)
    random.seed(5)
    ends = Counter()
    kept = []
    for number in range(CANCELS):
        job = session.compute(plain(number % 60_000 + 1), destination=to(f"t{number}"), block=False)
        time.sleep(random.random() * 0.06)
        job.cancel()
        try:
            kept.append(job.result().id)
            ends["succeeded"] += 1
        except JobCancelled:
            ends["cancelled"] += 1
    record_property("ends", dict(ends))
    print(f"\n{CANCELS} races: {dict(ends)}")  # noqa: T201  # the figure
    assert sorted(image.id for image in catalog.Image.search("p", session=session)) == sorted(kept)
    assert count(session, images) == count(session, boxes) == len(kept) == len(list(session.store.keys()))
    assert min(ends["succeeded"], ends["cancelled"]) > 0, "the races were not close"
