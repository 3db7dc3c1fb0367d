"""A job's life as a machine of states: whatever happens in whatever order, it ends once; its link keeps its word."""

import errno
import os
import shutil
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
from bourn import Session, Settings
from bourn.errors import DeliveryError, LinkExpired, LinkInvalid
from bourn.ledger.tables import workers
from bourn.plugin import Destination, Receipt, Transient, option
from bourn.plugins.registry import Registry
from bourn_formats.json import JSON
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from servers.backend import Home, Servers

pytestmark = pytest.mark.deep

LIFETIME = timedelta(days=10)


@attrs.frozen
class Options:
    acts: list[str] = option(factory=list, help="What the first tries come to; then it works.")


class Moody(Destination[Options]):
    """Works, does not work now, fails, or hangs, as it is set to."""

    def __init__(self):
        self.hanging = set()
        self.go = threading.Event()

    def deliver(self, artifact, options, context):
        act = options.acts[context.attempt - 1] if context.attempt <= len(options.acts) else "work"
        if act == "later":
            raise Transient("later", retry_after=60)
        if act == "fail":
            raise DeliveryError("for good")
        if act == "hang":
            self.hanging.add(context.job_id)
            self.go.wait(30)
            self.hanging.discard(context.job_id)
        return Receipt(detail={"attempt": context.attempt})


class JobLife(RuleBasedStateMachine):
    jobs = Bundle("jobs")

    def __init__(self, new_backend):
        super().__init__()
        self.new_backend = new_backend

    @initialize()
    def start(self):
        self.home = Path(tempfile.mkdtemp(prefix="bourn-machine-"))
        self.backend = self.new_backend(self.home)
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.ended, self.revoked, self.tokens, self.started = {}, set(), {}, []
        self.session = self.new_session()

    def new_session(self):
        self.moody = Moody()
        registry = Registry.of(destinations={"moody": self.moody}, formats={"json": JSON})
        given = Settings(home=str(self.home), workers=2, **self.backend.settings)
        session = Session(given, registry, clock=lambda: self.now)
        session.engine.recover()
        self.started.append((session, self.moody))
        return session

    def settle(self):
        """Until all that can happen now has happened."""
        engine, ledger = self.session.engine, self.session.services.ledger
        end = time.monotonic() + 20
        while True:
            engine.carry_due()
            busy = set(engine.running) - self.moody.hanging
            due = ledger.next_due()
            # Two that hang take both threads: what else there is waits.
            if len(self.moody.hanging) >= 2 or (not busy and (due is None or due > self.now)):
                return
            assert time.monotonic() < end, "it does not settle"
            time.sleep(0.002)

    @rule(target=jobs, acts=st.lists(st.sampled_from(["work", "later", "fail", "hang"]), max_size=3))
    def submit(self, acts):
        job = self.session.compute([1], destination={"type": "moody", "acts": acts}, block=False)
        self.settle()
        return job.id

    @rule(job=jobs)
    def cancel(self, job):
        live = self.session.engine.record_of(job)
        asked = self.session.engine.cancel(job)
        assert asked == (live is not None and not live.stage.done) or live.stage.done is False
        self.settle()

    @rule(job=jobs)
    def revoke(self, job):
        if self.session.revoke(job):
            self.revoked.add(job)

    @rule(seconds=st.sampled_from([1, 61, 3600, 86_400, 10 * 86_400]))
    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)
        self.settle()

    @rule()
    def sweep(self):
        self.session.sweep()
        self.settle()
        expected = {job for job, record in self.records().items() if self.kept(record)}
        assert {key.split("/")[0] for key in self.session.store.keys()} == expected  # noqa: SIM118  # no mapping

    @rule()
    def sweep_that_is_killed(self):
        """At its first look at what to erase; the next sweep comes back to it."""
        real = self.session.store.delete

        def killed(key):
            raise SystemExit

        self.session.store.delete = killed
        try:
            self.session.sweep()
        except SystemExit:
            pass
        finally:
            self.session.store.delete = real
        self.settle()

    @rule()
    def rotate(self):
        """Links that were given before go on working."""
        self.session.links.rotate()

    @rule()
    def full_disk(self):
        real = self.session.store.create

        def full(key, **more):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        self.session.store.create = full
        try:
            job = self.session.compute([1], destination="moody", block=False)
            self.settle()
        finally:
            self.session.store.create = real
        assert self.session.engine.record_of(job.id).stage == ("QUEUED" if len(self.moody.hanging) >= 2 else "FAILED")

    @rule()
    def let_go(self):
        self.moody.go.set()
        self.settle()

    @rule()
    def die(self):
        """The process is gone as far as anybody can see, and what it was doing comes back to life later."""
        worker = self.session.engine._current.worker
        dead = workers.update().where(workers.c.id == worker.id).values(process_start=worker.process_start + 1)
        self.session.services.ledger.database.write(lambda connection: connection.execute(dead))
        old = self.moody
        self.session = self.new_session()
        old.go.set()
        self.settle()

    def records(self):
        return {record.id: record for record in self.session.services.ledger.list()}

    def kept(self, record):
        """Whether its bytes are still to be there."""
        if record.artifact is None or record.stage == "CANCELLED":
            return False
        if not record.stage.done:
            return True
        delivered = record.stage == "SUCCEEDED" or record.error["code"] == "delivery-error"
        return delivered and self.now < record.finished_at + LIFETIME

    @invariant()
    def it_ends_once(self):
        for job, record in self.records().items() if hasattr(self, "session") else ():
            if record.stage.done:
                end = (record.stage, record.finished_at, str(record.receipt), str(record.error))
                assert self.ended.setdefault(job, end) == end
                assert record.worker_id is None
                assert record.secrets is None
                assert (record.receipt is not None) == (record.stage == "SUCCEEDED")
                assert (record.error is not None) == (record.stage == "FAILED")
            else:
                assert job not in self.ended

    @invariant()
    def its_link_works_for_its_time_and_not_longer(self):
        if not hasattr(self, "session"):
            return
        for job, record in self.records().items():
            token = self.tokens.setdefault(job, self.session.links.token(record.delivery_id))
            if self.kept(record) and job not in self.revoked:
                assert self.session.links.resolve(token).job_id == job
                assert self.session.engine.artifact_of(record).read() == b"[1]"
            else:
                try:
                    self.session.links.resolve(token)
                except (LinkExpired, LinkInvalid):
                    continue
                raise AssertionError((job, record))

    def teardown(self):
        for session, moody in getattr(self, "started", []):
            moody.go.set()
            session.close()
        if hasattr(self, "home"):
            shutil.rmtree(self.home, ignore_errors=True)
        if isinstance(getattr(self, "backend", None), Servers):
            self.backend.end()


DEEP = bool(os.environ.get("BOURN_DEEP"))
EXAMPLES, STEPS = ({"home": 300, "servers": 60}, 60) if DEEP else ({"home": 12, "servers": 3}, 20)


@pytest.mark.backends("home", "servers")
def test_whatever_happens_a_job_ends_once(backend):
    def new_backend(home):
        return Home(home) if backend.name == "home" else Servers(backend.postgresql, backend.s3)

    run_state_machine_as_test(
        lambda: JobLife(new_backend),
        settings=settings(
            max_examples=EXAMPLES[backend.name],
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
