"""1,000 jobs into download, durable, beside the same files fsync'd and the same commits by hand.

The files and the rows are the same ones in number and size; the hand does nothing else: it checks no request, makes no
plan, signs no link, gives no result back.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import sys
from pathlib import Path

import measure

JOBS = 1_000


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
    {"bourn": by_bourn, "hand": by_hand}[sys.argv[1]](Path(sys.argv[2]))
