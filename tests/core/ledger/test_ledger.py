"""The ledger: each move once, under its lease, by its owner."""

import sqlite3
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from bourn.errors import LedgerError
from bourn.ledger.database import Database
from bourn.ledger.database_errors import display_url
from bourn.ledger.ledger import LeaseLost, NewJob
from bourn.ledger.record import ProgressUpdate, StoredArtifact
from bourn.ledger.schema import LEDGER_MIGRATIONS
from bourn.ledger.stages import LIVE, MOVES, Stage
from bourn.ledger.workers import Workers

pytestmark = pytest.mark.backends("home", "servers")

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB, DELIVERY = "a" * 48, "b" * 32


def add(ledger, job_id=JOB, delivery_id=DELIVERY, worker="w", **more):
    new = NewJob(id=job_id, delivery_id=delivery_id, group_id="g", principal="me", plan={"form": 1}, **more)
    ledger.add([new], worker_id=worker, now=NOW)


def artifact(**more):
    facts = {
        "key": f"{JOB}/{DELIVERY}.bin", "filename": "x.bin", "suffix": ".bin", "media_type": "a/b", "size_bytes": 3,
        "sha256": "0" * 64, "report": {}, "stored_at": NOW, "expires_at": NOW + timedelta(days=10),
    }  # fmt: skip
    return StoredArtifact(**facts | more)


def tables(backend):
    """All tables of the database, and their columns."""
    engine = sa.create_engine(backend.database_url)
    looked = sa.inspect(engine)
    found = {name: [column["name"] for column in looked.get_columns(name)] for name in looked.get_table_names()}
    engine.dispose()
    return found


def finish(ledger, stage, epoch=1, job_id=JOB, **more):
    ledger.finish(job_id, epoch, stage, now=NOW, expires_at=NOW + timedelta(days=10), **more)


def test_a_job_is_queued_with_its_plan_and_its_worker(ledger):
    add(ledger, secrets={"destination": {"password": "x"}})
    record = ledger.get(JOB)
    assert (record.stage, record.worker_id, record.epoch) == (Stage.QUEUED, "w", 1)
    assert (record.plan, record.created_at, record.artifact) == ({"form": 1}, NOW, None)


def test_an_end_is_reached_once_and_secrets_are_gone_with_it(ledger):
    add(ledger, secrets={"destination": {"password": "x"}})
    ledger.store(JOB, 1, DELIVERY, artifact())
    finish(ledger, Stage.SUCCEEDED, receipt={"url": None})
    with pytest.raises(LeaseLost):
        finish(ledger, Stage.FAILED, error={"code": "job-failed"})
    record = ledger.get(JOB)
    assert (record.stage, record.error, record.secrets) == (Stage.SUCCEEDED, None, None)


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage.done])
def test_no_end_is_left_again(ledger, stage):
    add(ledger)
    if stage is Stage.SUCCEEDED:
        ledger.store(JOB, 1, DELIVERY, artifact())
    finish(ledger, stage)
    for other in Stage:
        if other.done:
            with pytest.raises(LeaseLost):
                finish(ledger, other)
    with pytest.raises(LeaseLost):
        ledger.store(JOB, 1, DELIVERY, artifact())
    ledger.report_progress([progress_update(Stage.RUNNING)], now=NOW)
    assert ledger.get(JOB).stage == stage


def progress_update(stage, epoch=1, done=1):
    return ProgressUpdate(job_id=JOB, epoch=epoch, stage=stage, started_at=NOW, done=done, total=2, note="")


def test_success_without_an_artifact_is_no_legal_move(ledger):
    add(ledger)
    with pytest.raises(LeaseLost):
        finish(ledger, Stage.SUCCEEDED)
    assert ledger.get(JOB).stage == Stage.QUEUED


def test_a_stage_never_moves_backwards(ledger):
    add(ledger)
    ledger.report_progress([progress_update(Stage.RUNNING)], now=NOW)
    ledger.report_progress([progress_update(Stage.PREPARING, done=0)], now=NOW)
    record = ledger.get(JOB)
    assert (record.stage, record.steps_done) == (Stage.RUNNING, 1)


def test_who_lost_the_lease_writes_nothing(ledger):
    """A delivery that was handed on is another epoch's: the first owner's word does not count any more."""
    add(ledger)
    ledger.store(JOB, 1, DELIVERY, artifact())
    ledger.postpone(JOB, 1, DELIVERY, until=NOW, note="later", now=NOW)
    (claimed,) = ledger.claim_due("other", now=NOW, limit=9)
    assert (claimed.id, claimed.worker_id, claimed.attempts) == (JOB, "other", 2)
    for late in (
        lambda: finish(ledger, Stage.SUCCEEDED),
        lambda: ledger.checkpoint(JOB, 1, DELIVERY, {"step": 1}),
        lambda: ledger.postpone(JOB, 1, DELIVERY, until=NOW, note="", now=NOW),
    ):
        with pytest.raises(LeaseLost):
            late()
    finish(ledger, Stage.SUCCEEDED, epoch=claimed.epoch)
    assert ledger.get(JOB).stage == Stage.SUCCEEDED


def test_a_delivery_is_claimed_by_one_of_many(ledger):
    add(ledger)
    ledger.store(JOB, 1, DELIVERY, artifact())
    ledger.postpone(JOB, 1, DELIVERY, until=NOW, note="", now=NOW)
    claimed = []
    threads = [
        threading.Thread(target=lambda n=n: claimed.extend(ledger.claim_due(f"w{n}", now=NOW, limit=9)))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [record.id for record in claimed] == [JOB]


def test_of_those_that_are_due_the_ones_that_wait_longest_are_claimed(ledger):
    for number in range(5):
        job, delivery = f"{number}" * 48, f"{number}" * 32
        add(ledger, job, delivery)
        ledger.store(job, 1, delivery, artifact())
        ledger.postpone(job, 1, delivery, until=NOW - timedelta(seconds=number), note="", now=NOW)
    claimed = [ledger.claim_due("w", now=NOW, limit=3), ledger.claim_due("w", now=NOW, limit=3)]
    assert [[record.id[0] for record in each] for each in claimed] == [["4", "3", "2"], ["1", "0"]]
    assert {(record.worker_id, record.epoch, record.attempts) for each in claimed for record in each} == {("w", 3, 2)}
    assert not ledger.claim_due("w", now=NOW, limit=3)


def test_a_delivery_is_not_claimed_before_its_time(ledger):
    add(ledger)
    ledger.store(JOB, 1, DELIVERY, artifact())
    ledger.postpone(JOB, 1, DELIVERY, until=NOW + timedelta(seconds=1), note="", now=NOW)
    assert not ledger.claim_due("w", now=NOW, limit=9)
    assert ledger.claim_due("w", now=NOW + timedelta(seconds=1), limit=9)


def test_a_job_that_ended_can_not_be_asked_to_cancel(ledger):
    add(ledger)
    assert ledger.request_cancel(JOB, now=NOW) is True
    assert ledger.cancels_of("w") == {JOB}
    assert ledger.cancels_of("other") == set()
    finish(ledger, Stage.CANCELLED)
    assert ledger.request_cancel(JOB, now=NOW) is False


def test_threads_share_commits_and_each_gets_its_own_answer(ledger):
    """One that fails takes none of those with it that are committed in the same transaction."""
    errors = []

    def one(number):
        try:
            add(ledger, f"{number:048d}", f"{number % 50:032d}")
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(ledger.list()), len(errors)) == (50, 50)


def test_of_those_that_share_a_commit_only_the_one_whose_lease_is_over_is_refused(ledger):
    """While somebody commits, twenty others come with the end of a job each: one statement does them all, or none."""
    for number in range(20):
        add(ledger, f"{number:048d}", f"{number:032d}")
    refused, began, go_on = [], threading.Event(), threading.Event()

    def busy(connection):
        began.set()
        go_on.wait(20)

    def end(number):
        try:
            finish(ledger, Stage.FAILED, 2 if number == 7 else 1, f"{number:048d}", error={"of": number})
        except LeaseLost:
            refused.append(number)

    first = threading.Thread(target=ledger.database.write, args=(busy,))
    first.start()
    began.wait(20)
    threads = [threading.Thread(target=end, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    while len(ledger.database._commits._waiting) < 20:
        time.sleep(0.01)
    go_on.set()
    for thread in (first, *threads):
        thread.join()
    assert refused == [7]
    failed = {record.id: record.error["of"] for record in ledger.list(stage=Stage.FAILED)}
    assert failed == {f"{number:048d}": number for number in range(20) if number != 7}


def test_every_live_stage_can_fail_and_be_cancelled():
    assert MOVES[Stage.FAILED] == MOVES[Stage.CANCELLED] == LIVE


def test_the_newest_revision_is_the_one_that_the_code_expects(database):
    from pathlib import Path

    import bourn.ledger

    versions = Path(bourn.ledger.__file__).parent / "migrations" / "versions"
    assert max(file.name[:4] for file in versions.glob("0*.py")) == LEDGER_MIGRATIONS.head


@pytest.mark.slow
def test_the_history_makes_the_tables_that_the_code_has(tmp_path):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from bourn.ledger.tables import metadata

    engine = sa.create_engine(f"sqlite:///{tmp_path}/old.db")
    with engine.begin() as connection:
        LEDGER_MIGRATIONS.upgrade(connection)
        context = MigrationContext.configure(connection, opts={"version_table": "bourn_core_version"})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == LEDGER_MIGRATIONS.head
    engine.dispose()


@pytest.mark.slow
def test_a_new_database_needs_no_history(tmp_path):
    """Alembic reads the metadata of every installed distribution, and one of them may be broken."""
    code = (
        f"from bourn.ledger.database import Database; Database('sqlite:///{tmp_path}/l.db').engine; "
        "import sys; print('alembic' in sys.modules)"
    )
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"


def test_tables_that_no_version_has_made_are_reported(backend, database):
    """As a ledger has them that was made before a release."""
    with database.engine.begin() as connection:
        connection.exec_driver_sql("alter table jobs drop column deadline_at")
        connection.exec_driver_sql("drop table holds")
    database.close()
    before = tables(backend)
    with pytest.raises(LedgerError) as caught:
        Database(backend.database_url).engine  # noqa: B018  # opens it
    assert "jobs has no column deadline_at" in str(caught.value)
    assert "there is no table holds" in str(caught.value)
    assert str(caught.value).startswith(
        f"the ledger at {display_url(database.url)} has tables that no version of bourn_core"
    )
    assert tables(backend) == before


def test_somebody_elses_table_is_left_alone(tmp_path):
    with closing(sqlite3.connect(tmp_path / "l.db")) as connection:
        connection.execute("create table jobs (id text, mine text)")
    url = f"sqlite:///{tmp_path}/l.db"
    with pytest.raises(LedgerError, match="jobs has no column group_id"):
        Database(url).engine  # noqa: B018  # opens it
    with closing(sqlite3.connect(tmp_path / "l.db")) as connection:
        assert connection.execute("select name from sqlite_master").fetchall() == [("jobs",)]


@pytest.mark.backends("home")
def test_the_database_is_for_its_owner_only(database, tmp_path):
    assert database.engine is not None
    assert (tmp_path / "home" / "ledger.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.backends("home")
def test_commits_are_durable_and_only_progress_is_not(database, ledger):
    """With synchronous=NORMAL a power cut takes back commits that were acknowledged (SQLite, WAL)."""
    seen = []
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    database.write(lambda connection: seen.append(connection.exec_driver_sql("PRAGMA synchronous").scalar()))
    database.write_relaxed(lambda connection: seen.append(connection.exec_driver_sql("PRAGMA synchronous").scalar()))
    database.write(lambda connection: seen.append(connection.exec_driver_sql("PRAGMA synchronous").scalar()))
    full, normal = 2, 1
    assert seen == [full, normal, full]


def test_a_process_that_died_is_dead_at_once_and_a_live_one_is_not(database, ledger):
    import os
    import subprocess
    import sys

    import attrs
    from bourn.ledger.tables import workers as table

    workers = Workers(database)
    mine = workers.enrol(now=NOW)
    add(ledger, worker=mine.id)
    assert workers.dead(now=NOW + timedelta(days=1)) == []
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    row = attrs.asdict(mine) | {"id": "gone", "pid": int(gone.stdout), "seen_at": NOW}
    database.write(lambda connection: connection.execute(table.insert().values(row)))
    add(ledger, "c" * 48, "d" * 32, worker="gone")
    assert workers.dead(now=NOW) == ["gone"]
    assert os.getpid() == mine.pid


@pytest.mark.slow
def test_many_processes_may_make_the_database_at_once(tmp_path):
    import subprocess
    import sys

    code = f"from bourn.ledger.database import Database; Database('sqlite:///{tmp_path}/l.db').engine"
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate()[1] for process in started] == [b""] * 4
    with sqlite3.connect(tmp_path / "l.db") as connection:
        assert connection.execute("select version_num from bourn_core_version").fetchall() == [
            (LEDGER_MIGRATIONS.head,)
        ]
    connection.close()


def test_tables_of_a_later_version_are_reported(database):
    database.write(lambda connection: connection.exec_driver_sql("update bourn_core_version set version_num = '9999'"))
    database.close()
    with pytest.raises(LedgerError, match="was made by a later version of bourn_core: its tables are at revision 9999"):
        database.engine  # noqa: B018


@pytest.mark.backends("home")
@pytest.mark.parametrize("how", ["replaced", "removed"])
def test_a_ledger_file_that_is_replaced_under_a_process_is_noticed(database, ledger, how):
    """Else it would go on in a file that has no name any more, and everything would be lost with it."""
    add(ledger)
    path = Path(database.url.database)
    if how == "replaced":
        path.with_name("copy").write_bytes(path.read_bytes())
        path.with_name("copy").replace(path)
    else:
        path.unlink()
    for act in (lambda: ledger.get(JOB), lambda: ledger.request_cancel(JOB, now=NOW)):
        with pytest.raises(LedgerError, match="was replaced or removed while this process had it open"):
            act()
