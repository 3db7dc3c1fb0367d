"""Small jobs into download, durable: one after the other beside the same by hand, and from many threads.

By hand (1,000 jobs): the same files fsync'd and the same commits; nothing else: no request is checked, no plan made, no
link signed, no result given back. From 16 threads (10,000 jobs): beside SQLAlchemy Core doing the same commits, in the
same tables and over connections with the same settings; once without files, once with them.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import measure

if TYPE_CHECKING:
    from collections.abc import Callable

JOBS = 1_000
MANY = int(os.environ.get("BENCH_MANY", "10_000"))
THREADS = 16


def by_bourn(home: Path) -> None:
    """`compute(i)`, one after the other, each durable before the next begins."""
    import bourn

    session = bourn.Session(bourn.Settings(home=str(home)))
    session.compute(0)  # imports, tables and keys are made once in the life of a process
    measure.begin()
    for number in range(JOBS):
        assert session.compute(number) == number
    measure.end()
    session.close()


def by_hand(home: Path) -> None:
    """A file written, fsync'd, linked and its folder fsync'd; three commits a job, in WAL mode, synchronous=FULL."""
    import bourn

    session = bourn.Session(bourn.Settings(home=str(home / "sample")))
    session.compute(0)
    (record,) = session.services.ledger.list()
    artifact = session.services.store.local_path(record.artifact.key).read_bytes()
    plan, receipt = json.dumps(record.plan), json.dumps(record.receipt)
    session.close()
    store = home / "store"
    store.mkdir(parents=True)
    connection = sqlite3.connect(home / "by-hand.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("create table jobs (id text primary key, stage text, plan text, created integer, worker text)")
    connection.execute(
        "create table deliveries (id text primary key, job text, key text, size integer, sha256 text, stored integer,"
        " receipt text)"
    )
    connection.execute("create index stages on jobs (stage, worker)")
    connection.execute("create index of_job on deliveries (job)")
    measure.begin()
    for _ in range(JOBS):
        job, delivery = secrets.token_hex(24), secrets.token_hex(16)
        with _transaction(connection):
            connection.execute("insert into jobs values (?, 'QUEUED', ?, 0, 'me')", (job, plan))
            connection.execute("insert into deliveries (id, job) values (?, ?)", (delivery, job))
        _write(store / job, delivery, artifact)
        with _transaction(connection):
            connection.execute("update jobs set stage = 'SAVING' where id = ?", (job,))
            connection.execute(
                "update deliveries set key = ?, size = ?, sha256 = ?, stored = 0 where id = ?",
                (f"{job}/{delivery}", len(artifact), "0" * 64, delivery),
            )
        with _transaction(connection):
            connection.execute("update jobs set stage = 'SUCCEEDED', worker = null where id = ?", (job,))
            connection.execute("update deliveries set receipt = ? where id = ?", (receipt, delivery))
    measure.end()
    connection.close()


def many_by_bourn(home: Path) -> None:
    """`compute(i)` from many threads at once."""
    import bourn

    session = bourn.Session(bourn.Settings(home=str(home), workers=THREADS))
    session.compute(0)

    def work() -> None:
        for number in range(MANY // THREADS):
            assert session.compute(number) == number

    _together(work)
    session.close()


def many_by_core_with_files(home: Path) -> None:
    """The three commits of a job and its file, each durable, from many threads at once; nothing else."""
    many_by_core(home, files=True)


def many_by_core(home: Path, *, files: bool = False) -> None:
    """The three commits of a job, each durable, from many threads at once; no files, and nothing else."""
    import attrs
    import bourn
    import sqlalchemy as sa
    from bourn.ledger.connection import connections
    from bourn.ledger.tables import deliveries, jobs

    session = bourn.Session(bourn.Settings(home=str(home)))
    session.compute(0)
    (record,) = session.services.ledger.list()
    url = session.services.ledger.database.url
    written = session.services.store.local_path(record.artifact.key).read_bytes()
    session.close()
    store = home / "by-hand"
    store.mkdir()
    engine = connections(url)
    now = datetime.now(UTC)
    queued = {
        "group_id": "g", "stage": "QUEUED", "principal": "me", "plan": record.plan, "created_at": now,
        "updated_at": now, "epoch": 1, "steps_done": 0, "steps_total": 0, "note": "", "worker_id": "w",
    }  # fmt: skip
    saving = {"b_was": "QUEUED", "stage": "SAVING", "updated_at": now, "started_at": now}
    ended = {"b_was": "SAVING", "stage": "SUCCEEDED", "updated_at": now, "finished_at": now, "worker_id": None}
    stored = attrs.asdict(record.artifact, recurse=False)
    answered = {"receipt": record.receipt, "expires_at": now}
    add_job, add_delivery = jobs.insert(), deliveries.insert()
    move = jobs.update().where(jobs.c.id == sa.bindparam("b_id"), jobs.c.stage == sa.bindparam("b_was"))
    note = deliveries.update().where(deliveries.c.id == sa.bindparam("b_id"))

    def work() -> None:
        for _ in range(MANY // THREADS):
            job, delivery = secrets.token_hex(24), secrets.token_hex(16)
            with engine.begin() as connection:
                connection.execute(add_job, {"id": job, **queued})
                connection.execute(add_delivery, {"id": delivery, "job_id": job, "attempts": 0})
            if files:
                _write(store / job, delivery, written)
            with engine.begin() as connection:
                connection.execute(move, {"b_id": job, **saving})
                connection.execute(note, {"b_id": delivery, **stored})
            with engine.begin() as connection:
                connection.execute(move, {"b_id": job, **ended})
                connection.execute(note, {"b_id": delivery, **answered})

    _together(work)
    engine.dispose()


def _together(work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    measure.begin()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    measure.end()


class _transaction:  # noqa: N801  # it reads as a statement
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("COMMIT")


def _write(folder: Path, name: str, data: bytes) -> None:
    """The order that loses nothing: file, its name, its folder, and the folder that is new itself."""
    folder.mkdir()
    _sync(folder.parent)
    temporary = folder.parent / f".{name}"
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.link(temporary, folder / name)
    _sync(folder)
    temporary.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


if __name__ == "__main__":
    sides = {
        "bourn": by_bourn, "hand": by_hand, "many-bourn": many_by_bourn, "many-core": many_by_core,
        "many-core-files": many_by_core_with_files,
    }  # fmt: skip
    sides[sys.argv[1]](Path(sys.argv[2]))
