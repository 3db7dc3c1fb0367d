"""Which processes are dead: by their time of start where somebody tells it, else by their lease."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from bourn.ledger import workers
from bourn.ledger.workers import LEASE, UNKNOWN, machine, process_start

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def row(**more):
    facts = {"machine": machine(), "pid": os.getpid(), "process_start": process_start(os.getpid()), "seen_at": NOW}
    return SimpleNamespace(**facts | more)


def dead(seen_ago=timedelta(), **more):
    return workers._is_dead_here(row(seen_at=NOW - seen_ago, **more), NOW)


def test_this_process_is_alive_however_long_ago_it_was_seen():
    assert not dead(timedelta(days=9))


def test_another_process_with_the_same_pid_is_not_the_one():
    assert dead(process_start=process_start(os.getpid()) + 1)


def test_one_that_is_gone_is_dead():
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    assert dead(pid=int(gone.stdout))


def test_a_zombie_is_dead():
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process_start(child.pid) is None


@pytest.mark.parametrize("hidden", [FileNotFoundError, PermissionError, ProcessLookupError])
def test_where_nobody_tells_when_a_process_started_its_lease_decides(monkeypatch, hidden):
    """Not Linux, or a /proc that hides other people's processes."""

    def read_text(self):
        raise hidden

    monkeypatch.setattr("pathlib.Path.read_text", read_text)
    assert process_start(os.getpid()) == UNKNOWN
    assert not dead(timedelta(days=9), process_start=UNKNOWN)
    other = os.getppid()
    assert not dead(LEASE, pid=other, process_start=UNKNOWN)
    assert dead(LEASE + timedelta(seconds=1), pid=other, process_start=UNKNOWN)
    assert not dead(LEASE, pid=other, process_start=77)
    monkeypatch.setattr(os, "kill", lambda *given: (_ for _ in ()).throw(ProcessLookupError))
    assert process_start(1) is None
