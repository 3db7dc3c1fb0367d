"""Killed at the n-th call of each durable system call of the mail step: nobody is left without a message, nobody gets
a second copy unless the kill fell between the end of a message and the server's answer being written down.

``BOURN_KILL_SWEEP=full`` takes every n of every call; otherwise the many are sampled.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

import pytest
from bourn import Session, Settings
from bourn_email.connections import close_all
from flaky import Flaky

pytestmark = pytest.mark.deep

FULL = os.environ.get("BOURN_KILL_SWEEP") == "full"
JOBS = 2 if FULL else 1
TO = ["me@example.org", "you@example.org"]

# The calls of the way from an artifact to an inbox, and of how many one is taken.
CALLS = {"sendto": 3, "recvfrom": 1, "fdatasync": 2, "fsync": 3, "pwrite64": 31}

CHILD = f"""
import bourn
for number in range({JOBS}):
    destination = {{"type": "email", "to": {TO}}}
    job = bourn.compute(number, destination=destination, format="json", block=False)
    job.wait()
    print(job.id, flush=True)
"""

figures = Counter()


@pytest.fixture(scope="module", autouse=True)
def summary():
    yield
    points = ", ".join(f"{call} {figures[call]}" for call in (*CALLS, "held") if figures[call])
    reported = ", ".join(
        f"{figures[name]} {name}" for name in ("missing", "in the window", "beyond it", "copies", "dead")
    )
    reported += f", {figures['copies when held']} copies when held"
    print(f"\nkill sweep of the mail step: {points} points; {reported}")  # noqa: T201  # the figures that PROMISES asks for


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A home that is made already."""
    home = tmp_path_factory.mktemp("template") / "home"
    session = Session(Settings(home=str(home)))
    session.compute(1)
    session.close()
    return home


def environment(home, server, on_unknown):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOURN_")}
    return kept | {
        "BOURN_HOME": str(home), "BOURN_WORKERS": "1", "BOURN_EMAIL__URL": server.url,
        "BOURN_EMAIL__ON_UNKNOWN": on_unknown,
    }  # fmt: skip


def kill_at(strace, home, server, call, n, on_unknown):
    """Run until the n-th `call`; gives whether the process got so far."""
    inject = f"inject={call}:signal=SIGKILL:when={n}"
    command = [strace, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject, sys.executable, "-c", CHILD]
    done = subprocess.run(
        command, env=environment(home, server, on_unknown), capture_output=True, timeout=120, check=False
    )
    assert done.returncode in {0, -signal.SIGKILL, 128 + signal.SIGKILL}, done.stderr.decode()
    return done.returncode != 0


@contextmanager
def recovered(home, server, on_unknown):
    """As the next process finds it: the jobs before, and then a session that has carried on."""
    given = {"url": server.url, "on_unknown": on_unknown}
    session = Session(Settings(home=str(home), plugins={"email": given}))
    try:
        yield {record.id: record for record in session.services.ledger.list()}, session
    finally:
        session.close()
        close_all()


def check(home, server, on_unknown):
    kept_before = Counter(kept.id for kept in server.kept)
    with recovered(home, server, on_unknown) as (before, session):
        session.sweep()
        session.engine.drain()
        after = {record.id: record for record in session.services.ledger.list()}
        kept = Counter(each.id for each in server.kept)
        expected = set()
        for job_id, record in after.items():
            if record.plan["destination"]["type"] != "email":
                continue
            assert record.stage in {"SUCCEEDED", "FAILED"}
            if record.artifact is None:
                continue  # it died before there was anything to write home about
            figures["dead"] += session.links.resolve(session.links.token(record.delivery_id)).artifact is None
            ids = ids_of(record.delivery_id)
            expected |= set(ids.values())
            written_down = before[job_id].checkpoint.get("sent", {})
            for to, id_ in ids.items():
                held = on_unknown == "hold" and record.stage == "FAILED" and f"whether {to} has it" in str(record.error)
                if not held:
                    figures["missing"] += kept[id_] == 0
                    assert kept[id_] >= 1, (record, to)
                window = kept_before[id_] == 1 and to not in written_down and before[job_id].stage == "SAVING"
                figures["in the window"] += window
                if kept[id_] > 1:
                    figures["copies when held" if on_unknown == "hold" else "copies"] += 1
                    figures["beyond it"] += not window
                    assert window, (record, to)
                    assert kept[id_] == 2
                    assert on_unknown == "resend"
        assert set(kept) <= expected


def ids_of(delivery_id):
    from bourn_email.message import message_id

    return {to: message_id(delivery_id, to, "bourn@localhost") for to in TO}


def points_of(strace, template, tmp_path, call, step, on_unknown):
    points, n = 0, 1
    while True:
        home = tmp_path / f"{call}-{n}"
        shutil.copytree(template, home)
        with Flaky().running() as server:
            killed = kill_at(strace, home, server, call, n, on_unknown)
            check(home, server, on_unknown)
        shutil.rmtree(home)
        if not killed:
            return points
        points += 1
        n += step


@pytest.mark.timeout(3000 if FULL else 300)
@pytest.mark.parametrize("call", CALLS)
def test_a_kill_at_any_call_makes_no_copy_beyond_the_window(strace, template, tmp_path, call):
    points = points_of(strace, template, tmp_path, call, 1 if FULL else CALLS[call], "resend")
    figures[call] += points
    assert points > 0
    assert call != "recvfrom" or figures["in the window"]  # else it has not looked where it matters


@pytest.mark.timeout(3000 if FULL else 300)
def test_where_it_is_held_no_kill_makes_a_copy(strace, template, tmp_path):
    step = 1 if FULL else 2
    points = sum(points_of(strace, template, tmp_path, call, step, "hold") for call in ("recvfrom", "fdatasync"))
    figures["held"] += points
    assert points > 0
