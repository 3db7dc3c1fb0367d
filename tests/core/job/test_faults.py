"""Disks that are full and ledgers that can't be written: said, given back, and over when the fault is."""

import errno
import os
import time
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from bourn.errors import DeliveryError, JobFailed, JobTimeout
from bourn.ledger.tables import jobs
from bourn.plugin import Format, Receipt
from bourn.store.sink import StoreSink

pytestmark = pytest.mark.backends("home", "servers")


def full(*given, **more):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Swallowing(Format):
    """Thinks that its sink's faults are none."""

    def encode(self, result, options, sink):
        for _ in range(5):
            with suppress(Exception):
                sink.write(bytes(1 << 21))
        return {}


class Translating(Format):
    """Has its own word for its sink's faults."""

    def encode(self, result, options, sink):
        try:
            sink.write(bytes(1 << 21))
        except Exception:  # noqa: BLE001
            raise ValueError("what a pity") from None
        return {}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT])
@pytest.mark.parametrize("written", ["pyarrow", "json", "swallowing", "translating"])
def test_a_full_disk_fails_the_job_and_the_next_one_works(make, monkeypatch, backend, number, written):
    session = make(formats={"swallowing": Swallowing, "translating": Translating})
    session.compute(1)
    kept = list(session.store.keys())

    def fail(self, piece):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(StoreSink, "_pass", fail)
        with pytest.raises(
            JobFailed, match=f"writing the artifact to the store failed: .*{os.strerror(number)}"
        ) as caught:
            session.compute([1.5] * 1000, format=written, timeout=60)
    assert caught.value.job.stage == "FAILED"
    assert list(session.store.keys()) == kept
    assert backend.left_behind() == []
    assert session.compute([1.5] * 3) == [1.5] * 3


@pytest.mark.backends("home")
@pytest.mark.parametrize("call", ["fsync", "link", "open"])
def test_each_call_of_the_store_may_fail(make, monkeypatch, backend, call):
    session = make()
    session.compute(1)
    real = getattr(os, call)

    def fail(path, *given, **more):
        if call != "open" or ".incoming" in str(path):
            full()
        return real(path, *given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(f"bourn.store.folder.os.{call}", fail)
        with pytest.raises(JobFailed, match="No space left"):
            session.compute(np.arange(9), timeout=60)
    assert len(list(session.store.keys())) == 1
    assert backend.left_behind() == []
    assert session.compute(2) == 2


@contextmanager
def read_only(session):
    """The ledger's database refuses to be written."""
    from sqlalchemy import event

    engine = session.services.ledger.database.engine

    def refuse(connection, cursor, statement, *given):
        if statement.lstrip()[:6].upper() in {"UPDATE", "INSERT"}:
            raise engine.dialect.loaded_dbapi.OperationalError("database or disk is full")

    event.listen(engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", refuse)


def test_a_ledger_that_can_not_be_written_at_the_end_hears_of_it_later(make, scripted, gate):
    scripted.act = lambda *given: (gate.wait(), Receipt(detail={"done": 1}))[1]
    session = make()
    job = session.compute(2, destination="scripted", block=False)
    assert gate.started.wait(60)
    with read_only(session):
        gate.go.set()
        with pytest.raises(JobTimeout):
            job.wait(0.8, cancel_on_timeout=False)
        assert session.engine.record_of(job.id).stage == "SAVING"
    assert job.result(10) == 2
    assert (job.stage, job.receipt.detail) == ("SUCCEEDED", {"done": 1})
    assert len(scripted.tries) == 1


def test_a_failure_that_can_not_be_written_is_written_later(make, gate):
    session = make()
    job = session.compute(lambda: 1 / (gate.wait() - 1), block=False)
    assert gate.started.wait(60)
    with read_only(session):
        gate.go.set()
        time.sleep(0.5)
    with pytest.raises(JobFailed, match="ZeroDivisionError"):
        job.wait(60)
    assert isinstance(job.error.__cause__, ZeroDivisionError)


def test_a_pause_that_can_not_be_written_is_written_later(make, scripted, gate):
    from bourn.plugin import Transient

    def act(artifact, options, context):
        gate.wait()
        if context.attempt == 1:
            raise Transient("busy", retry_after=0.1)
        return Receipt()

    scripted.act = act
    session = make()
    job = session.compute(2, destination="scripted", block=False)
    assert gate.started.wait(60)
    with read_only(session):
        gate.go.set()
        time.sleep(0.5)
    assert job.result(10) == 2


def test_an_artifact_that_the_ledger_can_not_take_is_given_back(make, gate):
    session = make()
    job = session.compute(gate.wait, block=False)
    assert gate.started.wait(60)
    with read_only(session):
        gate.go.set()
        with pytest.raises(JobTimeout):
            job.wait(0.8, cancel_on_timeout=False)
        assert list(session.store.keys()) == []
    with pytest.raises(
        JobFailed, match=r"storing the artifact failed: LedgerError: the ledger at .* fails: database or disk is full"
    ):
        job.wait(60)


def test_closing_does_not_wait_for_a_ledger_that_stays_full(make, gate):
    session = make()
    job = session.compute(gate.wait, block=False)
    assert gate.started.wait(60)
    with read_only(session):
        gate.go.set()
        session.engine.close()
    assert make().engine.record_of(job.id).stage in {"QUEUED", "PREPARING", "RUNNING"}


def test_a_request_that_the_ledger_can_not_take_leaves_nothing(make):
    session = make()
    session.compute(1)
    with read_only(session), pytest.raises(Exception, match="full"):
        session.compute(2)
    assert len(session.jobs()) == 1
    assert session.engine.running == {}
    assert session.compute(3) == 3


def test_a_sweep_in_the_background_that_fails_fails_no_request(make, monkeypatch, caplog, soon):
    session = make()
    monkeypatch.setattr(session.services.sweeper, "sweep_if_due", full)
    assert session.compute(2) == 2
    soon(lambda: "a sweep in the background failed" in caplog.text)


def test_a_retract_that_raises_hinders_no_end(make, scripted, gate):
    """Nobody knows what is left at the other end: it has failed, since CANCELLED says that nothing is."""

    def retract(options, context):
        raise SystemExit

    scripted.retract = retract
    scripted.act = lambda *given: (gate.wait(), 1 / 0)[1]
    session = make()
    job = session.compute(2, destination="scripted", block=False)
    assert gate.started.wait(60)
    job.cancel()
    gate.go.set()
    with pytest.raises(DeliveryError, match="taking back what 'scripted' may have delivered failed: SystemExit"):
        job.wait(60)
    assert job.refresh().stage == "FAILED"
    assert session.engine.running == {}


def test_a_worker_that_rested_long_is_seen_before_its_next_job(make, monkeypatch):
    """On other machines it is taken for dead a minute after it was seen last."""
    session = make()
    session.compute(1)
    monkeypatch.setattr(session.engine._current.maintenance, "_beaten", time.monotonic() - 100)
    beats = []
    beat = session.services.workers.beat
    monkeypatch.setattr(type(session.services.workers), "beat", lambda *given, **more: beats.append(1) or beat)
    session.compute(2)
    assert beats
    with session.services.ledger.database.read() as connection:
        assert len(connection.execute(jobs.select()).all()) == 2
