"""What is read whole is what was stored, bit by bit, or an error that says so."""

from types import SimpleNamespace

import pytest
from bourn.errors import DamagedError
from bourn.store.verified import VerifiedReader

pytestmark = pytest.mark.backends("home", "servers")

DATA = bytes(range(256)) * 4


@pytest.fixture(params=["here", "in memory"])
def stored(request, house, house_in_memory):
    """A reader, an artifact of 1 KiB, and a function that changes what is stored."""
    there = house if request.param == "here" else house_in_memory
    job = there.finished(DATA)
    record = there.ledger.get(job.id).artifact
    reader = VerifiedReader(there.store, there.links)

    def change(data):
        there.store.delete(job.key)
        with there.store.create(job.key) as sink:
            sink.write(data)

    artifact = SimpleNamespace(key=job.key, sha256=record.sha256, size_bytes=record.size_bytes)
    return SimpleNamespace(
        reader=reader, artifact=artifact, change=change, record=lambda: there.ledger.get(job.id).artifact
    )


def read_open(stored):
    with stored.reader.open(stored.artifact) as file:
        file.seek(100)
        tail = file.read()
        file.seek(0)
        return file.read(100) + tail


def read_stream(stored):
    with stored.reader.stream(stored.artifact) as file:
        return b"".join(iter(lambda: file.read(100), b""))


def read_all(stored):
    with stored.reader.stream(stored.artifact) as file:
        return file.read()


def check(stored):
    stored.reader.check(stored.artifact)
    return DATA


WAYS = [read_open, read_stream, read_all, check]


@pytest.mark.parametrize("way", WAYS)
def test_what_was_stored_is_read(stored, way):
    assert way(stored) == DATA
    assert stored.record().damaged_at is None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("damage", ["bit", "short", "long", "empty"])
def test_anything_else_is_an_error_and_marked(stored, way, damage):
    other = bytearray(DATA)
    other[700] ^= 1
    stored.change({"bit": bytes(other), "short": DATA[:-1], "long": DATA + b"x", "empty": b""}[damage])
    with pytest.raises(
        DamagedError, match=f"the object {stored.artifact.key} is damaged: the sha256 of what was stored"
    ):
        way(stored)
    assert stored.record().damaged_at is not None


@pytest.mark.backends("home")
def test_every_bit_counts(stored):
    for place in range(0, len(DATA), 7):
        other = bytearray(DATA)
        other[place] ^= 1 << place % 8
        stored.change(bytes(other))
        with pytest.raises(DamagedError):
            read_open(stored)
