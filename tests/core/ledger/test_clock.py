"""No clock that is ahead, behind or leaps decides what is erased, who is dead, and what waits."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from bourn.ledger import workers as module
from bourn.ledger.clock import LEAP, LedgerClock, claim_stamp
from bourn.ledger.ledger import NewJob
from bourn.ledger.record import StoredArtifact
from bourn.ledger.stages import Stage
from bourn.ledger.tables import workers as table
from bourn.ledger.workers import Workers, machine

pytestmark = pytest.mark.backends("home", "servers")

JOB, DELIVERY = "a" * 48, "b" * 32
HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)


class Shifted:
    """This machine's clock, wrong by some time."""

    def __init__(self, by=timedelta()):
        self.by = by

    def __call__(self):
        return datetime.now(UTC) + self.by


class ByHand(Shifted):
    manual = True


def is_trusted(database, by, cls=Shifted):
    clock = LedgerClock(database, cls(by))
    return clock.is_trusted(datetime.now(UTC) + by)


@pytest.mark.parametrize("by", [-400 * DAY, -HOUR, HOUR, 400 * DAY])
def test_on_a_server_its_own_clock_decides_on_sqlite_this_machines(database, by):
    now = LedgerClock(database, Shifted(by))()
    assert now.tzinfo is not None
    assert abs(now - datetime.now(UTC) - (by if database.is_sqlite else timedelta())) < MINUTE
    assert abs(LedgerClock(database, ByHand(by))() - datetime.now(UTC) - by) < MINUTE


def test_a_clock_that_leaps_is_not_trusted(database):
    assert is_trusted(database, timedelta())
    assert is_trusted(database, 11 * DAY)  # the ledger was not used meanwhile
    assert not is_trusted(database, 11 * DAY + LEAP)
    assert not is_trusted(database, 365 * DAY)
    assert is_trusted(database, 365 * DAY, ByHand)


def test_a_clock_that_goes_on_for_a_day_with_no_other_one_in_use_is_trusted(database):
    """The ledger lay idle for a year."""
    assert is_trusted(database, timedelta())
    year = 365 * DAY
    assert [is_trusted(database, year + after) for after in (0 * DAY, HOUR, DAY - MINUTE)] == [False] * 3
    assert is_trusted(database, year + DAY + MINUTE)
    assert is_trusted(database, year + DAY + MINUTE)


def test_it_is_not_while_another_process_sees_an_earlier_time(database):
    assert is_trusted(database, timedelta())
    year = 365 * DAY
    for day in range(5):
        assert not is_trusted(database, year + day * DAY)
        assert is_trusted(database, day * DAY)  # the others go on


def test_a_machine_that_wakes_up_in_1970_makes_nobody_elses_clock_a_leap(database):
    assert is_trusted(database, timedelta())
    assert is_trusted(database, datetime(1970, 1, 2, tzinfo=UTC) - datetime.now(UTC))
    assert is_trusted(database, timedelta())


def test_a_clock_put_right_again_is_trusted_at_once(database):
    assert is_trusted(database, 365 * DAY)  # the first one that used this ledger
    assert is_trusted(database, timedelta())
    assert not is_trusted(database, 365 * DAY)


def test_a_stamp_is_claimed_once_in_an_interval(database):
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def claim(at):
        return claim_stamp(database, "x", now=at, interval=HOUR)

    assert [claim(now), claim(now), claim(now + HOUR - MINUTE)] == [True, False, False]
    assert [claim(now + HOUR), claim(now + HOUR)] == [True, False]
    assert [claim(now - DAY), claim(now - DAY)] == [True, False]  # it was set back


def job_of(ledger, database, workers, now, **facts):
    """A live job of another worker that was last seen at `now`."""
    row = attrs.asdict(workers.enrol(now=now)) | {"id": "far", "machine": "elsewhere", "seen_at": now} | facts
    database.write(lambda connection: connection.execute(table.insert().values(row)))
    new = NewJob(id=JOB, delivery_id=DELIVERY, group_id="g", principal="me", plan={})
    ledger.add([new], worker_id="far", now=now)


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.backends("servers")
def test_by_the_servers_clock_a_worker_is_dead_when_its_lease_is_over(database, ledger):
    workers = Workers(database)
    job_of(ledger, database, workers, NOW)
    assert workers.dead(now=NOW + timedelta(seconds=60)) == []
    assert workers.dead(now=NOW + timedelta(seconds=61)) == ["far"]


@pytest.mark.backends("home")
def test_a_machine_minutes_ahead_ends_nobodys_jobs(database, ledger):
    workers = Workers(database)
    job_of(ledger, database, workers, NOW)
    assert workers.dead(now=NOW + 9 * MINUTE) == []
    assert workers.dead(now=NOW - 9 * MINUTE) == []
    assert workers.dead(now=NOW + 12 * MINUTE) == ["far"]


@pytest.mark.backends("home")
def test_a_worker_that_gives_no_sign_while_one_watches_is_dead_whatever_the_clocks_say(database, ledger, monkeypatch):
    workers, elapsed = Workers(database), [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: elapsed[0])
    here = machine()
    job_of(ledger, database, workers, NOW, machine=here.partition(":")[0] + ":another-namespace")
    ahead = NOW - DAY  # its clock is ahead of this one
    assert workers.dead(now=ahead) == []
    elapsed[0] = 59.0
    assert workers.dead(now=ahead) == []
    beat = table.update().where(table.c.id == "far").values(seen_at=NOW + MINUTE)
    database.write(lambda connection: connection.execute(beat))
    elapsed[0] = 61.0
    assert workers.dead(now=ahead) == []
    elapsed[0] = 122.0
    assert workers.dead(now=ahead) == ["far"]


@pytest.mark.backends("home")
def test_a_sign_of_an_earlier_boot_that_lies_ahead_counts_for_nothing(database, ledger):
    workers = Workers(database)
    job_of(ledger, database, workers, NOW + DAY)
    assert workers.dead(now=NOW) == ["far"]


def test_workers_without_jobs_are_forgotten(database, ledger):
    workers = Workers(database)
    job_of(ledger, database, workers, NOW)
    mine = workers.enrol(now=NOW)
    row = attrs.asdict(mine) | {"id": "idle", "machine": "elsewhere", "seen_at": NOW}
    database.write(lambda connection: connection.execute(table.insert().values(row)))

    def known():
        return set(database.query(lambda connection: connection.scalars(table.select()).all()))

    assert workers.prune(now=NOW + HOUR) == 0
    assert workers.prune(now=NOW + 2 * DAY) == 1  # "far" has a job, the others are this process
    assert "idle" not in known()
    workers.remove(mine)
    assert mine.id not in known()
    workers.beat(mine, now=NOW)
    assert mine.id in known()


def test_a_delivery_that_was_postponed_by_a_clock_far_ahead_is_due_when_the_clock_is_right(database, ledger):
    year = NOW + 365 * DAY
    ledger.add([NewJob(id=JOB, delivery_id=DELIVERY, group_id="g", principal="me", plan={})], worker_id="w", now=year)
    ledger.store(JOB, 1, DELIVERY, StoredArtifact(
        key="k", filename="f", suffix="", media_type="a/b", size_bytes=1, sha256="", report={}, stored_at=year,
        expires_at=year,
    ))  # fmt: skip
    ledger.postpone(JOB, 1, DELIVERY, until=year + MINUTE, note="", now=year)
    assert [record.id for record in ledger.claim_due("other", now=NOW, limit=9)] == [JOB]
    ledger.postpone(JOB, 3, DELIVERY, until=NOW + HOUR, note="", now=NOW)
    assert ledger.claim_due("other", now=NOW + MINUTE, limit=9) == []
    assert ledger.get(JOB).stage is Stage.SAVING
