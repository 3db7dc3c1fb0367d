"""Many at once: nothing is lost, nothing happens twice, and a race has one winner."""

import faulthandler
import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from bourn.errors import JobCancelled, JobFailed, LinkInvalid
from bourn.plugin import Receipt

pytestmark = [pytest.mark.slow, pytest.mark.backends("home", "servers")]

DEEP = bool(os.environ.get("BOURN_DEEP"))
THREADS, EACH = 64, 100 if DEEP else 20
RACES = 2000 if DEEP else 400


def together(work, arguments):
    """Run `work` in a thread for each of the arguments; gives what was raised."""
    raised = []

    def run(argument):
        try:
            work(argument)
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    threads = [threading.Thread(target=run, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    return raised


def test_many_threads_lose_nothing_and_do_nothing_twice(make, scripted):
    delivered = Counter()
    scripted.act = lambda artifact, options, context: delivered.update([context.delivery_id]) or Receipt()
    session = make()
    results = {}

    def work(thread):
        for number in range(EACH):
            results[thread, number] = session.compute([thread, number], destination="scripted")

    assert together(work, range(THREADS)) == []
    assert all(results[key] == list(key) for key in results)
    assert len(results) == THREADS * EACH
    assert Counter(delivered.values()) == {1: THREADS * EACH}
    records = session.services.ledger.list()
    assert Counter(record.stage for record in records) == {"SUCCEEDED": THREADS * EACH}
    assert len({record.id for record in records}) == len(list(session.store.keys())) == THREADS * EACH


def test_of_cancel_and_success_one_wins(make, scripted, soon):
    session = make(settings={"workers": 4})
    jobs, won = [], Counter()

    def work(_):
        for _ in range(RACES // 8):
            job = session.compute(2, destination=random.choice(["download", "scripted"]), block=False)
            jobs.append(job)
            time.sleep(random.random() * 0.03)
            asked = job.cancel()
            try:
                assert job.result(60) == 2
                won["SUCCEEDED"] += 1
            except JobCancelled:
                assert asked
                won["CANCELLED"] += 1

    assert together(work, range(8)) == []
    kept = {key.split("/")[0] for key in session.store.keys()}  # noqa: SIM118  # it is no mapping
    for job in jobs:
        record = session.engine.record_of(job.id)
        token = session.links.token(record.delivery_id)
        if record.stage == "SUCCEEDED":
            assert session.links.resolve(token).job_id == job.id
            assert job.id in kept
        else:
            assert (record.stage, record.receipt, record.error) == ("CANCELLED", None, None)
            assert job.id not in kept
            with pytest.raises(LinkInvalid):
                session.links.resolve(token)
    assert sum(won.values()) == len(jobs) == RACES // 8 * 8
    assert session.engine.running == {}
    print(f"\n{len(jobs)} races of cancel against success: {dict(won)}")  # noqa: T201  # a figure to report


def test_sessions_of_many_processes_share_a_ledger(home, make):
    code = "import bourn; [bourn.compute(n) for n in range(10)]"
    started = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate(timeout=120)[1] for process in started] == [b""] * 4
    assert Counter(job.stage for job in make().jobs(limit=None)) == {"SUCCEEDED": 40}


def test_jobs_of_jobs_do_not_wait_for_a_thread_for_ever(make):
    session = make(settings={"workers": 2})

    def inner(depth):
        return depth if not depth else session.compute(inner, depth=depth - 1) + depth

    outer = [session.compute(inner, depth=3, block=False) for _ in range(4)]
    assert [job.result(30) for job in outer] == [6] * 4


# -- fork and spawn ----------------------------------------------------------------------------------------------


def forked(work, seconds=60):
    """What `work` does in a forked child: its exit status, 0 where it went well."""
    pid = os.fork()
    if pid == 0:
        faulthandler.dump_traceback_later(seconds * 0.9)
        try:
            work()
        except BaseException:  # noqa: BLE001
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return "it hangs"


def test_a_forked_child_runs_its_own_jobs_and_leaves_its_parents_alone(make, gate):
    session = make()
    assert session.compute(1) == 1
    running = session.compute(gate.wait, block=False)
    assert gate.started.wait(60)

    def child():
        assert session.compute(2) == 2
        assert session.engine.running_job(running.id) is None
        assert running.refresh().stage in {"QUEUED", "PREPARING", "RUNNING"}
        assert [session.compute(number) for number in range(5)] == list(range(5))
        session.close()

    assert forked(child) == 0
    gate.go.set()
    assert running.result() == 1
    assert session.compute(3) == 3
    assert Counter(record.stage for record in session.services.ledger.list()) == {"SUCCEEDED": 9}


def test_children_forked_amid_a_storm_neither_hang_nor_harm(make, backend):
    session = make(settings={"workers": 4})
    session.compute(0)
    over, done = threading.Event(), []

    def storm(_):
        while not over.is_set():
            done.append(session.compute(1))

    threads = [threading.Thread(target=storm, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()

    def child():
        assert [session.compute(number) for number in range(3)] == [0, 1, 2]

    try:
        codes = [forked(child) for _ in range(10)]
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert codes == [0] * 10
    records = session.services.ledger.list()
    assert Counter(record.stage for record in records) == {"SUCCEEDED": len(done) + 1 + 30}
    if backend.name == "home":
        with session.services.ledger.database.read() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_a_forked_child_that_ends_like_any_process(home, make):
    """Its interpreter waits for its jobs, too, and closes nothing of its parent's."""
    code = """
import bourn, os, sys
assert bourn.compute(1) == 1
pid = os.fork()
if pid == 0:
    bourn.compute(lambda: __import__("time").sleep(0.5) or 2, block=False)
    sys.exit()
status = os.waitpid(pid, 0)[1]
assert status == 0, status
assert bourn.compute(3) == 3
print(sorted(job.result() for job in bourn.jobs()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("[1, 2, 3]\n", "")


def _spawned(number):
    import bourn

    return bourn.compute(number)


def test_spawned_processes_have_sessions_of_their_own(home):
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import multiprocessing
from test_races import _spawned
if __name__ == "__main__":
    import bourn
    bourn.compute(0)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(_spawned, range(6)))
"""
    path = home.parent / "main.py"
    path.write_text(code)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "[0, 1, 2, 3, 4, 5]\n", done.stderr
    assert multiprocessing


# -- what fails beneath ---------------------------------------------------------------------------------------------


def test_ctrl_c_while_submitting_leaves_nothing_queued(make, monkeypatch):
    session = make()
    session.compute(1)
    monkeypatch.setattr(session.engine, "_registered", lambda *given, **more: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        session.compute(2)
    monkeypatch.undo()
    assert sorted(job.stage for job in session.jobs()) == ["CANCELLED", "SUCCEEDED"]
    assert session.engine.running == {}


def test_ctrl_c_at_any_moment_leaves_no_job_behind(home, make):
    """Interrupted again and again in the midst of it: each job that was written down comes to its end."""
    code = """
import bourn, _thread, random, threading, time
bourn.compute(0)
def interrupt():
    go.wait()
    for _ in range(60):
        time.sleep(random.random() * 0.02)
        _thread.interrupt_main()
    over.append(1)
over, caught, go = [], 0, threading.Event()
threading.Thread(target=interrupt).start()
while not over:
    try:
        go.set()
        while not over:
            try:
                assert bourn.compute(1) == 1
            except KeyboardInterrupt:
                caught += 1
        time.sleep(0.3)
    except KeyboardInterrupt:
        caught += 1
assert bourn.compute(5) == 5
for _ in range(600):
    left = sorted({job.stage for job in bourn.jobs(limit=None)} - {"SUCCEEDED", "CANCELLED"})
    if not left:
        break
    time.sleep(0.1)
print(left, caught > 5)
"""
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=280, check=False)
        assert done.stdout == "[] True\n", done.stderr[-2000:]


def test_a_fault_of_our_own_ends_the_job(make, monkeypatch):
    from bourn.job.job_group import JobGroup

    session = make()
    session.compute(1)

    def broken(*given):
        raise RuntimeError("ours")

    monkeypatch.setattr(JobGroup, "run", broken)
    with pytest.raises(JobFailed, match="ours"):
        session.compute(2, timeout=60)
    assert session.engine.running == {}


def test_an_earlier_try_that_ends_late_does_not_take_the_next_one_with_it(make):
    """Whose member is gone from the engine's book can't be cancelled any more."""
    from bourn.job.running_job import RunningJob

    session = make()
    plan = session.compute(1, block=False).wait().plan
    engine = session.engine
    earlier, later = (
        RunningJob(job_id="j", delivery_id="d", epoch=epoch, plan=plan, principal="a", filename="x") for epoch in (1, 2)
    )
    earlier.release()
    run = engine._current
    run.running["j"] = later
    engine._forget(run, [earlier])
    assert engine.running_job("j") is later
    later.release()
    engine._forget(run, [later])
    assert engine.running_job("j") is None
