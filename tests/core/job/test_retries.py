"""Deliveries that don't work now: tried again, by this process or another one, and given up in the end."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from bourn.errors import DeliveryError, JobCancelled, JobTimeout
from bourn.job.delivery import retry_pause
from bourn.job.engine import FOREIGN_PLUGIN_PATIENCE
from bourn.plugin import Receipt, Transient

pytestmark = pytest.mark.backends("home", "servers")


def failing(times, **more):
    """A delivery that does not work `times` times."""
    left = [times]

    def act(artifact, options, context):
        if left[0]:
            left[0] -= 1
            raise Transient("busy", **more)
        return Receipt(detail={"attempt": context.attempt, "size": artifact.size_bytes})

    return act


def test_the_pauses_double_up_to_a_minute_with_jitter():
    for attempt, longest in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (100, 60)]:
        pauses = [retry_pause(attempt).total_seconds() for _ in range(50)]
        assert longest * 0.75 <= min(pauses) <= max(pauses) <= longest
        assert len(set(pauses)) > 1


def test_it_is_tried_again_and_succeeds(make, scripted):
    scripted.act = failing(2, retry_after=0.05)
    session = make()
    job = session.compute(2, destination="scripted", block=False)
    assert job.result(60) == 2
    assert job.receipt.detail["attempt"] == 3
    assert [attempt for _, attempt in scripted.tries] == [1, 2, 3]
    assert session.engine.record_of(job.id).attempts == 3


def test_without_a_word_from_the_destination_it_waits_about_a_second(make, scripted):
    scripted.act = failing(1)
    started = time.monotonic()
    assert make().compute(2, destination="scripted") == 2
    assert 0.75 <= time.monotonic() - started < 6


@pytest.mark.slow
def test_what_it_waits_for_is_reported(make, scripted):
    scripted.act = failing(1, retry_after=1.5)
    job = make().compute(2, destination="scripted", block=False)
    notes = [progress.note for progress in job.watch() if progress.note]
    assert notes == ["scripted: try 2 in 2 s: busy"]
    assert job.progress.note == ""


def test_a_waiting_delivery_holds_no_worker(make, scripted):
    scripted.act = failing(1, retry_after=600)
    session = make(settings={"workers": 1})
    waiting = session.compute(2, destination="scripted", block=False)
    assert session.compute(3, timeout=10) == 3
    assert waiting.stage == "SAVING"
    record = session.engine.record_of(waiting.id)
    assert (record.worker_id, record.epoch) == (None, 2)
    assert waiting.cancel()
    with pytest.raises(JobCancelled):
        waiting.wait(60)


@pytest.mark.slow
def test_several_that_wait_are_each_taken_up_when_due(make, scripted):
    """Not only the one that is due first."""
    pauses = {"a": 0.3, "b": 1.2, "c": 2.5}

    def act(artifact, options, context):
        if context.attempt == 1:
            raise Transient("later", retry_after=pauses[options.name])
        return Receipt()

    scripted.act = act
    session = make()
    jobs = [session.compute(2, destination={"type": "scripted", "name": name}, block=False) for name in pauses]
    assert [job.result(60) for job in jobs] == [2, 2, 2]


@pytest.mark.slow
def test_one_that_is_due_at_once_goes_on(make, scripted):
    scripted.act = failing(30, retry_after=0)
    session = make()
    job = session.compute(2, destination="scripted", block=False)
    assert job.result(60) == 2
    assert session.engine.running == {}


def test_it_is_given_up_after_its_time(make, scripted, clock, soon):
    scripted.act = failing(1000, retry_after=10, retry_for=25)
    session = make(clock=clock)
    job = session.compute(2, destination="scripted", block=False)
    for tries in (1, 2):
        soon(lambda tries=tries: len(scripted.tries) == tries and session.engine.record_of(job.id).worker_id is None)
        clock.move(seconds=10)
    with pytest.raises(DeliveryError, match=r"'scripted' gave up after 3 tries in 20 s: busy") as caught:
        job.wait(60)
    assert isinstance(caught.value.__cause__, Transient)
    assert len(scripted.retracted) == 1
    assert session.links.resolve(job.url.split("/")[-2]).job_id == job.id


@pytest.mark.parametrize("after", [timedelta.max, timedelta(days=10_000)])
def test_a_pause_beyond_all_time_ends_it(make, scripted, after):
    scripted.act = failing(1, retry_after=after)
    with pytest.raises(DeliveryError):
        make().compute(2, destination="scripted", timeout=60)


def test_a_negative_pause_is_none(make, scripted):
    scripted.act = failing(1, retry_after=-5)
    assert make().compute(2, destination="scripted", timeout=60) == 2


def test_cancelling_one_that_waits_ends_it_at_once(make, scripted, gate):
    """Also where every thread is busy, and from another session."""
    scripted.act = failing(1, retry_after=600)
    session = make(settings={"workers": 1})
    job = session.compute(2, destination="scripted", block=False)
    while session.engine.record_of(job.id).worker_id is not None:
        time.sleep(0.01)
    session.compute(gate.wait, block=False)
    assert gate.started.wait(60)
    other = make().job(job.id)
    assert other.cancel() is True
    with pytest.raises(JobCancelled):
        other.wait(5)
    assert len(scripted.retracted) == 1
    assert list(session.store.keys()) == []


def test_the_time_of_a_job_runs_out_while_its_delivery_waits(make, scripted):
    scripted.act = failing(1, retry_after=600)
    job = make().compute(2, destination="scripted", timeout=0.5, block=False)
    with pytest.raises(JobTimeout, match="did not end in the time given"):
        job.wait(60)
    assert job.stage == "FAILED"


def test_a_checkpoint_is_there_at_the_next_try(make, scripted):
    seen = []

    def act(artifact, options, context):
        seen.append(context.checkpoint)
        context.checkpoint = {"step": len(seen)}
        if len(seen) < 3:
            raise Transient("half way", retry_after=0)
        return Receipt()

    scripted.act = act
    assert make().compute(2, destination="scripted") == 2
    assert seen == [{}, {"step": 1}, {"step": 2}]


def test_a_plan_that_can_not_be_read_here_is_left_to_others(make, session, scripted, clock):
    scripted.act = failing(1, retry_after=1)
    there = make(clock=clock)
    job = there.compute(2, destination="scripted", block=False)
    while there.engine.record_of(job.id).worker_id is not None:
        time.sleep(0.01)
    there.engine.close()
    from bourn import Session

    here = Session(there.settings, clock=clock)  # what is installed: no such destination
    clock.move(seconds=2)
    here.sweep()
    record = here.engine.record_of(job.id)
    assert (record.stage, record.worker_id) == ("SAVING", None)
    assert "'scripted'" in record.note
    here.engine.close()  # it would look again, too, and may be the first to
    clock.move(minutes=2)
    assert make(clock=clock).job(job.id).stage == "SAVING"
    carrying = make(clock=clock)
    carrying.sweep()
    assert carrying.job(job.id).result(10) == 2
    here.close()


def test_nobody_can_read_it_for_an_hour_and_it_has_failed(make, scripted, clock):
    scripted.act = failing(1, retry_after=1)
    there = make(clock=clock)
    job = there.compute(2, destination="scripted", block=False)
    while there.engine.record_of(job.id).worker_id is not None:
        time.sleep(0.01)
    there.engine.close()
    from bourn import Session

    here = Session(there.settings, clock=clock)
    clock.move(seconds=FOREIGN_PLUGIN_PATIENCE.total_seconds() + 1)
    here.sweep()
    with pytest.raises(DeliveryError, match=r"can't be carried on: .*'scripted'"):
        here.job(job.id).wait(60)
    here.close()


PLUGIN = """
import bourn, os, sys, time
from bourn import Session, Settings
from bourn.plugins.registry import Registry
from bourn.plugin import Destination, Receipt, Transient
from bourn_formats.pyarrow import PyArrow

class Flag(Destination):
    def deliver(self, artifact, options, context):
        if not os.path.exists("flag"):
            if os.path.exists("hang"):
                print(context.job_id, flush=True)
                time.sleep(60)
            raise Transient("no flag yet", retry_after=0.5)
        with open(f"delivered-{context.delivery_id}", "a") as file:
            file.write(artifact.sha256)
        return Receipt(detail={"pid": os.getpid()})

session = Session(registry=Registry.of(destinations={"flag": Flag}, formats={"pyarrow": PyArrow}))
"""


CARRY = """
session.sweep()
job = session.job({id!r})
print(job.result(60), job.receipt.detail["pid"] == os.getpid())
"""

DIE = """
print(session.compute(lambda: (time.sleep(1), os.kill(os.getpid(), 9)), destination="flag", block=False).id, flush=True)
time.sleep(9)
"""


def python(code, **more):
    return subprocess.Popen([sys.executable, "-c", PLUGIN + code], stdout=subprocess.PIPE, text=True, **more)


@pytest.mark.slow
def test_another_process_carries_on_what_waits(home, tmp_path):
    first = python("print(session.compute(2, destination='flag', block=False).id)")
    job_id = first.communicate(timeout=90)[0].strip()
    (tmp_path / "flag").touch()
    time.sleep(0.6)
    assert python(CARRY.format(id=job_id)).communicate(timeout=90)[0] == "2 True\n"
    assert len(list(tmp_path.glob("delivered-*"))) == 1


@pytest.mark.slow
def test_another_process_carries_on_what_a_dead_one_was_delivering(home, tmp_path):
    (tmp_path / "hang").touch()
    first = python("session.compute(2, destination='flag')")
    job_id = first.stdout.readline().strip()
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=90)
    (tmp_path / "flag").touch()
    assert python(CARRY.format(id=job_id)).communicate(timeout=90)[0] == "2 True\n"


@pytest.mark.slow
def test_what_died_before_its_artifact_was_stored_has_failed_with_that_reason(home, make):
    job_id = python(DIE).communicate(timeout=90)[0].strip()
    session = make()
    session.sweep()
    record = session.engine.record_of(job_id)
    assert record.stage == "FAILED"
    assert re.search(
        r"process that carried it out died at \w+, before its artifact was stored", record.error["message"]
    )


@pytest.mark.slow
def test_a_store_out_of_reach_hinders_no_recovery_and_the_next_sweep_erases(home, make, monkeypatch):
    job_id = python(DIE).communicate(timeout=90)[0].strip()
    session = make()
    orphan = f"{job_id}/x.arrow"
    with session.store.create(orphan):
        pass

    def fail(*given):
        raise OSError("the network is down")

    with monkeypatch.context() as patched:
        patched.setattr(type(session.store), "keys", fail)
        assert session.engine.recover() == 0  # starting the engine has done it
    assert session.engine.record_of(job_id).stage == "FAILED"
    assert session.store.size(orphan) == 0
    session.sweep()
    assert session.store.size(orphan) is None


@pytest.mark.slow
def test_what_was_to_be_cancelled_when_it_died_is_cancelled(home, make):
    with python(DIE) as process:
        job_id = process.stdout.readline().strip()
        process.send_signal(signal.SIGSTOP)
        session = make()
        assert session.engine.cancel(job_id) is True
        process.kill()
    session.sweep()
    assert session.engine.record_of(job_id).stage == "CANCELLED"


@pytest.mark.slow
def test_who_waits_for_a_job_of_a_process_that_dies_hears_of_it(home, make):
    with python(DIE) as process:
        job = make().job(process.stdout.readline().strip())
        assert not job.done
        with pytest.raises(Exception, match="died at"):
            job.wait(20)


def test_a_lease_of_this_process_that_looks_lost_is_not_taken_for_dead(make, gate, clock):
    session = make(clock=clock)
    job = session.compute(gate.wait, block=False)
    clock.move(days=3)
    assert make(clock=clock).engine.recover() == 0
    gate.go.set()
    assert job.result() == 1


def test_who_lost_the_lease_leaves_the_job_to_the_other(make, scripted, gate):
    """A process that hung for minutes, and then delivers after all, changes nothing."""
    scripted.act = lambda *given: (gate.wait(), Receipt())[1]
    session = make()
    job = session.compute(2, destination="scripted", block=False)
    assert gate.started.wait(60)
    record = session.engine.record_of(job.id)
    now = session.clock()
    session.services.ledger.postpone(record.id, record.epoch, record.delivery_id, until=now, note="", now=now)
    scripted.act = lambda *given: Receipt(detail={"by": "the other"})
    other = make()
    other.engine.carry_due()
    assert other.job(job.id).wait(60).receipt.detail == {"by": "the other"}
    gate.go.set()
    session.close()
    assert make().job(job.id).receipt.detail == {"by": "the other"}


def test_sessions_that_carry_at_once_deliver_once_each(make, scripted):
    scripted.act = failing(1, retry_after=600)
    delivered = []
    session = make()
    jobs = [session.compute(number, destination="scripted", block=False) for number in range(1)]
    while any(session.engine.record_of(job.id).worker_id is not None for job in jobs):
        time.sleep(0.01)
    scripted.act = lambda artifact, options, context: delivered.append(context.job_id) or Receipt()
    ledger = session.services.ledger
    from bourn.ledger.tables import deliveries

    ledger.database.write(
        lambda connection: connection.execute(deliveries.update().values(next_try_at=session.clock()))
    )
    sessions = [make() for _ in range(4)]
    threads = [threading.Thread(target=each.sweep) for each in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [job.result(60) for job in jobs] == [0]
    assert delivered == [job.id for job in jobs]
    assert os.getpid()


def test_what_cannot_be_taken_back_is_not_cancelled_but_failed(make, scripted, gate):
    """A mail went out: the job can't end as CANCELLED, which leaves nothing; link and data stay for its recipient."""

    def retract(options, context):
        msg = "a mail went out"
        raise DeliveryError(msg)

    scripted.retract = retract
    scripted.act = lambda *given: (gate.wait(), 1 / 0)[1]
    session = make()
    job = session.compute(2, destination="scripted", block=False)
    assert gate.started.wait(60)
    job.cancel()
    gate.go.set()
    with pytest.raises(DeliveryError, match="a mail went out"):
        job.wait(60)
    assert session.links.resolve(job.url.split("/")[-2]).job_id == job.id
    assert session.engine.running == {}


def test_a_step_knows_its_home_and_until_when_its_link_works(make, scripted, clock):
    """Ten days from when the artifact was stored, at the least: also when the delivery comes later."""
    seen = []

    def act(artifact, options, context):
        seen.append((context.home, context.link_until()))
        if len(seen) == 1:
            raise Transient(retry_after=60)
        return Receipt()

    scripted.act = act
    session = make(clock=clock)
    began = clock()
    job = session.compute(2, destination="scripted", block=False)
    session.engine.drain()
    clock.move(seconds=60)
    session.engine.carry_due()
    job.wait(60)
    assert seen == [(session.settings.folder, began + timedelta(days=10))] * 2
    assert job.expires_datetime == clock() + timedelta(days=10)


def test_a_delivery_that_is_due_does_not_wait_for_hours_of_computing(make, scripted):
    """The one place of this process is taken by somebody who computes; the delivery goes out all the same."""
    scripted.act = failing(1, retry_after=1.0)
    session, go_on = make(settings={"workers": 1}), threading.Event()
    late = session.compute(1, destination="scripted", block=False)
    computing = session.compute(lambda: go_on.wait(60), destination="scripted", block=False)
    try:
        late.wait(30)
        assert late.receipt.detail["attempt"] == 2
        assert computing.stage == "RUNNING"
    finally:
        go_on.set()
    computing.wait(30)
