"""Sessions for tests: empty, with given plugins, and closed at their end."""

from pathlib import Path

import pytest
from bourn.errors import DeliveryError, JobFailed
from bourn.testing import FakeClock, Faulty, FaultyStore, session_with


def test_a_closed_session_gives_its_connections_back(tmp_path):
    """SQLite keeps its log beside the database while anybody is connected."""
    with session_with(destinations={"kept": Faulty}, home=tmp_path) as session:
        session.compute(2, destination="kept", format="json")
        assert (tmp_path / "ledger.db-wal").exists()
    assert [path.name for path in tmp_path.glob("ledger.db*")] == ["ledger.db"]


def test_homes_are_apart_and_empty():
    folders = set()
    for _ in range(2):
        with session_with(destinations={"kept": Faulty}) as session:
            assert session.jobs() == []
            session.compute(2, destination="kept", format="json")
            folders.add(session.settings.home)
    assert len(folders) == 2
    assert not any(Path(folder).exists() for folder in folders)


def test_the_clock_is_the_sessions():
    clock = FakeClock()
    with session_with(destinations={"kept": Faulty}, clock=clock) as session:
        job = session.compute(2, destination="kept", format="json", block=False).wait()
        assert job.created_datetime == clock.now
        clock.move(hours=1)
        assert session.clock() - job.created_datetime == clock() - job.created_datetime


def test_faulty_fails_as_often_as_asked():
    with session_with(destinations={"kept": Faulty}) as session:
        destination = {"type": "kept", "fail_times": 2, "delay_seconds": 0.01}
        job = session.compute(2, destination=destination, format="json", block=False).wait()
        assert job.receipt.detail["tries"] == 3
        assert Faulty.delivered[job.receipt.detail["delivery"]] == b"2"


def test_faulty_breaks_off_where_asked():
    with session_with(destinations={"kept": Faulty}) as session, pytest.raises(DeliveryError, match="after 3 bytes"):
        session.compute("four", destination={"type": "kept", "fail_after_bytes": 3}, format="json")


def test_a_full_store_fails_the_job():
    with (
        session_with(
            destinations={"kept": Faulty}, store=lambda store: FaultyStore(store, write_fails_after_bytes=3)
        ) as session,
        pytest.raises(JobFailed, match="No space left"),
    ):
        session.compute("four", destination="kept", format="json")


def test_a_bad_disk_is_read_up_to_its_fault(tmp_path):
    with session_with(
        destinations={"kept": Faulty}, store=lambda store: FaultyStore(store, read_fails_after_bytes=lambda size: 4)
    ) as session:
        with session.store.create("a/b.txt") as sink:
            sink.write(b"0123456789")
        with session.store.open("a/b.txt") as file:
            assert file.read(4) == b"0123"
            with pytest.raises(OSError, match="Input/output error"):
                file.read()
        assert session.store.local_path("a/b.txt") is None
