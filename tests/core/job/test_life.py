"""A job's life: its stages, its progress, its ends, from this process and from others."""

import subprocess
import sys
import threading
import time
from datetime import timedelta

import numpy as np
import pytest
from bourn.errors import (
    DeliveryError,
    EncodeError,
    JobCancelled,
    JobFailed,
    JobTimeout,
    LinkExpired,
    ResultRefused,
    UnknownJob,
)
from bourn.plugin import Format, Receipt

pytestmark = pytest.mark.backends("home", "servers")

ORDER = ["QUEUED", "PREPARING", "RUNNING", "SAVING", "SUCCEEDED"]


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


def test_stages_come_in_their_order_and_each_once(make, gate):
    job = make().compute(gate.wait, block=False)
    threading.Timer(0.2, gate.go.set).start()
    seen = [progress.stage for progress in job.watch()]
    assert seen == [stage for stage in ORDER if stage in seen]
    assert seen[-1] == "SUCCEEDED"
    assert "RUNNING" in seen


def test_another_session_watches_the_same_stages(make, gate):
    job = make().compute(gate.wait, block=False)
    other = make().job(job.id)
    threading.Timer(0.8, gate.go.set).start()
    seen = [progress.stage for progress in other.watch()]
    assert list(dict.fromkeys(seen)) == [stage for stage in ORDER if stage in seen]
    assert seen[-2:] != ["SUCCEEDED", "SUCCEEDED"]
    assert "RUNNING" in seen
    assert other.wait().done


def test_what_a_job_says_of_itself(make):
    session = make()
    job = session.compute(2, format="json", block=False)
    assert job.result() == b"2"
    assert job.stage == "SUCCEEDED"
    assert job.done
    assert not job.cancelled
    assert job.error is None
    assert len(job.id) == 48
    assert dict(job.destination) == {"type": "download"}
    assert job.format["type"] == "json"
    assert job.url == job.receipt.url
    assert job.expires_datetime - job.updated_datetime == timedelta(days=10)
    assert job.created_datetime <= job.updated_datetime
    assert job.runtime >= timedelta(0)
    assert (job.progress.stage, str(job.progress)) == (
        "SUCCEEDED", "[######] | Steps: 1/1 | Stage: SUCCEEDED",
    )  # fmt: skip
    assert job.id in repr(job)
    assert job.id in job._repr_html_()


def test_progress_counts_the_tasks_of_dask(make, gate):
    dask = pytest.importorskip("dask")
    graph = dask.delayed(sum)([dask.delayed(abs)(number) for number in range(20)])
    last = dask.delayed(gate.wait)(graph)
    job = make().compute(last, block=False)
    assert gate.started.wait(60)
    halfway = job.progress
    assert (halfway.stage, halfway.done >= 20, halfway.total > halfway.done) == ("RUNNING", True, True)
    gate.go.set()
    assert job.result() == 190
    assert job.progress.done == job.progress.total


class Blocks(Format):
    """Reads an image block by block."""

    kinds, lazy, suffix = ("image",), True, ".blocks"

    def encode(self, result, options, sink):
        for strip in result.strips(rows=10):
            sink.write(np.ascontiguousarray(strip.pixels))
        return {}


def test_progress_counts_the_blocks_of_an_image(make):
    from bourn import Image

    session = make(formats={"blocks": Blocks})
    job = session.compute(Image(np.zeros((1, 35, 8), "uint8")), format="blocks", block=False)
    assert len(job.result()) == 35 * 8
    assert (job.progress.done, job.progress.total) == (4, 4)


def test_more_jobs_than_workers_wait_as_queued(make, gate, soon):
    session = make(settings={"workers": 1})
    first = session.compute(gate.wait, block=False)
    assert gate.started.wait(60)
    others = [session.compute(number, block=False) for number in range(3)]
    assert [job.stage for job in others] == ["QUEUED"] * 3
    soon(lambda: make().job(first.id).stage == "RUNNING")
    assert {job.id for job in session.jobs(stage="queued")} == {job.id for job in others}
    gate.go.set()
    assert [job.result() for job in (first, *others)] == [1, 0, 1, 2]


def test_what_the_callable_raises_is_chained(make):
    def wrong():
        msg = "no such pixel"
        raise KeyError(msg)

    with pytest.raises(JobFailed, match="computing the result failed: KeyError: 'no such pixel'") as caught:
        make().compute(wrong)
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.job.stage == "FAILED"
    assert isinstance(caught.value.job.error, JobFailed)


class Mute(Exception):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), Mute(), MemoryError(), RecursionError()], ids=repr
)
def test_whatever_a_callable_raises_is_its_jobs_failure(make, error):
    def wrong():
        raise error

    with pytest.raises(JobFailed, match=type(error).__name__) as caught:
        make().compute(wrong, timeout=60)
    assert caught.value.__cause__ is error


def test_of_what_fails_to_be_known_another_process_says_the_same(make):
    session = make()
    with pytest.raises(JobFailed) as caught:
        session.compute(lambda: 1 / 0)
    done = run(f"import bourn; bourn.Job.get({caught.value.job.id!r}).result()")
    assert "JobFailed: computing the result failed: ZeroDivisionError" in done.stderr


def test_a_callable_that_gives_what_the_destination_does_not_take(make):
    session = make(formats={"blocks": Blocks})
    with pytest.raises(ResultRefused, match="takes image; this is value"):
        session.compute(lambda: 2, format="blocks")


def test_what_a_format_can_not_express_is_an_encode_error(make):
    class Picky(Format):
        def encode(self, result, options, sink):
            sink.write(b"half of it")
            raise ValueError("not like this")

    session = make(formats={"picky": Picky})
    with pytest.raises(EncodeError, match="encoding as 'picky' failed: ValueError: not like this") as caught:
        session.compute(2, format="picky")
    assert isinstance(caught.value.__cause__, ValueError)
    assert list(session.store.keys()) == []


def test_a_job_is_of_its_own_even_of_equal_bytes(make):
    session = make()
    one, two = session.compute(2, block=False).wait(), session.compute(2, block=False).wait()
    assert one.id != two.id
    assert len(list(session.store.keys())) == 2


def test_an_unknown_job(make):
    with pytest.raises(UnknownJob, match="knows no job"):
        make().job("0" * 48)
    assert make().engine.cancel("0" * 48) is False


def test_after_its_time_a_result_says_when_it_has_expired(make, clock):
    session = make(clock=clock)
    job = session.compute(2, block=False)
    assert job.result() == 2
    clock.move(days=10, microseconds=-1)
    assert job.result() == 2
    clock.move(microseconds=1)
    with pytest.raises(LinkExpired, match="has expired on 2026-01-11 12:00 UTC"):
        job.result()
    session.sweep()
    with pytest.raises(LinkExpired, match="has expired on 2026-01-11 12:00 UTC"):
        session.job(job.id).result()
    assert list(session.store.keys()) == []
    with pytest.raises(Exception, match="can't be done again"):
        session.job(job.id).resubmit()


# -- time-outs -------------------------------------------------------------------------------------------------------


def test_who_waits_in_vain_gets_a_timeout_and_the_job_is_cancelled(make, gate, soon):
    session = make()
    session.compute(1)
    with pytest.raises(JobTimeout, match=r"did not end in 0\.\d+ s") as caught:
        session.compute(gate.wait, timeout=0.2)
    job = caught.value.job
    assert isinstance(caught.value, TimeoutError)
    assert not job.done
    gate.go.set()
    soon(lambda: session.job(job.id).cancelled)
    assert session.engine.record_of(job.id).artifact is None


@pytest.mark.slow
def test_a_job_that_runs_out_of_time_fails(make, gate):
    session = make()
    session.compute(1)
    job = session.compute(gate.wait, timeout=2, block=False)
    assert gate.started.wait(60)
    time.sleep(2.6)
    gate.go.set()
    with pytest.raises(JobTimeout, match="did not end in the time given"):
        job.wait()
    assert job.stage == "FAILED"
    assert session.engine.record_of(job.id).error["code"] == "job-timeout"
    assert isinstance(make().job(job.id).error, JobTimeout)


def test_a_queued_job_runs_out_of_time_too(make, gate):
    session = make(settings={"workers": 1})
    first = session.compute(gate.wait, block=False)
    late = session.compute(2, timeout=0.1, block=False)
    with pytest.raises(JobTimeout):
        late.wait(5)
    assert not first.done


def test_a_wait_in_vain_need_not_cancel(make, gate):
    job = make().compute(gate.wait, block=False)
    with pytest.raises(JobTimeout):
        job.wait(0.1, cancel_on_timeout=False)
    gate.go.set()
    assert job.result() == 1


def test_watching_in_vain_leaves_the_job_alone(make, gate):
    job = make().compute(gate.wait, block=False)
    with pytest.raises(JobTimeout):
        list(job.watch(0.2))
    gate.go.set()
    assert job.result() == 1


# -- cancelling ------------------------------------------------------------------------------------------------------


def test_a_graph_of_dask_stops_between_its_tasks(make, gate):
    dask = pytest.importorskip("dask")
    later = []
    chain = dask.delayed(gate.wait)()
    for _ in range(50):
        chain = dask.delayed(lambda value: (time.sleep(0.05), later.append(value))[1])(chain)
    session = make()
    job = session.compute(chain, block=False)
    assert gate.started.wait(60)
    assert job.cancel() is True
    gate.go.set()
    with pytest.raises(JobCancelled):
        job.wait(60)
    assert len(later) < 10
    assert list(session.store.keys()) == []


def test_the_result_of_a_cancelled_callable_is_dropped(make, gate, scripted):
    session = make()
    job = session.compute(gate.wait, destination="scripted", block=False)
    assert gate.started.wait(60)
    job.cancel()
    gate.go.set()
    with pytest.raises(JobCancelled):
        job.result(10)
    assert job.cancelled
    assert scripted.tries == []
    assert list(session.store.keys()) == []


def test_a_queued_job_is_cancelled_at_once(make, gate):
    session = make(settings={"workers": 1})
    session.compute(gate.wait, block=False)
    assert gate.started.wait(60)
    job = session.compute(2, block=False)
    assert job.cancel() is True
    assert job.stage == "CANCELLED"
    assert job.cancel() is False
    assert session.engine.record_of(job.id).cancel_requested_at is not None


def test_of_a_fan_out_that_waits_only_the_one_is_cancelled(make, gate):
    session = make(settings={"workers": 1})
    session.compute(gate.wait, block=False)
    assert gate.started.wait(60)
    one, two = session.compute(2, destination=["download", "scripted"], block=False)
    assert one.group == two.group
    one.cancel()
    assert (one.stage, two.stage) == ("CANCELLED", "QUEUED")
    gate.go.set()
    assert two.result() == 2
    assert one.stage == "CANCELLED"


def test_of_a_fan_out_that_runs_only_the_one_is_cancelled(make, gate):
    session = make()
    one, two = session.compute(gate.wait, destination=["download", "scripted"], block=False)
    assert gate.started.wait(60)
    one.cancel()
    gate.go.set()
    assert two.result() == 1
    with pytest.raises(JobCancelled):
        one.wait()


@pytest.mark.slow
def test_another_process_cancels(make, gate):
    job = make().compute(gate.wait, block=False)
    assert gate.started.wait(60)
    done = run(f"import bourn; print(bourn.Job.get({job.id!r}).cancel())")
    assert done.stdout == "True\n", done.stderr
    time.sleep(0.6)
    gate.go.set()
    with pytest.raises(JobCancelled):
        job.wait(60)


def test_cancelling_while_it_is_encoded_leaves_no_object(make, soon):
    """Whatever the format makes of the interruption: it may swallow it, or call it something else."""
    for swallow in (True, False):
        started, go = threading.Event(), threading.Event()

        class Slow(Format):
            def encode(self, result, options, sink, swallow=swallow, started=started, go=go):
                sink.write(b"first")
                started.set()
                assert go.wait(60)
                try:
                    sink.write(b"second")
                except Exception as error:
                    if not swallow:
                        raise ValueError("the disk, I guess") from error
                return {}

        session = make(formats={"slow": Slow})
        job = session.compute(2, format="slow", block=False)
        assert started.wait(60)
        job.cancel()
        go.set()
        with pytest.raises(JobCancelled):
            job.wait(60)
        assert list(session.store.keys()) == []
        assert session.engine.record_of(job.id).artifact is None


@pytest.mark.slow
def test_ctrl_c_while_waiting_cancels(home):
    code = """
import bourn, os, signal, sys, threading, time
go = threading.Event()
def wait():
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    go.wait(60)
try:
    bourn.compute(wait, destination=["download", "download"])
except KeyboardInterrupt:
    go.set()
    time.sleep(0.5)
    print([job.wait(cancel_on_timeout=False).stage if not job.done else job.stage for job in bourn.jobs()])
"""
    done = run(code)
    assert "['CANCELLED', 'CANCELLED']" in done.stdout or "JobCancelled" in done.stderr, done
    assert run("import bourn; print(*[job.stage for job in bourn.jobs()])").stdout == "CANCELLED CANCELLED\n"


# -- again -----------------------------------------------------------------------------------------------------------


def test_resubmit_recomputes_what_this_process_holds(make):
    calls = []
    job = make().compute(lambda: calls.append(1) or len(calls), block=False)
    assert job.result() == 1
    again = job.resubmit()
    assert again.id != job.id
    assert again.result() == 2
    assert job.result() == 1


def test_resubmit_delivers_again_what_is_stored(make, scripted):
    job = make().compute(lambda: 7, destination="scripted", block=False).wait()
    again = make().job(job.id).resubmit()
    assert again.result() == 7
    assert len(scripted.tries) == 2
    assert again.group == job.group


def test_resubmit_says_why_it_can_not(make):
    session = make()
    with pytest.raises(JobFailed) as caught:
        session.compute(lambda: 1 / 0)
    with pytest.raises(Exception, match="not kept in this process, and no artifact of it is stored"):
        make().job(caught.value.job.id).resubmit()


def test_a_required_secret_does_not_hinder_reading_the_result(make):
    import attrs
    from bourn.plugin import Destination, Secret, option

    @attrs.frozen
    class Options:
        token: Secret = option(help="Nobody's business.", min_length=8)

    class Locked(Destination[Options]):
        def deliver(self, artifact, options, context):
            assert options.token.reveal() == "hunter2-hunter2"
            return Receipt()

    session = make(destinations={"locked": Locked})
    job = session.compute(2, destination={"type": "locked", "token": "hunter2-hunter2"}, block=False)
    assert job.result() == 2
    other = make(destinations={"locked": Locked}).job(job.id)
    assert other.result() == 2
    with pytest.raises(Exception, match="secrets among its options are erased"):
        other.resubmit()
    assert job.resubmit().result() == 2


def test_secrets_are_gone_with_the_job(make, scripted, home):
    seen = []
    scripted.act = lambda artifact, options, context: seen.append(options.token.reveal()) or Receipt()
    session = make()
    job = session.compute(2, destination={"type": "scripted", "token": "hunter2-hunter2"}, block=False)
    job.wait()
    assert seen == ["hunter2-hunter2"]
    assert session.engine.record_of(job.id).secrets is None
    assert "hunter2" not in str(job.plan) + repr(job.plan) + str(session.engine.record_of(job.id))
    for file in home.glob("ledger.db*"):
        assert b"hunter2" not in file.read_bytes()


# -- destinations that fail ------------------------------------------------------------------------------------------


def test_of_a_fan_out_each_delivery_stands_alone(make, scripted):
    def fail(artifact, options, context):
        if options.name == "bad":
            raise DeliveryError("no room")
        return Receipt(detail={"name": options.name})

    scripted.act = fail
    with pytest.raises(DeliveryError, match="no room") as caught:
        make().compute(
            2, destination=[{"type": "scripted", "name": "good"}, {"type": "scripted", "name": "bad"}, "download"]
        )
    jobs = caught.value.jobs
    assert [job.stage for job in jobs] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert caught.value.job is jobs[1]
    assert jobs[2].result() == 2


def test_a_failed_delivery_keeps_artifact_and_link(make, scripted):
    def fail(artifact, options, context):
        raise OSError("refused")

    scripted.act = fail
    session = make()
    with pytest.raises(DeliveryError, match="delivering to 'scripted' failed: OSError: refused") as caught:
        session.compute(2, destination="scripted")
    job = caught.value.job
    record = session.engine.record_of(job.id)
    assert len(scripted.retracted) == 1
    assert session.engine.artifact_of(record).read()
    assert session.links.resolve(job.url.split("/")[-2]).job_id == job.id
    assert record.artifact.expires_at - record.finished_at == timedelta(days=10)


@pytest.mark.parametrize(
    "answer",
    [None, "done", Receipt(url=object()), Receipt(detail={"x": object()}), Receipt(detail={"x": float("nan")})],
)
def test_a_receipt_that_is_none_breaks_the_contract(make, scripted, answer):
    scripted.act = lambda *given: answer
    with pytest.raises(DeliveryError, match="broke its contract"):
        make().compute(2, destination="scripted", timeout=60)


def test_a_plugins_own_error_is_the_nearest_one_that_all_know(make, scripted):
    class Full(DeliveryError):
        code = "full"

    def fail(artifact, options, context):
        raise Full("no room \ud800")

    scripted.act = fail
    with pytest.raises(DeliveryError, match="no room") as caught:
        make().compute(2, destination="scripted", timeout=60)
    assert caught.value.job.error.code == "delivery-error"
    assert isinstance(caught.value.__cause__, Full)


def test_what_a_destination_says_of_its_progress_is_taken_as_text_and_numbers(make, scripted, gate):
    def say(artifact, options, context):
        context.progress(1.0, 3.7, "\x1b[31mred \ud800")
        gate.wait()
        return Receipt()

    scripted.act = say
    session = make()
    job = session.compute(2, destination="scripted", block=False)
    assert gate.started.wait(60)
    time.sleep(0.6)
    record = session.engine.record_of(job.id)
    assert (record.stage, record.steps_done, record.steps_total) == ("SAVING", 1, 3)
    assert "\x1b" not in record.note
    gate.go.set()
    assert job.result() == 2


# -- observers -------------------------------------------------------------------------------------------------------


def test_observers_see_each_stage_once_and_a_failing_one_hurts_nothing(make):
    from bourn.plugins.hookspecs import hookimpl

    class Good:
        seen, delivered = [], []

        @hookimpl
        def bourn_job_changed(self, job):
            self.seen.append(job.stage)

        @hookimpl
        def bourn_delivered(self, job, receipt):
            self.delivered.append((job.id, receipt.url))

    class Bad:
        @hookimpl
        def bourn_job_changed(self, job):
            raise SystemExit(job.id)

        @hookimpl
        def bourn_delivered(self, job, receipt):
            raise RuntimeError

    good = Good()
    session = make(hooks=[Bad(), good])
    job = session.compute(2, block=False)
    assert job.result() == 2
    session.close()
    assert good.seen == ["PREPARING", "RUNNING", "SAVING", "SUCCEEDED"]
    assert good.delivered == [(job.id, job.url)]


@pytest.mark.slow
def test_the_interpreter_waits_for_running_jobs(home, make):
    done = run("import bourn, time; print(bourn.compute(lambda: time.sleep(1) or 5, block=False).id)")
    job = make().job(done.stdout.strip())
    assert job.stage == "SUCCEEDED"
    assert job.result() == 5


def test_in_a_notebook_the_bar_is_drawn_once(session, monkeypatch, capsys):
    """While one waits, and not again for the result."""
    monkeypatch.setattr("bourn.job.progress._in_notebook", lambda: True)
    assert session.compute(lambda: 2, format="json") == b"2"
    assert capsys.readouterr().out.count("Job ID: ") == 1


# -- clocks and ledgers that do not answer -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_time_limit_counts_by_no_clock_on_the_wall(make, clock, gate, soon, hours):
    session = make(clock=clock)
    session.compute(1)
    short = session.compute(gate.wait, timeout=0.5, block=False)
    long = session.compute(gate.wait, timeout=600, block=False)
    assert gate.started.wait(60)
    clock.move(hours=hours)
    soon(session.engine.running_job(short.id).cancel_requested.is_set)
    time.sleep(0.5)
    gate.go.set()
    assert long.result() == 1
    with pytest.raises(JobTimeout):
        short.wait(60)


@pytest.mark.backends("home")
def test_a_time_limit_holds_while_another_process_locks_the_ledger(make, home):
    import sqlite3
    from contextlib import closing

    session = make()
    session.compute(1)
    with closing(sqlite3.connect(home / "ledger.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        began = time.monotonic()
        with pytest.raises(JobTimeout):
            session.compute(2, timeout=1)
        assert time.monotonic() - began < 3
        other.execute("rollback")
    assert session.compute(3, timeout=60) == 3


@pytest.mark.slow
@pytest.mark.backends("home")
@pytest.mark.parametrize("step", ["create", "size"])
def test_a_time_limit_holds_while_the_store_does_not_answer(make, monkeypatch, gate, step):
    session = make()
    session.compute(1)
    real = getattr(type(session.store), step)

    def hang(self, *given, **more):
        gate.go.wait(20)
        return real(self, *given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(type(session.store), step, hang)
        began = time.monotonic()
        with pytest.raises(JobTimeout):
            session.compute(2, timeout=1)
        assert time.monotonic() - began < 3
        gate.go.set()
        session.engine.drain()


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "filename"),
    [("june", "june.json"), ("june.JSON", "june.json"), ("Crème brûlée, 2024", "Creme-brulee-2024.json")],
)
def test_a_name_is_that_of_the_file(make, name, filename):
    session = make()
    job = session.compute(2, format="json", name=name, block=False).wait()
    assert job.url.rpartition("/")[2] == session.engine.record_of(job.id).artifact.filename == filename
    assert job.resubmit().wait().url.endswith(f"/{filename}")


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 201, 7, b"x"])
def test_a_name_that_can_not_be_is_refused(make, name):
    from bourn.errors import RequestError

    with pytest.raises(RequestError, match="name: expected a file name"):
        make().plan(2, name=name)
