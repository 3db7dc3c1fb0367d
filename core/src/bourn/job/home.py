"""Where the jobs of one session come from, and what they ask there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bourn.errors import JobError, UnknownJob
from bourn.job.engine import Engine, artifact_of
from bourn.job.job import Given, Job
from bourn.job.load import load
from bourn.ledger.stages import Stage
from bourn.wording import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from bourn.contract.answers import Receipt
    from bourn.contract.artifact import Artifact
    from bourn.dispatch.plan import Plan
    from bourn.job.running_job import Member
    from bourn.job.services import Services
    from bourn.ledger.record import JobRecord

__all__ = ["JobHome"]

_ID = re.compile(r"[0-9a-zA-Z_-]{1,100}")
"""What an id can look like: nothing else is worth a question to the ledger."""


class JobHome:
    """Makes jobs, and answers them: what the ledger says, what this process knows, where the bytes are.

    Parameters
    ----------
    services : callable
        Gives what jobs are lent; anew in a forked child.
    threads : int
        How many jobs run at a time.
    """

    def __init__(self, services: Callable[[], Services], threads: int) -> None:
        self._services = services
        self.engine = Engine(services, threads)

    def submit(
        self,
        plans: Sequence[Plan],
        obj: Any,
        *,
        arguments: Mapping[str, Any],
        geobox: Any,
        timeout: float | None,
        waits: bool = False,
    ) -> list[Job]:
        """Write jobs down, and carry them out in the background; or here, where the caller `waits` for them."""
        members = self.engine.submit(plans, obj, arguments=arguments, geobox=geobox, timeout=timeout, waits=waits)
        return [
            Job(member.job_id, self, given=Given(member=member, obj=obj, arguments=arguments, geobox=geobox))
            for member in members
        ]

    def job(self, job_id: str) -> Job:
        """The job of that id.

        Raises
        ------
        UnknownJob
        """
        if type(job_id) is not str or not _ID.fullmatch(job_id):
            msg = f"there is no job {shown(job_id)}: an id is 48 hex digits"
            raise UnknownJob(msg)
        return self.known(job_id).refresh()

    def known(self, job_id: str) -> Job:
        """The job of an id that is known to be right; the ledger is not asked before somebody looks at it."""
        return Job(job_id, self)

    def jobs(
        self, *, stage: Stage | None = None, group_id: str | None = None, limit: int | None = None
    ) -> Sequence[Job]:
        """Jobs of the ledger, the newest first."""
        records = self._services().ledger.list(stage=stage, group_id=group_id, limit=limit)
        return [Job(record.id, self, record=record) for record in records]

    def ids_beginning(self, prefix: str, *, limit: int) -> Sequence[str]:
        """Ids of jobs that begin so."""
        return self._services().ledger.ids_beginning(prefix, limit=limit)

    def record_of(self, job_id: str) -> JobRecord | None:
        """The job's record, as the ledger has it now."""
        return self._services().ledger.get(job_id)

    def member_of(self, job_id: str) -> Member | None:
        """The job, while this process carries it out."""
        return self.engine.member(job_id)

    def plan_of(self, record: JobRecord) -> Plan:
        """The plan that the ledger keeps of a job."""
        return self._services().dispatcher.restore(record.plan, record.secrets, ended=record.stage.done)

    def link_of(self, record: JobRecord) -> str:
        """The link to a job's artifact."""
        assert record.artifact is not None  # the caller looked
        return self._services().links.url(record.delivery_id, record.artifact.filename)

    def artifact_of(self, record: JobRecord) -> Artifact:
        """A job's artifact."""
        return artifact_of(record, self._services())

    def load(self, job_id: str, plan: Plan, receipt: Receipt, artifact: Artifact) -> Any:
        """What a job's result is: what its destination says, else what its format gives back, else the bytes."""
        return load(job_id, plan, receipt, artifact, self._services())

    def cancel(self, job_id: str) -> bool:
        """Ask for a job to be cancelled; False where it has ended already."""
        return self.engine.cancel(job_id)

    def resubmit(self, record: JobRecord, given: Given | None) -> Job:
        """Do a job once more, as a new one.

        Raises
        ------
        JobError
            Its object is not kept in this process, and there is nothing stored to deliver.
        """
        if given is not None:
            again = [given.member.plan]
            return self.submit(again, given.obj, arguments=given.arguments, geobox=given.geobox, timeout=None)[0]
        stored = record.artifact
        cancelled = record.stage is Stage.CANCELLED
        if stored is None or stored.erased_at or cancelled or stored.expires_at <= self.now():
            why = "its object is not kept in this process, and no artifact of it is stored"
        elif record.plan.get("withheld") and not record.secrets:
            why = "the secrets among its options are erased, and its object is not kept in this process"
        else:
            return Job(self.engine.redeliver(record, self.plan_of(record)).job_id, self)
        raise JobError(f"job {record.id} can't be done again: {why}", job=Job(record.id, self))

    def recover(self) -> None:
        """Look for what dead processes left."""
        self.engine.recover()

    def is_recent(self, moment: datetime | None) -> bool:
        """Whether what was begun then can't have expired yet."""
        services = self._services()
        return moment is not None and moment <= services.clock() < moment + services.link_lifetime

    def now(self) -> datetime:
        """The time."""
        return self._services().clock()
