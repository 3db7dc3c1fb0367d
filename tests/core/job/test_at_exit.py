"""The end of the interpreter: jobs that are left behind finish, or are reported and the exit status is not 0."""

import subprocess
import sys
import textwrap

import pytest

KINDS = {
    "a callable": "lambda: __import__('time').sleep(0.3) or 5",
    "tasks of dask": "dask.delayed(sum)([dask.delayed(slow)(n) for n in range(6)])",
    "an array of dask": "dask.array.ones((4, 4), chunks=2).map_blocks(slow, dtype='f8')",
    "a bag of dask, in processes": "dask.bag.from_sequence(range(4), npartitions=2).map(str)",
    "threads and processes that the job imports late": "pools",
    "a job of a job": "lambda: (time.sleep(0.3), bourn.compute(dask.delayed(slow)(2)))[1]",
    "a lazy image": "bourn.Image(dask.array.ones((1, 64, 64), chunks=32).map_blocks(slow, dtype=float))",
}

CODE = """
import time
import bourn, dask, dask.array, dask.bag

def slow(value):
    time.sleep(0.1)
    return value

def pools():
    time.sleep(0.3)
    from concurrent.futures import ThreadPoolExecutor
    from concurrent.futures.process import ProcessPoolExecutor
    found = []
    for pool in ThreadPoolExecutor, ProcessPoolExecutor:
        with pool(2) as threads:
            found += threads.map(abs, [-1, -2])
    return found

job = bourn.compute({result}, block=False{more})
"""


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def stages(home, make):
    return lambda: [job.stage for job in make().jobs()]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_job_that_is_left_behind_finishes(home, stages, kind):
    pytest.importorskip("dask.array")
    more = ', format="geotiff"' if "image" in kind else ""
    assert run(CODE.format(result=KINDS[kind], more=more)) == (0, "", "")
    assert set(stages()) == {"SUCCEEDED"}


@pytest.mark.slow
def test_one_that_fails_unseen_is_reported_and_sets_the_exit_status(home, stages):
    status, _, message = run("import bourn, time; job = bourn.compute(lambda: time.sleep(0.3) or 1 / 0, block=False)")
    assert (status, stages()) == (120, ["FAILED"])
    assert "failed: computing the result failed: ZeroDivisionError" in message


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "session.close()", "del session; gc.collect()"])
def test_one_that_failed_long_before_the_end_is_reported_too(home, before):
    status, _, message = run(
        f"""
        import bourn, gc, time
        session = bourn.Session()
        session.compute(lambda: 1 / 0, block=False)
        time.sleep(0.5)
        {before}
        """
    )
    assert (status, message.count("ZeroDivisionError")) == (120, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "seen",
    [
        "bourn.compute(lambda: 1 / 0)",
        "bourn.compute(lambda: 1 / 0, block=False).wait()",
        "print(bourn.compute(lambda: 1 / 0, block=False).wait())",
        "job = bourn.compute(lambda: 1 / 0, block=False)\nwhile not job.done: pass",
        "job = bourn.compute(lambda: 1 / 0, block=False)\nwhile job.error is None: pass",
        "job = bourn.compute(lambda: time.sleep(1), block=False)\njob.cancel()",
    ],
)
def test_what_the_caller_knows_is_not_reported_again(home, seen):
    body = textwrap.indent(seen, "    ")
    assert run(f"import bourn, time\ntry:\n{body}\nexcept bourn.errors.JobFailed:\n    pass\n") == (
        0, run("print(end='')")[1], "",
    )  # fmt: skip


@pytest.mark.slow
def test_the_status_of_a_script_stays_where_its_jobs_are_well(home, stages):
    assert run("import bourn, time; bourn.compute(lambda: time.sleep(0.3), block=False); raise SystemExit(3)")[0] == 3
    assert stages() == ["SUCCEEDED"]


@pytest.mark.slow
def test_jobs_of_an_atexit_handler_finish(home, stages):
    code = """
    import atexit, bourn, time
    bourn.compute(1)
    @atexit.register
    def end():
        print(bourn.compute(2))
        bourn.compute(lambda: time.sleep(0.2) or 3, block=False)
    """
    assert run(code) == (0, "2\n", "")
    assert stages() == ["SUCCEEDED"] * 3


@pytest.mark.slow
def test_a_delivery_that_waits_for_its_next_try_is_reported(home):
    code = """
    import bourn
    from bourn.plugin import Destination, Transient
    from bourn.plugins.registry import Registry
    from bourn_formats.json import JSON
    class Busy(Destination):
        def deliver(self, artifact, options, context):
            raise Transient("busy", retry_after=600)
    session = bourn.Session(registry=Registry.of(destinations={"busy": Busy}, formats={"json": JSON}))
    session.compute(1, destination="busy", format="json", block=False)
    """
    status, _, message = run(code)
    assert status == 120
    assert "has not ended: it is at SAVING (busy: try 2 in 600 s: busy)" in message


@pytest.mark.slow
def test_a_forked_child_tells_only_of_its_own_jobs(home):
    code = """
    import bourn, os, sys
    failed = bourn.compute(lambda: 1 / 0, block=False)
    pid = os.fork()
    if pid == 0:
        assert bourn.compute(2) == 2
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), failed.error is not None)
    """
    assert run(code) == (0, "0 True\n", "")
