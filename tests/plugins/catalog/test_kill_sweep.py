"""Uploads killed at the n-th call of each durable system call: no image is half there, and none that was seen is lost.

``BOURN_DEEP=1`` takes every n; otherwise they are sampled.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

import bourn_catalog as catalog
import numpy as np
import pytest
import sqlalchemy as sa
from bourn import Session, Settings
from bourn_catalog.records.tables import boxes, images

pytestmark = [pytest.mark.deep, pytest.mark.backends("home", "servers"), pytest.mark.timeout(3600)]

DEEP = bool(os.environ.get("BOURN_DEEP"))

# Every n-th of the calls on the way to an image is taken; a server is addressed by sendto.
CALLS = {"fsync": 5, "fdatasync": 6, "link": 2, "sendto": 61}

MAKE = """
import bourn_catalog as catalog
catalog.Product(id="p", bands=[catalog.GenericBand(name="a", data_type="UInt16", nodata=0)]).save()
"""

CHILD = """
import bourn, numpy as np
from odc.geo.geobox import GeoBox
from affine import Affine
grid = GeoBox((40, 50), Affine(10, 0, 407840, 0, -10, 3952640), "EPSG:32613")
for value, name in [(1, "t1"), (2, "t2"), (3, "t1")]:
    image = {"product_id": "p", "name": name, "properties": {"value": value}}
    pixels = np.full((1, 40, 50), value, "uint16")
    made = bourn.compute(bourn.Image(pixels, bands=["a"], geobox=grid),
                         destination={"type": "catalog", "image": image, "overwrite": True})
    print(name, value, flush=True)
"""

figures: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def summary():
    yield
    print(f"\nkill sweep of uploads: {dict(figures)}")  # noqa: T201  # the figures that PROMISES asks for


def run(code, *before):
    # One thread: the n-th call is counted by thread.
    environment = {**os.environ, "BOURN_WORKERS": "1"}
    return subprocess.run(
        [*before, sys.executable, "-c", code], env=environment, capture_output=True, timeout=120, check=False
    )


def check(session, seen):
    """Recover as the next process would, and look at everything there is."""
    session.sweep()
    session.engine.drain()
    records = session.services.ledger.list()
    assert {str(record.stage) for record in records} <= {"SUCCEEDED", "FAILED"}, records
    found = {image.name: image for image in catalog.Image.search("p", session=session)}
    for name, values in seen.items():
        figures["acknowledged"] += len(values)
        # The one that was seen last, or one that was on its way after it.
        assert found[name].properties["value"] >= values[-1]
    for image in found.values():
        value = image.properties["value"]
        with session.store.open(image._row.key) as file:
            assert hashlib.file_digest(file, "sha256").hexdigest() == image.sha256
        assert list(np.unique(image.open().compute().array)) == [value]
        figures["whole"] += 1
    with session.services.ledger.database.read() as connection:
        rows = connection.execute(sa.select(images.c.delivery_id, images.c.key, images.c.superseded_at)).all()
        places = connection.scalar(sa.select(sa.func.count()).select_from(boxes))
    succeeded = {record.delivery_id for record in records if record.stage == "SUCCEEDED"}
    assert {row.delivery_id for row in rows} == succeeded
    assert places == len(found) == sum(row.superseded_at is None for row in rows)
    assert {row.key for row in rows} == set(session.store.keys())


@pytest.mark.parametrize("call", CALLS)
def test_a_kill_at_any_call_leaves_no_image_half_there(strace, backend, begun, call, record_property):
    points = 0
    for n in range(1, 10_000, 1 if DEEP else CALLS[call]):
        with begun() as session:
            done = run(CHILD, strace, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                       "-e", f"inject={call}:signal=SIGKILL:when={n}")  # fmt: skip
            seen: dict[str, list[int]] = {}
            for line in done.stdout.decode().split("\n")[:-1]:
                name, value = line.split()
                seen.setdefault(name, []).append(int(value))
            check(session, seen)
        if done.returncode == 0:
            break
        assert done.returncode in {-signal.SIGKILL, 128 + signal.SIGKILL}, done.stderr.decode()
        points += 1
    figures[call] += points
    record_property("points", points)
    assert points > 0 or call not in {"home": {"fsync", "link"}, "servers": {"sendto"}}[backend.name]


@pytest.fixture
def begun(home, monkeypatch, tmp_path):
    """Makes a session over a home with nothing but the product, and lets new processes see the same."""
    numbers = iter(range(10_000))
    template = tmp_path / "template"
    template.mkdir()
    monkeypatch.setenv("BOURN_HOME", str(template))
    assert run(MAKE).returncode == 0

    @contextmanager
    def make():
        folder = tmp_path / f"home-{next(numbers)}"
        shutil.copytree(template, folder)
        monkeypatch.setenv("BOURN_HOME", str(folder))
        made = Session(Settings.load(home=str(folder)))
        yield made
        made.close()
        shutil.rmtree(folder)

    return make
