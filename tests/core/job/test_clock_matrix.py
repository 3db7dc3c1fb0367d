"""One machine's clock is wrong, or leaps: nothing is lost, nothing is over early, nothing waits for the wrong time."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from bourn.plugin import Receipt, Transient

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SKEW = 10 * MINUTE

WRONG = {
    "minutes ahead": 9 * MINUTE,
    "minutes behind": -9 * MINUTE,
    "a year ahead": 400 * DAY,
    "a year behind": -400 * DAY,
}


class Shifted:
    """A machine's clock, wrong by some time."""

    by = timedelta()

    def __call__(self):
        return datetime.now(UTC) + self.by


@pytest.fixture(params=WRONG.values(), ids=WRONG)
def by(request):
    return request.param


@pytest.fixture
def clock():
    return Shifted()


@pytest.fixture
def right(make):
    """A session of a machine whose clock is right; it has used the ledger."""
    session = make(clock=Shifted())
    session.compute(1)
    session.sweep()
    return session


@pytest.fixture(params=["from the start", "in the middle"])
def leap(request, clock, by):
    """When the clock goes wrong: called once the session has begun its work."""
    if request.param == "from the start":
        clock.by = by

    def leap():
        clock.by = by

    return leap


pytestmark = [pytest.mark.backends("home", "servers"), pytest.mark.deep]


def test_a_job_is_neither_lost_nor_stopped(make, right, clock, leap):
    wrong = make(clock=clock)
    job = wrong.compute(lambda: (leap(), time.sleep(0.4), 2)[-1], block=False, timeout=60)
    assert job.result(30) == 2
    assert right.job(job.id).stage == "SUCCEEDED"
    clock.by = timedelta()
    assert wrong.compute(3, timeout=60) == 3


def test_a_job_that_takes_too_long_is_stopped_in_time(make, right, clock, leap, gate, soon):
    wrong = make(clock=clock)
    job = wrong.compute(gate.wait, block=False, timeout=1)
    assert gate.started.wait(20)
    leap()
    soon(lambda: wrong.engine.running_job(job.id) is None or wrong.engine.running[job.id].cancel_requested.is_set(), 10)
    gate.go.set()


def test_a_delivery_that_waits_is_carried_once_and_soon(make, right, clock, leap, scripted, soon, by):
    """Soon, or when the clocks of all machines may be: they may be ten minutes apart."""
    wrong = make(clock=clock)
    done = []

    def act(_artifact, _options, context):
        if context.attempt == 1:
            leap()
            raise Transient("later", retry_after=0.3)
        done.append(context.job_id)
        return Receipt()

    scripted.act = act
    job = wrong.compute(2, destination="scripted", block=False)
    soon(lambda: scripted.tries, 20)
    clock.by = timedelta()  # it is put right
    right.clock.by = SKEW if abs(by) < SKEW else timedelta()
    end = time.monotonic() + 30
    while not right.job(job.id).done and time.monotonic() < end:
        right.engine.carry_due()
        time.sleep(0.1)
    assert (right.job(job.id).stage, done) == ("SUCCEEDED", [job.id])


def test_a_link_works_and_its_data_stay(make, right, clock, leap, by, backend, request):
    """On SQLite a machine gives its links by its own clock; a year behind, they are over when it is put right."""
    wrong = make(clock=clock)
    jobs = [session.compute(2, format="json", block=False).wait(30) for session in (right, wrong)]
    leap()
    wrong.sweep()
    clock.by = timedelta()
    if backend.name == "home" and by < -SKEW and "from the start" in request.node.name:
        assert right.sweep().erased == 0
        assert all(right.store.size(right.engine.record_of(job.id).artifact.key) == 1 for job in jobs)
        del jobs[1]
    for job in jobs:
        found = right.links.resolve(job.url.split("/d/")[1].split("/")[0])
        assert right.store.size(found.artifact.key) == 1
        assert right.job(job.id).result() == b"2"


def test_nobody_ends_the_job_of_a_live_process(make, right, clock, leap, gate):
    job = right.compute(gate.wait, block=False)
    assert gate.started.wait(20)
    wrong = make(clock=clock)
    wrong.compute(1)
    leap()
    wrong.engine.recover()
    wrong.sweep()
    gate.go.set()
    assert job.result(30) == 1
    assert right.job(job.id).stage == "SUCCEEDED"


@pytest.mark.backends("home")
def test_a_machine_that_is_ahead_gives_up_nothing_of_others(make, right, clock, by, scripted, soon):
    """A delivery that may be tried for a quarter of an hour, of a job that may take an hour; on SQLite."""
    clock.by = by

    def later(*_):
        raise Transient("later", retry_after=0 if len(scripted.tries) > 1 else 600)

    scripted.act = later
    job = right.compute(2, destination="scripted", block=False, timeout=3600)
    soon(lambda: right.engine.record_of(job.id).next_try_at is not None, 20)
    wrong = make(clock=clock)
    wrong.compute(1)
    wrong.engine.carry_due()
    time.sleep(0.5)
    assert right.job(job.id).stage == "SAVING"
    scripted.act = lambda *_: Receipt()
    right.clock.by = 20 * MINUTE
    right.engine.carry_due()
    wrong.close()
    right.engine.carry_due()
    soon(lambda: right.job(job.id).done, 20)
    assert right.job(job.id).stage == "SUCCEEDED"
