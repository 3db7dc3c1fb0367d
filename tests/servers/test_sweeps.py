"""Killed, or refused by the system, at one call after the other: nothing is lost, nothing is half.

`strace` does it for real. A process is killed at the n-th call (over a folder: `journey/test_kill_sweep.py`); or
every n-th call of a kind fails, and the process goes on: each job comes to be whole, or says in a typed error that it
failed. A call that sends is not among them: a system whose sending fails has lost the connection, both ways, so
a proxy breaks it off for real. ``BOURN_DEEP=1`` begins at every n. (What fails at the servers: `test_sick_servers.py`.)
"""

import os
import random
import signal

import pytest

from servers.proxy import Proxy
from servers.sweep import CHILD, SAYING, figures, injected, injecting, knowing

DEEP = bool(os.environ.get("BOURN_DEEP"))

pytestmark = [pytest.mark.deep, pytest.mark.backends("home", "servers"), pytest.mark.timeout(3600 if DEEP else 900)]

FILES = """
# Ever fewer files may be open: opening the next one fails, in whatever code.
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

BIG = """
# Beyond bourn.store.objects.PART_BYTES: sent in parts.
def value(number):
    return random.Random(number).randbytes(9_000_000)
"""

JOBS = {"home": 12, "servers": 8}
KILLED = {"sendto": 12, "writev": 3}

BREAKS = "recvfrom:error=ECONNRESET:when=40+23"
"""So that there is something to connect to again."""

FAILS = {
    "home": [
        ("pwrite64", "ENOSPC", 7), ("pwrite64", "EIO", 11), ("write", "ENOSPC", 2), ("fsync", "EIO", 5),
        ("fdatasync", "EIO", 4), ("link", "EMLINK", 3), ("mkdir", "ENOSPC", 3), ("unlink", "EIO", 3),
    ],
    "servers": [
        ("recvfrom", "ECONNRESET", 43), ("recvfrom", "EIO", 37), ("writev", "EIO", 3), ("writev", "EPIPE", 4),
        ("socket", "EMFILE", 4, BREAKS), ("connect", "ECONNREFUSED", 4, BREAKS), ("epoll_create1", "EMFILE", 3, BREAKS),
    ],
}  # fmt: skip

BROKEN = [("postgresql", "request", 41), ("postgresql", "answer", 43), ("s3", "request", 4), ("s3", "answer", 5)]


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


def test_calls_that_fail_lose_nothing(strace, backend, run, check, tmp_path, record_property):
    failed = 0
    for call, error, step, *more in FAILS[backend.name]:
        for first in range(1, step + 1, 1 if DEEP else step):
            log = tmp_path / "strace"
            under = injecting(strace, log, f"{call}:error={error}:when={first}+{step}", *more)
            status, said, stderr = run(SAYING[backend.name], JOBS[backend.name], under=under)
            failed += injected(log)
            assert (status, said[-1:]) == (0, [["ends"]]), (call, error, first, stderr.decode()[-3000:])
            check(said)
    figures[backend.name, "failing calls"] += failed
    record_property("points", failed)
    assert failed > 0


@pytest.mark.backends("servers")
@pytest.mark.parametrize(("server", "what", "step"), BROKEN)
def test_connections_that_break_lose_nothing(backend, run, check, server, what, step):
    proxy = Proxy(getattr(backend, server).port)
    through = backend.through(server, proxy.port)
    try:
        for first in range(1, step + 1, 1 if DEEP else step):
            proxy.break_off(what, first, step)
            status, said, stderr = run(CHILD, JOBS[backend.name], **through)
            assert (status, said[-1:]) == (0, [["ends"]]), (first, stderr.decode()[-3000:])
            check(said)
    finally:
        proxy.close()
    figures[backend.name, "broken connections"] += proxy.lost
    assert proxy.lost > 0


@pytest.mark.parametrize("limit", [FILES, SIZE], ids=["EMFILE", "EFBIG"])
def test_limits_of_the_process_lose_nothing(backend, run, check, limit):
    """Every second job meets the limit; the others find it gone, and no restart was needed."""
    limited(limit if backend.name == "home" else BIG + limit, run, check)


def limited(code, run, check):
    """What was said where jobs were refused."""
    status, said, stderr = run(knowing(code), 33, "limited")
    assert (status, said[-1:]) == (0, [["ends"]]), stderr.decode()[-3000:]
    whole = {int(line[2]) for line in said if line[0] == "acknowledged"}
    assert whole >= set(range(0, 33, 2))
    check(said, (lambda number: random.Random(number).randbytes(9_000_000)) if BIG in code else lambda number: number)
    return " ".join(line[-1] for line in said if line[0] == "refused")
