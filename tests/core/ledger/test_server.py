"""The ledger at a server: answers that get lost, servers that go and come back, processes that start at once."""

import os
import resource
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import sqlalchemy as sa
from bourn.errors import LedgerError, SettingsError
from bourn.ledger import group_commit as module
from bourn.ledger.database import Database
from bourn.ledger.database_errors import is_connection_lost, is_transient
from bourn.ledger.ledger import LeaseLost, Ledger, NewJob
from bourn.ledger.record import StoredArtifact
from bourn.ledger.schema import LEDGER_MIGRATIONS
from bourn.ledger.signing import SigningKeys
from bourn.ledger.stages import Stage
from bourn.ledger.tables import jobs, writers
from servers.proxy import Proxy

pytestmark = pytest.mark.backends("servers")

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB, DELIVERY = "a" * 48, "b" * 32


def add(ledger, job_id=JOB, delivery_id=DELIVERY):
    new = NewJob(id=job_id, delivery_id=delivery_id, group_id="g", principal="me", plan={})
    ledger.add([new], worker_id="w", now=NOW)


def stored(ledger):
    artifact = StoredArtifact(
        key="k", filename="x.bin", suffix=".bin", media_type="a/b", size_bytes=3, sha256="0" * 64, report={},
        stored_at=NOW, expires_at=NOW,
    )  # fmt: skip
    ledger.store(JOB, 1, DELIVERY, artifact)


def postponed(ledger):
    ledger.postpone(JOB, 1, DELIVERY, until=NOW, note="", now=NOW)


def claimed(ledger):
    assert [record.id for record in ledger.claim_due("other", now=NOW, limit=9)] == [JOB]


def finished(ledger):
    ledger.finish(JOB, 3, Stage.SUCCEEDED, now=NOW, expires_at=NOW + timedelta(days=10))


LIFE = [add, stored, postponed, claimed, finished]


@pytest.fixture
def losing(monkeypatch):
    """Has connections break at the next commits, before or after the server has heard of it."""
    left = []
    really = psycopg.Connection.commit

    def commit(connection):
        if not left or threading.current_thread() is threading.main_thread():
            return really(connection)  # the leader's thread commits what is written; the main one looks
        if left.pop() == "answer":
            really(connection)
        connection.pgconn.finish()
        msg = "server closed the connection unexpectedly"
        raise psycopg.OperationalError(msg)

    monkeypatch.setattr(psycopg.Connection, "commit", commit)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    return left


@pytest.mark.parametrize("lost", [["answer"], ["request"], ["answer", "request", "request"]])
@pytest.mark.parametrize("step", range(len(LIFE)))
def test_a_commit_whose_answer_got_lost_is_done_once(ledger, losing, lost, step):
    """Each move of a job; nothing is guessed: the ledger is asked whether it happened."""
    for number, move in enumerate(LIFE):
        if number == step:
            losing += lost
        move(ledger)
    assert losing == []
    record = ledger.get(JOB)
    assert (record.stage, record.epoch, record.attempts) == (Stage.SUCCEEDED, 3, 2)


def test_what_shares_a_lost_commit_is_done_once_too(ledger, losing):
    """And one among them that failed by itself, still has failed."""
    errors = []

    def one(number):
        try:
            add(ledger, f"{number:048d}", f"{number % 20:032d}")
        except LedgerError as error:
            errors.append(error)

    losing += ["answer", "request", "answer"]
    threads = [threading.Thread(target=one, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(ledger.list()), len(errors)) == (20, 20)
    assert losing == []


def test_a_connection_lost_amid_a_transaction_changes_nothing_twice(ledger, database):
    tries = []

    def work(connection):
        connection.execute(jobs.update().values(note=jobs.c.note + "x"))
        tries.append(1)
        if len(tries) == 1:
            connection.connection.dbapi_connection.pgconn.finish()
        return connection.scalar(sa.select(jobs.c.note))

    add(ledger)
    assert database.write(work) == "x"
    assert len(tries) == 2


def test_over_a_bad_network_it_is_the_same(backend, ledger):
    """The bytes of the answer to a COMMIT really get lost."""
    proxy = Proxy(backend.postgresql.port)
    url = sa.make_url(backend.database_url).set(port=proxy.port, query={"sslmode": "disable"})
    database = Database(url.render_as_string(hide_password=False))
    try:
        there = Ledger(database)
        for move in LIFE:
            there.database.query(lambda connection: connection.scalar(sa.select(1)))
            proxy.lose_answers(b"COMMIT")
            move(there)
        assert proxy.lost >= len(LIFE)
        assert ledger.get(JOB).stage == Stage.SUCCEEDED
    finally:
        database.close()
        proxy.close()


def test_a_transaction_that_has_to_give_way_is_repeated(backend, database, ledger):
    """Two processes lock the same two rows, each the other's first."""
    other = Database(backend.database_url)
    add(ledger)
    add(ledger, "c" * 48, "d" * 32)
    both = threading.Barrier(2, timeout=20)
    tries = []

    def write(to, first, second):
        def work(connection):
            tries.append(first)
            for number, job_id in enumerate((first, second)):
                connection.execute(jobs.update().where(jobs.c.id == job_id).values(steps_done=jobs.c.steps_done + 1))
                if number == 0 and len(tries) <= 2:
                    both.wait()

        to.write(work)

    threads = [
        threading.Thread(target=write, args=given)
        for given in [(database, JOB, "c" * 48), (other, "c" * 48, JOB)]
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert [record.steps_done for record in ledger.list()] == [2, 2]
    assert len(tries) == 3


def test_each_process_has_a_row_for_its_commits_and_takes_it_along(backend, database):
    def rows():
        return database.query(lambda connection: len(connection.execute(writers.select()).all()))

    other = Database(backend.database_url)
    assert (other.engine is not None, rows()) == (True, 2)
    other.close()
    assert rows() == 1


def test_who_lost_the_lease_hears_that_and_no_retry(ledger):
    add(ledger)
    started = time.monotonic()
    with pytest.raises(LeaseLost):
        ledger.store(JOB, 7, DELIVERY, StoredArtifact(
            key="k", filename="f", suffix="", media_type="a/b", size_bytes=1, sha256="", report={},
            stored_at=NOW, expires_at=NOW,
        ))  # fmt: skip
    assert time.monotonic() - started < 1


def test_commits_are_durable_also_where_the_server_takes_that_lightly(backend, database):
    database.write(
        lambda connection: connection.exec_driver_sql(f'alter database "{backend.label}" set synchronous_commit = off')
    )
    other = Database(backend.database_url)

    def setting(connection):
        return connection.exec_driver_sql("show synchronous_commit").scalar()

    assert [other.write(setting), other.write_relaxed(setting), other.write(setting)] == ["on", "off", "on"]
    other.close()


def test_a_primary_that_only_reads_for_a_while_is_waited_for(backend, database, ledger):
    """A failover: the old primary is demoted before the name leads to the new one."""
    add(ledger)
    owner = Database(backend.database_url)

    def read_only(value):
        # Its own connection is exempt, and the others are made anew, as by clients of a server that was demoted.
        statement = f'alter database "{backend.label}" set default_transaction_read_only = {value}'
        ending = (
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        with psycopg.connect(
            sa.make_url(backend.database_url).set(drivername="postgresql").render_as_string(hide_password=False),
            autocommit=True, options="-c default_transaction_read_only=off",
        ) as connection:  # fmt: skip
            connection.execute(statement)
            connection.execute(ending)

    read_only("on")
    later = threading.Timer(1.5, read_only, ["off"])
    later.start()
    try:
        assert ledger.get(JOB).stage == Stage.QUEUED
        stored(ledger)
        owner.write_relaxed(lambda connection: connection.execute(jobs.update().values(note="x")))
    finally:
        later.join()
        owner.close()
    assert ledger.get(JOB).stage == Stage.SAVING


@pytest.mark.parametrize(
    ("state", "lost", "transient"),
    [
        ("25006", True, True), ("57P01", True, True), ("57P03", True, True), ("08006", True, True),
        ("53300", True, True), ("57014", False, True), ("40001", False, True), ("55P03", False, True),
        ("23505", False, False), ("53100", False, False), ("42P01", False, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [sa.exc.OperationalError, sa.exc.InternalError, sa.exc.IntegrityError])
def test_the_sqlstate_says_what_to_do(state, lost, transient, kind):
    """Whatever class the driver puts it into."""
    cause = psycopg.Error("x")
    cause.sqlstate = state
    error = kind("select 1", {}, cause)
    assert (is_connection_lost(error), is_transient(error)) == (lost, transient)


def test_no_statement_is_prepared_unless_the_url_says_so(backend):
    """Behind a pooler the next transaction runs on another connection of the server."""
    for query, prepared in (({}, 0), ({"prepare_threshold": "0"}, 1)):
        database = Database(
            sa.make_url(backend.database_url).update_query_dict(query).render_as_string(hide_password=False)
        )
        with database.read() as connection:
            for _ in range(12):
                connection.execute(sa.select(sa.literal(7)))
            found = connection.exec_driver_sql("select count(*) from pg_prepared_statements").scalar()
        database.close()
        assert (found > 0) == prepared


def test_a_look_sees_one_state(backend, database, ledger):
    add(ledger)
    count = sa.select(sa.func.count()).select_from(jobs)
    with database.read() as connection:
        before = connection.scalar(count)
        other = Database(backend.database_url)
        add(Ledger(other), "c" * 48, "d" * 32)
        other.close()
        assert connection.scalar(count) == before == 1


def test_many_processes_may_make_the_tables_at_once(postgresql, backend):
    name = f"{backend.label}-empty"
    postgresql.copy("template1", name)
    try:
        code = f"from bourn.ledger.database import Database; Database({postgresql.url(name)!r}).engine"
        started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
        assert [process.communicate(timeout=120)[1] for process in started] == [b""] * 4
        database = Database(postgresql.url(name))
        assert database.query(
            lambda connection: connection.exec_driver_sql("select version_num from bourn_core_version").fetchall()
        ) == [(LEDGER_MIGRATIONS.head,)]
        database.close()
    finally:
        postgresql.drop(name)


def test_of_processes_that_start_at_once_one_makes_the_key(backend):
    databases = [Database(backend.database_url) for _ in range(8)]
    together, seen = threading.Barrier(8, timeout=20), []

    def give(database):
        assert database.engine is not None
        together.wait()
        seen.append(tuple(SigningKeys(database).all(now=NOW)))

    threads = [threading.Thread(target=give, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in databases:
        database.close()
    assert len(seen) == 8
    assert len(set(seen)) == 1


@pytest.mark.parametrize("room", range(2))
def test_running_out_of_files_for_a_connection_is_reported(backend, ledger, room):
    """The driver itself needs one more than the connection, to wait for an answer."""
    assert ledger.list() == []  # what is imported is imported
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + room, limits[1]))
    try:
        with pytest.raises(LedgerError):
            Database(backend.database_url).engine  # noqa: B018
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    again = Database(backend.database_url)
    assert Ledger(again).list() == []
    again.close()


def test_a_connection_in_use_while_the_database_is_closed_is_closed_when_it_comes_back(backend):
    """Else whatever collects it, at any time, would warn of it."""
    database = Database(backend.database_url)
    with database.read() as connection:
        driver = connection.connection.dbapi_connection
        database.close()
        assert not driver.closed
    assert driver.closed


# -- servers that are not there --------------------------------------------------------------------------------------


def test_a_server_that_comes_back_is_waited_for(own_postgresql):
    database = Database(own_postgresql.url())
    ledger = Ledger(database)
    add(ledger)
    own_postgresql.restart()
    stored(ledger)
    own_postgresql.restart()
    assert ledger.get(JOB).stage == Stage.SAVING
    own_postgresql.stop()
    back = threading.Timer(1, own_postgresql.start)
    back.start()
    postponed(ledger)
    back.join()
    assert ledger.get(JOB).epoch == 2
    database.close()


def test_one_that_stays_away_is_reported_by_name(own_postgresql, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.5)
    database = Database(own_postgresql.url())
    ledger = Ledger(database)
    assert ledger.get("0" * 48) is None
    own_postgresql.stop()
    try:
        for action in (lambda: ledger.get(JOB), lambda: add(ledger, "e" * 48, "e" * 32), ledger.list):
            with pytest.raises(LedgerError) as caught:
                action()
            assert (
                f"the ledger at postgresql+psycopg://postgres:***@127.0.0.1:{own_postgresql.port}/postgres fails: "
                in (caught.value.message)
            )
            assert own_postgresql.password not in caught.value.message
            assert isinstance(caught.value.__cause__, sa.exc.OperationalError)
        started = time.monotonic()
        with pytest.raises(LedgerError):
            Database(own_postgresql.url()).engine  # noqa: B018
        assert time.monotonic() - started < 5  # one that was never there is not waited for
    finally:
        own_postgresql.start()
    assert ledger.get("e" * 48) is None
    database.close()


def test_a_driver_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(
        SettingsError, match=r"'psycopg', which is not installed: pip install 'bourn-core\[postgresql\]'"
    ):
        Database("postgresql+psycopg://u:hush@127.0.0.1/x").engine  # noqa: B018


@pytest.mark.parametrize("url", ["", "ledger.db", "nonsense://x", "postgresql+nothing://u:hush@h/x"])
def test_a_url_that_means_nothing_is_refused(url):
    with pytest.raises(SettingsError) as caught:
        Database(url).engine  # noqa: B018
    assert "hush" not in caught.value.message
    assert "ledger" in caught.value.message or "database_url" in caught.value.message
