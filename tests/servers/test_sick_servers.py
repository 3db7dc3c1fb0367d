"""Servers whose own calls fail: the disk of the database, the network of the object gateway, the room of an account.

`strace` has every n-th call of a kind fail in each of their processes or threads, while another process carries
out jobs. Afterwards the servers are well, and nothing is lost, nothing is half. ``BOURN_DEEP=1`` begins at every n.
"""

import contextlib
import os
import threading

import pytest

from servers.sweep import CHILD, figures, injected, injecting

pytestmark = [pytest.mark.deep, pytest.mark.backends("servers"), pytest.mark.timeout(3600)]

DEEP = bool(os.environ.get("BOURN_DEEP"))
JOBS = 10

# A log that can't be written or synchronised crashes PostgreSQL, which recovers; the rest fails what was asked for.
DATABASE = [
    ("pwrite64", "ENOSPC", 13), ("fdatasync", "EIO", 9), ("pwrite64", "EIO", 17), ("sendto", "EPIPE", 37),
    ("recvfrom", "ECONNRESET", 41), ("openat", "EMFILE", 29), ("lseek", "EIO", 23),
]  # fmt: skip
# Not its `accept`: a gateway that fails there once does not answer again, and says nothing either.
GATEWAY = [("sendmsg", "EIO", 31), ("recvfrom", "ECONNRESET", 2), ("sendmsg", "ENOSPC", 37)]
SAMPLED = 3
"""So many kinds at the database, and one point of each, where not all are taken."""


@contextlib.contextmanager
def kept_up(server):
    """Have the server started, and well, should it end: it can't always recover while its calls fail."""
    over = threading.Event()

    def look():
        while not over.wait(0.2):
            if not server.runs:
                server.start()

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()


def firsts(step):
    return range(1, step + 1) if DEEP else [step]


def test_a_database_whose_calls_fail_loses_nothing(strace, backend, own_postgresql, run, check, record_property):
    backend.move(own_postgresql)
    run(CHILD, 1)  # its tables are made
    failed = 0
    for call, error, step in DATABASE if DEEP else DATABASE[:SAMPLED]:
        for first in firsts(step):
            log = own_postgresql.folder / f"{call}-{error}-{first}"
            own_postgresql.stop("fast")
            own_postgresql.start([*injecting(strace, log, f"{call}:error={error}:when={first}+{step}"), "-D"])
            with kept_up(own_postgresql):
                status, said, stderr = run(CHILD, JOBS)
            with contextlib.suppress(Exception):
                own_postgresql.stop()
            own_postgresql.start()
            failed += injected(log)
            assert (status, said[-1:]) == (0, [["ends"]]), (call, error, first, stderr.decode()[-3000:])
            check(said)
    figures[backend.name, "failing calls"] += failed
    record_property("points", failed)
    assert failed > 0


def test_an_object_gateway_whose_calls_fail_loses_nothing(strace, backend, run, check, tmp_path, record_property):
    failed = 0
    for call, error, step in GATEWAY:
        for first in firsts(step):
            log = tmp_path / f"{call}-{error}-{first}"
            with backend.s3.second_gateway(injecting(strace, log, f"{call}:error={error}:when={first}+{step}")) as port:
                if port is None:
                    continue
                status, said, stderr = run(CHILD, JOBS, **backend.through("s3", port))
            failed += injected(log)
            assert (status, said[-1:]) == (0, [["ends"]]), (call, error, first, stderr.decode()[-3000:])
            check(said)
    figures[backend.name, "failing calls"] += failed
    record_property("points", failed)
    assert failed > 0


def test_an_account_without_room_fails_the_jobs_and_with_room_the_next_one_works(backend, home, session_of):
    """ENOSPC, as an object service has it."""
    from bourn.errors import JobFailed

    poor = backend.s3.of_another(objects=3)
    session = session_of(settings={"store_url": f"s3://{poor.bucket}/x", "store_options": poor.options})
    jobs = [session.compute(number, block=False) for number in range(3)]
    assert [job.result(60) for job in jobs] == [0, 1, 2]
    for number in range(3):
        with pytest.raises(JobFailed, match="no more room for this account"):
            session.compute(number)
    assert len(list(session.store.keys())) == 3
    backend.s3.allow(poor, objects=5)
    assert [session.compute(number) for number in range(2)] == [0, 1]
    assert [job.result() for job in jobs] == [0, 1, 2]
