"""Killed, or refused by the system, at one call after the other: nothing is lost, nothing is half.

`strace` does it for real. A process is killed at the n-th call (over a folder: `journey/test_kill_sweep.py`); or
every n-th call of a kind fails, and the process goes on: each job comes to be whole, or says in a typed error that it
failed. ``BOURN_DEEP=1`` begins at every n.
"""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from bourn import Session, Settings

pytestmark = [pytest.mark.backends("home", "servers"), pytest.mark.timeout(900)]

DEEP = bool(os.environ.get("BOURN_DEEP"))

# What it says goes out by `writev`, which is not among the calls that fail.
CHILD = """
import bourn, os, resource, sys, time
def say(*words):
    os.writev(1, [" ".join(map(str, words)).encode() + b"\\n"])
say("begins")
number = 0
for number in range(int(sys.argv[1])):
    job = None
    if len(sys.argv) > 2:
        limit(number)
    try:
        job = bourn.compute(number, block=False)
        assert job.result(60) == number
        say("acknowledged", job.id, number)
    except bourn.errors.BournError as error:
        say("refused", type(error).__name__, "by", repr(str(error)))
say("ends")
"""

FILES = """
# Ever fewer files may be open: opening the next one fails, whoever opens it.
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
def limit(number):
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if number % 2:
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + number // 2 % 8, hard))
"""

SIZE = """
# No file may become longer than that: the ledger's log, or the artifact.
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
def limit(number):
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    if number % 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, ([100, 5_000, 50_000, 100_000][number // 2 % 4], hard))
"""

KILLED = {"sendto": 12, "writev": 3}
FAILS = {
    "home": [
        ("pwrite64", "ENOSPC", 7), ("pwrite64", "EIO", 11), ("write", "ENOSPC", 2), ("fsync", "EIO", 5),
        ("fdatasync", "EIO", 4), ("link", "EMLINK", 3), ("mkdir", "ENOSPC", 3), ("unlink", "EIO", 3),
    ],
}  # fmt: skip

figures: Counter[tuple[str, str]] = Counter()


@pytest.fixture(scope="module", autouse=True)
def summary():
    yield
    for name in ("home", "servers"):
        count = {
            what: figures[name, what] for what in ("kills", "failing calls", "acknowledged", "refused", "lost", "half")
        }
        print(f"\nsweeps over {name}: " + ", ".join(f"{number} {what}" for what, number in count.items()))  # noqa: T201


@pytest.fixture(scope="module")
def strace():
    found = shutil.which("strace")
    if found is None:
        assert not os.environ.get("CI"), "this needs strace, and is never skipped in CI"
        pytest.skip("strace is not installed: apt-get install strace")
    return found


@pytest.fixture
def run(backend, home, tmp_path):
    """Runs the child over the back end, under `strace` or not; gives its exit status and what it said."""

    def run(code, jobs, *more, under=()):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("BOURN_")}
        environment |= backend.environment | {
            "BOURN_HOME": str(home), "BOURN_WORKERS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        done = subprocess.run(
            [*under, sys.executable, "-c", code, str(jobs), *more],
            env=environment, capture_output=True, timeout=280, check=False,
        )  # fmt: skip
        return done.returncode, [line.split(maxsplit=3) for line in done.stdout.decode().split("\n")[:-1]], done.stderr

    run(CHILD, 1)  # tables and keys are made
    return run


def injecting(strace, log, what):
    """The command before a command that has calls fail, or kill."""
    return [strace, "-f", "-qq", "-o", log, "-e", f"trace={what.partition(':')[0]}", "-e", f"inject={what}"]


@pytest.fixture
def check(backend, home):
    """Recovers as the next process would, and looks at everything there is."""

    def check(said):
        seen = [(line[1], int(line[2])) for line in said if line[0] == "acknowledged"]
        session = Session(Settings(home=str(home), **backend.settings))
        with contextlib.closing(session):
            session.sweep()
            session.engine.drain()
            records = {record.id: record for record in session.services.ledger.list()}
            lost = [
                job for job, number in seen
                if job not in records or records[job].stage != "SUCCEEDED" or session.job(job).result() != number
            ]  # fmt: skip
            stored = {record.artifact.key for record in records.values() if record.stage == "SUCCEEDED"}
            half = stored ^ set(session.store.keys())
            figures[backend.name, "acknowledged"] += len(seen)
            figures[backend.name, "refused"] += sum(line[0] == "refused" for line in said)
            figures[backend.name, "lost"] += len(lost)
            figures[backend.name, "half"] += len(half)
            assert (lost, half) == ([], set())
            for record in records.values():
                assert record.stage in {"SUCCEEDED", "FAILED", "CANCELLED"}, record
                if record.stage == "SUCCEEDED":
                    assert hashlib.sha256(session.home.artifact_of(record).read()).hexdigest() == record.artifact.sha256
            assert session.compute(5) == 5  # no restart is needed
        later = Session(
            Settings(home=str(home), **backend.settings), clock=lambda: datetime.now(UTC) + timedelta(hours=2)
        )
        with contextlib.closing(later):
            later.sweep()
        assert backend.left_behind() == []

    return check


@pytest.mark.backends("servers")
def test_a_kill_at_any_call_loses_nothing(strace, backend, run, check, record_property):
    points = 0
    for call, step in KILLED.items():
        for n in range(1, 1000, 1 if DEEP else step):
            under = injecting(strace, "/dev/null", f"{call}:signal=SIGKILL:when={n}")
            status, lines, stderr = run(CHILD, 2, under=under)
            if status == 0:
                break
            assert status in {-signal.SIGKILL, 128 + signal.SIGKILL}, stderr.decode()
            points += 1
            figures[backend.name, "kills"] += 1
            check(lines)
    record_property("points", points)
    assert points > 0


@pytest.mark.backends("home")
def test_calls_that_fail_lose_nothing(strace, backend, run, check, tmp_path, record_property):
    failed = 0
    for call, error, step in FAILS[backend.name]:
        for first in range(1, step + 1, 1 if DEEP else step):
            log = tmp_path / "strace"
            under = injecting(strace, log, f"{call}:error={error}:when={first}+{step}")
            status, said, stderr = run(CHILD, 12, under=under)
            failed += len(re.findall(r"\(INJECTED\)", log.read_text(errors="replace")))
            assert (status, said[-1:]) == (0, [["ends"]]), (call, error, stderr.decode()[-3000:])
            check(said)
    figures[backend.name, "failing calls"] += failed
    record_property("points", failed)
    assert failed > 0


@pytest.mark.backends("home")
@pytest.mark.parametrize("limit", [FILES, SIZE], ids=["EMFILE", "EFBIG"])
def test_limits_of_the_process_lose_nothing(backend, run, check, limit):
    """Every second job meets the limit; the others find it gone, and no restart was needed."""
    status, said, stderr = run(CHILD.replace('say("begins")', limit), 33, "limited")
    assert (status, said[-1:]) == (0, [["ends"]]), stderr.decode()[-3000:]
    whole = {int(line[2]) for line in said if line[0] == "acknowledged"}
    assert whole >= set(range(0, 33, 2))
    check(said)
