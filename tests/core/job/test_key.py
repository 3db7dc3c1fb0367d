"""A request with a key is one job, however often it is made, and by whichever process."""

import subprocess
import sys
import threading

import pytest
from bourn.errors import JobFailed, RequestError
from bourn.ledger.tables import job_keys

pytestmark = pytest.mark.backends("home", "servers")


def test_a_second_call_gives_the_first_ones_job_and_computes_nothing(make):
    session, calls = make(), []

    def work():
        calls.append(1)
        return len(calls)

    assert session.compute(work, key="tile 7") == 1
    assert session.compute(work, key="tile 7") == 1
    assert make().compute(work, key="tile 7") == 1
    first, second = (session.compute(work, key="tile 7", block=False) for _ in range(2))
    assert first.id == second.id
    assert session.compute(work, key="tile 8") == 2
    assert session.compute(work) == 3


def test_it_waits_for_a_job_that_runs(make, gate):
    session = make()
    job = session.compute(gate.wait, key="k", block=False)
    assert gate.started.wait(20)
    same = make().compute(gate.wait, key="k", block=False)
    assert same.id == job.id
    gate.go.set()
    assert same.result(30) == 1


def test_a_job_that_failed_or_was_cancelled_leaves_the_key(make):
    session = make()
    with pytest.raises(JobFailed):
        session.compute(lambda: 1 / 0, key="k")
    assert session.compute(lambda: 2, key="k") == 2
    assert session.compute(lambda: 3, key="k") == 2


@pytest.mark.parametrize("key", [f"tile {number}" for number in range(8)])
def test_of_many_at_once_one_computes(make, key):
    """The one that comes second waits for the first one's commit, and sees it."""
    sessions, calls, ids = [make() for _ in range(3)], [], []
    ready = threading.Barrier(12)
    for session in sessions:
        session.compute(0)

    def ask(session):
        ready.wait(30)
        job = session.compute(lambda: calls.append(1), key=key, block=False)
        ids.append(job.wait(60).id)

    threads = [threading.Thread(target=ask, args=(session,)) for session in sessions * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(calls), len(ids), len(set(ids))) == (1, 12, 1)


def test_another_request_under_the_same_key_is_refused(make):
    session = make()
    session.compute(2, key="k", format="json")
    with pytest.raises(RequestError, match=r"key: is that of job .* whose format is .*json"):
        session.compute(2, key="k", format="pyarrow")
    with pytest.raises(RequestError, match="goes with one destination"):
        session.compute(2, key="j", destination=["download", "download"])
    for wrong in ("", "a\nb", "x" * 256, 3):
        with pytest.raises(RequestError, match="key: expected a text"):
            session.compute(2, key=wrong)


def test_keys_are_each_principals_own(make):
    ann, bob = (make(settings={"principal": name}) for name in ("ann", "bob"))
    assert ann.compute(lambda: "ann's", key="k") == "ann's"
    assert bob.compute(lambda: "bob's", key="k") == "bob's"


def test_a_key_is_forgotten_with_its_job(make):
    session = make()
    job = session.compute(2, key="k", block=False).wait(30)
    session.services.link_ledger.forget([job.id])
    with session.services.ledger.database.read() as connection:
        assert connection.execute(job_keys.select()).all() == []
    assert session.compute(3, key="k") == 3


@pytest.mark.backends("home")
@pytest.mark.slow
def test_another_process_gets_the_same_job(home):
    code = "import bourn; print(bourn.compute(lambda: __import__('os').getpid(), key='k'))"
    said = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert said[0].stdout.strip().isdigit()
    assert said[0].stdout == said[1].stdout
