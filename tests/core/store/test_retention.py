"""The end of what is kept: bytes go when their time comes, and nothing else does."""

import os
import threading
import time
from datetime import timedelta
from functools import partial

import pytest
from bourn.errors import LinkError, LinkExpired, LinkInvalid
from bourn.ledger.stages import Stage
from bourn.store.retention import Sweeper, Swept, sweep
from bourn.store.store import Store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.backends("home", "servers")

TEN_DAYS = timedelta(days=10)
HOUR = timedelta(hours=1)


def swept(house, **options):
    return sweep(house.store, house.link_ledger, house.clock(), **options)


def resolved(house, job):
    return house.links.resolve(house.links.token(job.delivery_id))


def fail_deletes(monkeypatch, house, delete):
    """Have the store delete one by one, by `delete`, as after a bulk request that failed."""
    monkeypatch.setattr(house.store, "delete", delete)
    monkeypatch.setattr(house.store, "delete_many", partial(Store.delete_many, house.store))


def test_bytes_go_when_their_time_comes(house):
    job, other = house.finished(b"12345"), house.queued()
    house.clock.now += TEN_DAYS - timedelta(microseconds=1)
    assert swept(house) == Swept()
    house.clock.now += timedelta(microseconds=1)
    assert swept(house) == Swept(expired=1, erased=1, freed_bytes=5)
    assert list(house.store.keys()) == []
    assert swept(house) == Swept()
    with pytest.raises(LinkExpired):
        resolved(house, job)
    assert house.ledger.get(job.id).artifact.erased_at == house.clock()
    assert house.ledger.get(other.id).stage is Stage.QUEUED


def test_a_link_swept_as_expired_stays_so_when_the_clock_is_set_back(house):
    job = house.finished()
    house.clock.now += TEN_DAYS
    swept(house)
    house.clock.now -= TEN_DAYS
    with pytest.raises(LinkExpired):
        resolved(house, job)


def test_what_is_held_stays_and_its_link_expires(house):
    job = house.finished()
    house.ledger.hold(job.delivery_id, "catalog:1")
    house.clock.now += TEN_DAYS * 30
    assert swept(house) == Swept(expired=1)
    with pytest.raises(LinkExpired):
        resolved(house, job)
    assert house.store.size(job.key) == 3
    assert house.ledger.get(job.id) is not None
    house.ledger.release(job.delivery_id, "catalog:1")
    assert swept(house) == Swept(erased=1, freed_bytes=3)
    house.clock.now += timedelta(days=91)
    assert swept(house) == Swept(tombstones=1)


def test_a_job_that_lives_keeps_its_bytes(house):
    """Its delivery is tried again and again; its ten days have not begun."""
    job = house.stored()
    house.clock.now += TEN_DAYS * 2
    assert swept(house) == Swept()
    assert resolved(house, job).job_id == job.id


def test_bytes_of_a_cancelled_job_go_at_once(house):
    job = house.finished(stage=Stage.CANCELLED)
    assert swept(house) == Swept(erased=1, freed_bytes=3)
    assert house.store.size(job.key) is None


def test_two_jobs_with_equal_bytes_are_independent(house):
    first = house.finished(b"same")
    house.clock.now += timedelta(days=5)
    second = house.finished(b"same")
    house.store.copy(first.key, "a/copy")
    house.clock.now += timedelta(days=5)
    assert swept(house) == Swept(expired=1, erased=1, freed_bytes=4)
    assert resolved(house, second).job_id == second.id
    assert house.store.size(second.key) == 4


def test_orphans_go_when_their_job_has_ended(house):
    """Its writer died after the store and before the ledger heard of it."""
    job, living = house.queued(), house.queued()
    for each in (job, living):
        with house.store.create(each.key) as sink:
            sink.write(b"orphan")
    assert swept(house) == Swept()
    house.ended(job, Stage.FAILED)
    assert swept(house) == Swept(orphans=1)
    assert list(house.store.keys()) == [living.key]


def test_an_object_that_came_back_after_a_power_cut_goes_again(house):
    job = house.finished()
    house.clock.now += TEN_DAYS
    swept(house)
    with house.store.create(job.key) as sink:
        sink.write(b"two")
    assert swept(house) == Swept(orphans=1)


def test_what_another_ledger_has_in_the_same_bucket_is_left_alone(house):
    """Unless the store is known to be ours alone."""
    outsider = f"{'ab' * 24}/{'cd' * 16}.tif"
    for key in (outsider, "readme.txt", "models/weights.bin"):
        with house.store.create(key) as sink:
            sink.write(b"theirs")
    assert swept(house) == Swept(unknown=1)
    assert swept(house, owned=True) == Swept(unknown=1, orphans=1)
    assert sorted(house.store.keys()) == ["models/weights.bin", "readme.txt"]


def test_tombstones_go_after_ninety_days(house):
    stored, failed = house.finished(), house.queued()
    house.ended(failed, Stage.FAILED)
    house.clock.now += TEN_DAYS
    assert swept(house) == Swept(expired=1, erased=1, freed_bytes=3)
    house.clock.now += timedelta(days=80) - timedelta(microseconds=1)
    assert swept(house) == Swept()
    house.clock.now += timedelta(microseconds=1)
    assert swept(house) == Swept(tombstones=1)
    assert house.ledger.get(failed.id) is None
    house.clock.now += timedelta(days=10)
    assert swept(house) == Swept(tombstones=1)
    assert house.ledger.get(stored.id) is None
    with pytest.raises(LinkInvalid):
        resolved(house, stored)


def test_many_are_swept_in_batches(house, monkeypatch):
    monkeypatch.setattr("bourn.store.retention.BATCH", 3)
    for _ in range(10):
        house.finished()
    house.clock.now += TEN_DAYS
    assert swept(house) == Swept(expired=10, erased=10, freed_bytes=30)
    house.clock.now += timedelta(days=90)
    assert swept(house) == Swept(tombstones=10)


def test_one_object_that_cannot_be_removed_does_not_stop_the_others(house, monkeypatch, caplog):
    jobs = [house.finished() for _ in range(5)]
    house.clock.now += TEN_DAYS
    really = house.store.delete
    stuck = sorted(job.key for job in jobs)[2]

    def failing(key):
        if key == stuck:
            raise OSError(5, "Input/output error")
        really(key)

    fail_deletes(monkeypatch, house, failing)
    assert swept(house) == Swept(expired=5, erased=4, freed_bytes=12, failed=1)
    assert f"could not remove {stuck} from the store, the next sweep tries again: " in caplog.text
    monkeypatch.undo()
    assert swept(house) == Swept(erased=1, freed_bytes=3)


def test_objects_that_cannot_be_removed_are_tried_once_a_sweep(house, monkeypatch):
    monkeypatch.setattr("bourn.store.retention.BATCH", 2)
    for _ in range(5):
        house.finished()
    house.clock.now += TEN_DAYS
    tried = []

    def failing(key):
        tried.append(key)
        assert len(tried) < 20
        raise OSError(5, "Input/output error")

    fail_deletes(monkeypatch, house, failing)
    assert swept(house) == Swept(expired=5, failed=5)
    assert len(tried) == len(set(tried)) == 5


def test_a_job_is_not_forgotten_while_its_object_is_there(house, monkeypatch):
    """It would be nobody's for ever."""
    job = house.finished()
    house.clock.now += TEN_DAYS
    swept(house)
    with house.store.create(job.key) as sink:  # back after a power cut
        sink.write(b"two")
    house.clock.now += timedelta(days=90)

    def failing(_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(house.store, "delete", failing)
        assert swept(house) == Swept(failed=1)
    assert swept(house) == Swept(orphans=1, tombstones=1)


@pytest.mark.parametrize("step", ["expire", "expired_objects", "mark_erased", "known", "empty", "tombstones"])
@pytest.mark.parametrize("before", [True, False])
def test_killed_between_any_two_steps_the_next_sweep_ends_it(house, monkeypatch, step, before):
    job, cancelled, orphan = house.finished(), house.finished(stage=Stage.CANCELLED), house.queued()
    with house.store.create(orphan.key) as sink:
        sink.write(b"orphan")
    house.ended(orphan, Stage.FAILED)
    house.clock.now += TEN_DAYS
    really = getattr(house.link_ledger, step)

    def dying(*args, **options):
        if not before:
            really(*args, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(house.link_ledger, step, dying)
    with pytest.raises(KeyboardInterrupt):
        swept(house)
    monkeypatch.undo()
    swept(house)
    assert list(house.store.keys()) == []
    assert swept(house) == Swept()
    assert house.ledger.get(job.id).artifact.erased_at is not None
    assert house.ledger.get(cancelled.id).artifact.erased_at is not None


def test_sweeps_at_once_do_each_other_no_harm(house):
    for _ in range(40):
        house.finished()
    kept = house.stored()
    house.clock.now += TEN_DAYS
    answers, gate = [], threading.Barrier(4)

    def run():
        gate.wait()
        answers.append(swept(house))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answer.erased for answer in answers) == 40
    assert sum(answer.freed_bytes for answer in answers) == 120
    assert list(house.store.keys()) == [kept.key]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("finish"), st.sampled_from([Stage.SUCCEEDED, Stage.FAILED])),
            st.tuples(st.just("wait"), st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=6))),
            st.tuples(st.just("hold"), st.integers(0, 20)),
            st.tuples(st.just("sweep"), st.none()),
        ),
        max_size=25,
    )
)
def test_no_expired_byte_is_left_and_no_live_one_missing(house_in_memory, steps):
    """Whatever happens in whatever order; looked at after every sweep."""
    house = house_in_memory
    jobs, held = [], set()
    for step, value in [*steps, ("sweep", None)]:
        if step == "finish":
            jobs.append((house.finished(stage=value), house.clock() + TEN_DAYS))
        elif step == "wait":
            house.clock.now += value
        elif step == "hold" and jobs:
            job, end = jobs[value % len(jobs)]
            if house.clock() < end:
                house.ledger.hold(job.delivery_id, "owner")
                held.add(job.id)
        elif step == "sweep":
            swept(house)
            for job, end in jobs:
                works = house.clock() < end
                assert (house.store.size(job.key) == 3) is (works or job.id in held)
                try:
                    resolved(house, job)
                except LinkError:
                    assert not works
                else:
                    assert works


def test_it_is_swept_once_an_hour_for_a_ledger(house):
    """However many processes use it, and however often they ask."""
    one, other = (Sweeper(house.store, house.link_ledger, house.ledger_clock) for _ in range(2))
    assert [one.sweep_if_due(), one.sweep_if_due(), other.sweep_if_due()] == [Swept(), None, None]
    house.clock.now += HOUR - timedelta(microseconds=1)
    assert [each.sweep_if_due() for each in (one, other)] == [None, None]
    house.clock.now += timedelta(microseconds=2)
    assert one.sweep_if_due() == Swept()
    house.clock.now += HOUR
    assert other.sweep_if_due() == Swept()
    house.clock.now -= timedelta(days=1)  # set back
    assert other.sweep_if_due() == Swept()


def test_asking_costs_nothing(house):
    sweeper = Sweeper(house.store, house.link_ledger, house.ledger_clock)
    assert sweeper.sweep_if_due() == Swept()
    before = time.perf_counter()
    for _ in range(1000):
        sweeper.sweep_if_due()
    assert (time.perf_counter() - before) / 1000 < 100e-6


@pytest.mark.backends("home")
def test_temporary_files_of_dead_writers_are_swept(house, tmp_path):
    house.finished()
    abandoned = tmp_path / "home" / "store" / ".incoming" / "0123"
    abandoned.touch()
    before = (house.clock() - timedelta(hours=2)).timestamp()
    os.utime(abandoned, (before, before))
    assert swept(house) == Swept(stale=1)
