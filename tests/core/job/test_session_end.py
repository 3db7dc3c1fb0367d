"""The end of a session: closed amid work, by its own jobs, or dropped."""

import gc
import os
import threading
import time
import weakref

import bourn
import pytest
from bourn.errors import BournError, LedgerError
from bourn.plugin import Transient


def test_closing_returns_while_others_go_on_computing(make, soon):
    session = make()
    over, foreign, done = threading.Event(), [], []

    def compute():
        while not over.is_set():
            try:
                done.append(session.compute(1))
            except BournError:
                time.sleep(0.01)
            except BaseException as error:  # noqa: BLE001
                foreign.append(error)

    threads = [threading.Thread(target=compute) for _ in range(4)]
    for thread in threads:
        thread.start()
    soon(lambda: done, 60)
    try:
        for _ in range(3):
            closing = threading.Thread(target=session.close)
            closing.start()
            closing.join(30)
            assert not closing.is_alive()
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert foreign == []
    assert {job.stage for job in session.jobs(limit=None)} == {"SUCCEEDED"}


def test_closing_waits_for_what_was_there(make, gate):
    session = make()
    job = session.compute(gate.wait, block=False)
    assert gate.started.wait(60)
    threading.Timer(0.3, gate.go.set).start()
    session.close()
    assert session.engine.record_of(job.id).stage == "SUCCEEDED"
    assert session.compute(2) == 2


@pytest.mark.parametrize("by", ["its thread", "a task of dask"])
def test_a_job_that_closes_its_own_session_ends(make, by):
    dask = pytest.importorskip("dask")
    session = make()

    def close():
        session.close()
        return 5

    assert session.compute(close if by == "its thread" else dask.delayed(close)(), timeout=60) == 5


def test_jobs_of_dask_whose_tasks_compute_do_not_wait_for_ever(make):
    dask = pytest.importorskip("dask")
    session = make(settings={"workers": 2})
    sums = [dask.delayed(sum)([dask.delayed(session.compute)(number) for number in range(4)]) for _ in range(3)]
    jobs = [session.compute(each, block=False) for each in sums]
    assert [job.result(timeout=60) for job in jobs] == [6, 6, 6]


@pytest.mark.slow
@pytest.mark.parametrize("block", [True, False])
def test_jobs_whose_threads_compute_do_not_wait_for_ever(make, block):
    """Nobody knows that these threads work for a job: what they wait for runs once nothing else goes on."""
    session = make(settings={"workers": 2})

    def work():
        found = []

        def compute(number):
            found.append(session.compute(number) if block else session.compute(number, block=False).result())

        threads = [threading.Thread(target=compute, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(found)

    jobs = [session.compute(work, block=False) for _ in range(2)]
    assert [job.result(timeout=90) for job in jobs] == [3, 3]


def open_files():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # the folder changes while it is read


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")  # noqa: PTH112
def test_sessions_that_are_dropped_give_threads_and_files_back(tmp_path, soon):
    def use(number):
        session = bourn.Session(home=str(tmp_path / str(number)))
        assert session.compute(number) == number
        return weakref.ref(session)

    use("first")
    gc.collect()
    threads, files = threading.active_count(), open_files()
    dropped = [use(number) for number in range(8)]
    gc.collect()
    soon(lambda: gc.collect() >= 0 and not any(reference() for reference in dropped), 30)
    soon(lambda: threading.active_count() <= threads and open_files() <= files, 30)


@pytest.mark.slow
def test_a_job_outlives_the_name_of_its_session(tmp_path):
    job = bourn.Session(home=str(tmp_path)).compute(lambda: time.sleep(0.3) or 5, block=False)
    gc.collect()
    assert job.result() == 5
    assert job.refresh().stage == "SUCCEEDED"


def test_a_session_with_a_delivery_that_is_due_starts_nothing_while_it_closes(make, scripted, gate):
    """Its maintenance looked for due deliveries once more, and started the engine again to carry them."""

    def later(*_):
        raise Transient("later", retry_after=0.3)

    scripted.act = later
    session = make()
    session.compute(2, destination="scripted", block=False)
    session.compute(gate.wait, block=False)
    assert gate.started.wait(60)
    closing = threading.Thread(target=session.close)
    closing.start()
    time.sleep(1)
    started = session.engine._current
    gate.go.set()
    closing.join(60)
    assert started is None


def test_what_fails_at_each_round_is_logged_once(make, caplog, monkeypatch):
    session = make()
    session.compute(2, destination="scripted")
    maintenance = session.engine._current.maintenance

    def refuse():
        raise LedgerError("out of reach")

    monkeypatch.setattr(maintenance, "_carry_due", refuse)
    for _ in range(3):
        maintenance._check_due.set()
        maintenance.work()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        "maintenance of jobs failed; it tries again"
    ]
