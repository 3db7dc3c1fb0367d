"""Killed at the n-th call of each durable system call, for every n: nothing that was acknowledged is lost.

``BOURN_KILL_SWEEP=full`` takes every n of every call; otherwise the many calls of ``write`` and ``pwrite64`` are
sampled, so that the whole takes about a minute.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from bourn import Session, Settings

pytestmark = pytest.mark.deep

FULL = os.environ.get("BOURN_KILL_SWEEP") == "full"
JOBS = 3
RANDOM_KILLS = 100 if FULL else 20

# The calls that the path to a download makes, and of how many one is taken.
CALLS = {"fsync": 1, "fdatasync": 1, "link": 1, "unlink": 1, "mkdir": 1, "write": 3, "pwrite64": 7}
BATCH = 4

CHILD = """
import bourn, sys
for number in range(int(sys.argv[1])):
    job = bourn.compute(number, block=False)
    assert job.result() == number
    print(job.id, number, flush=True)
"""

figures: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def summary():
    yield
    points = {name: figures[name] for name in [*CALLS, "empty home", "random"] if figures[name]}
    counts = ", ".join(f"{name} {count}" for name, count in points.items())
    print(  # noqa: T201  # the figures that PROMISES asks for
        f"\nkill sweep: {sum(points.values())} points ({counts}); {figures['acknowledged']} jobs acknowledged, "
        f"{figures['lost']} lost, {figures['half']} half-visible, {figures['live']} left running"
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A home that is made already: its first job is done."""
    home = tmp_path_factory.mktemp("template") / "home"
    subprocess.run([sys.executable, "-c", CHILD, "1"], env=environment(home), check=True, capture_output=True)
    return home


def environment(home):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOURN_")}
    # One thread: the n-th call is counted by thread. (With --seccomp-bpf strace counts nothing at all.)
    return kept | {"BOURN_HOME": str(home), "BOURN_WORKERS": "1"}


def acknowledged(output):
    """(id, number) of each job whose line was written whole."""
    return [tuple(line.split()) for line in output.decode().split("\n")[:-1]]


def check(home, seen):
    """Recover as the next process would, and look at everything there is."""
    session = Session(Settings(home=str(home)))
    try:
        session.sweep()
        session.engine.drain()
        records = {record.id: record for record in session.services.ledger.list()}
        figures["acknowledged"] += len(seen)
        figures["live"] += sum(not record.stage.done for record in records.values())
        for job_id, number in seen:
            record = records.get(job_id)
            whole = record is not None and record.stage == "SUCCEEDED" and readable(session, record, int(number))
            figures["lost"] += not whole
            assert whole, (job_id, number, record)
        stored = {record.artifact.key for record in records.values() if record.stage == "SUCCEEDED"}
        visible = set(session.store.keys())
        figures["half"] += len(stored ^ visible)
        assert stored == visible
        for record in records.values():
            assert record.stage in {"SUCCEEDED", "FAILED"}, record
            if record.stage == "SUCCEEDED":
                assert hashlib.sha256(session.engine.artifact_of(record).read()).hexdigest() == record.artifact.sha256
            else:
                assert record.artifact is None
                assert "before its artifact was stored" in record.error["message"]
        with session.services.ledger.database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    finally:
        session.close()
    later = Session(Settings(home=str(home)), clock=lambda: datetime.now(UTC) + timedelta(hours=2))
    later.sweep()
    later.close()
    incoming = home / "store" / ".incoming"
    assert not incoming.exists() or list(incoming.iterdir()) == []


def readable(session, record, number):
    linked = session.links.resolve(session.links.token(record.delivery_id))
    return (
        linked.artifact.sha256 == hashlib.sha256(session.engine.artifact_of(record).read()).hexdigest()
        and session.job(record.id).result() == number
    )


def kill_at(strace, home, call, n):
    """Run until the n-th `call`; gives whether the process got so far, and what it had acknowledged."""
    inject = f"inject={call}:signal=SIGKILL:when={n}"
    command = [strace, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
    done = subprocess.run(
        [*command, sys.executable, "-c", CHILD, str(JOBS)],
        env=environment(home), capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return False, acknowledged(done.stdout)
    assert done.returncode in {-signal.SIGKILL, 128 + signal.SIGKILL}, done.stderr.decode()
    return True, acknowledged(done.stdout)


def sweep(strace, tmp_path, call, step, template=None):
    """Kill at every `step`-th n, two processes at a time, until one ends by itself; gives the points."""

    def one(n):
        home = tmp_path / f"{call}-{n}"
        if template is not None:
            shutil.copytree(template, home)
        killed, seen = kill_at(strace, home, call, n)
        check(home, seen)
        shutil.rmtree(home)
        return killed

    points, n = 0, 1
    with ThreadPoolExecutor(2) as pool:
        while True:
            killed = list(pool.map(one, range(n, n + BATCH * step, step)))
            points += sum(killed)
            if not all(killed):
                return points
            n += BATCH * step


@pytest.mark.parametrize("call", CALLS)
def test_a_kill_at_any_call_loses_nothing(strace, template, tmp_path, call, record_property):
    points = sweep(strace, tmp_path, call, 1 if FULL else CALLS[call], template)
    figures[call] += points
    record_property("points", points)
    assert points > 0


@pytest.mark.parametrize("call", ["fsync", "fdatasync", "mkdir", "pwrite64"])
def test_a_kill_while_the_home_is_made_loses_nothing(strace, tmp_path, call, record_property):
    points = 0
    for n in range(1, 40, 1 if FULL else 13 if call == "pwrite64" else 4):
        home = tmp_path / f"{n}"
        killed, seen = kill_at(strace, home, call, n)
        check(home, seen)
        points += killed
        if not killed:
            break
    figures["empty home"] += points
    record_property("points", points)


def test_a_kill_at_any_time_loses_nothing(template, tmp_path, record_property):
    random.seed(0)

    def one(point):
        home = tmp_path / f"{point}"
        shutil.copytree(template, home)
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, "100000"], env=environment(home), stdout=subprocess.PIPE
        ) as process:
            first = process.stdout.readline()
            time.sleep(pauses[point])
            process.kill()
            seen = acknowledged(first + process.stdout.read())
        check(home, seen)
        shutil.rmtree(home)

    pauses = [random.random() * 0.2 for _ in range(RANDOM_KILLS)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(RANDOM_KILLS)))
    figures["random"] += RANDOM_KILLS
    record_property("points", RANDOM_KILLS)
