"""One session with the plugin that is tested, and requests sent through it until they have ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from bourn.ledger.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.contract.artifact import Artifact
    from bourn.dispatch.plan import Plan
    from bourn.job.job import Job
    from bourn.session import Session
    from bourn.testing.clock import FakeClock

__all__ = ["Trial"]

PATIENCE_SECONDS = 60


@attrs.frozen(kw_only=True)
class Trial:
    """One session with its own home, and the request for the plugin in it.

    Where a request does not say otherwise, it asks for the plugin with the options of the test class.

    Attributes
    ----------
    session : Session
    clock : FakeClock
        The session's.
    asking : callable
        Gives the keywords of the next request, ``destination`` and ``format``.
    """

    session: Session
    clock: FakeClock
    asking: Any

    def plan(self, obj: Any, **asked: Any) -> Plan:
        """The plan for a request."""
        plan: Any = self.session.plan(obj, **{**self.asking(), **asked})
        return plan  # type: ignore[no-any-return]

    def submit(self, obj: Any, **asked: Any) -> Job:
        """A request as a job, not waited for."""
        job: Any = self.session.compute(obj, block=False, **{**self.asking(), **asked})
        return job  # type: ignore[no-any-return]

    def send(self, obj: Any, **asked: Any) -> Job:
        """A request as a job that has ended, well or not."""
        return self.settle(self.submit(obj, **asked))

    def tried(self, obj: Any, **asked: Any) -> Job:
        """A request as a job whose first try is over: it has ended, or waits for its next try."""
        job = self.submit(obj, **asked)
        self.session.engine.drain()
        return job.refresh()

    def settle(self, job: Job) -> Job:
        """Wait until the job has ended; the clock goes on to its next try, so that no pause is waited out."""
        limit = time.monotonic() + PATIENCE_SECONDS
        while not job.refresh().done:
            if not self.try_again(job):
                time.sleep(0.005)
            if time.monotonic() > limit:
                msg = f"a job did not end in {PATIENCE_SECONDS} s; it is at {job.progress}"
                raise TimeoutError(msg)
        return job

    def try_again(self, job: Job) -> bool:
        """Go on to the job's next try; False where it is waiting for none."""
        record = self.session.engine.record_of(job.id)
        if record is None or record.next_try_at is None:
            return False
        self.clock.reach(record.next_try_at)
        self.session.engine.carry_due()
        return True

    def artifact(self, job: Job) -> Artifact:
        """The artifact of a job that has got so far."""
        record = self.session.engine.record_of(job.id)
        assert record is not None, "a job that ended has its record"
        return self.session.engine.artifact_of(record)

    def rows(self) -> Mapping[str, list[dict[str, Any]]]:
        """All that the ledger holds, by table."""
        with self.session.services.ledger.database.read() as connection:
            return {
                table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
                for table in metadata.sorted_tables
            }
