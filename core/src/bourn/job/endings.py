"""The three ends of a job, each written down once: succeeded, failed, cancelled."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bourn.errors import DeliveryError, JobTimeout
from bourn.job.context import WorkingContext
from bourn.job.failure import written
from bourn.ledger.ledger import LeaseLost
from bourn.ledger.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.contract.answers import Receipt
    from bourn.errors import JobError
    from bourn.job.member import Member
    from bourn.job.services import Services

__all__ = ["cancel", "fail", "succeed"]

_log = logging.getLogger("bourn.job")


def succeed(member: Member, services: Services, receipt: Receipt) -> None:
    """The destination has it."""
    answered = {"url": receipt.url, "detail": dict(receipt.detail)}
    if _ended(member, services, Stage.SUCCEEDED, receipt=answered):
        services.hooks.delivered(member.job_id, receipt)


def fail(member: Member, services: Services, error: JobError) -> None:
    """It went wrong; only after a delivery has failed are link and data left for their time."""
    member.failure = error
    if member.artifact is not None:
        _retract(member, services)
    kept = isinstance(error, DeliveryError)
    if _ended(member, services, Stage.FAILED, kept=kept, error=written(error)) and not kept:
        _erase(member, services)


def cancel(member: Member, services: Services) -> None:
    """Somebody wanted it cancelled, or it ran out of time: no object and no record are left."""
    if member.artifact is not None:
        _retract(member, services)
    if member.timed_out:
        error = JobTimeout("the job was stopped: it did not end in the time given")
        member.failure = error
        ended = _ended(member, services, Stage.FAILED, kept=False, error=written(error))
    else:
        ended = _ended(member, services, Stage.CANCELLED, kept=False)
    if ended:
        _erase(member, services)


def _ended(member: Member, services: Services, stage: Stage, *, kept: bool = True, **answer: Mapping[str, Any]) -> bool:
    now = services.clock()
    # What is not kept expires at once, so that after a crash in between the next sweep erases it.
    expires_at = now + services.link_lifetime if kept else now
    try:
        services.ledger.finish(
            member.job_id, member.epoch, stage,
            now=now, expires_at=expires_at, started_at=member.started_at, **answer,
        )  # fmt: skip
    except LeaseLost:
        # Another process has taken the job over, and its word is the one that counts.
        member.leave()
        return False
    except Exception:  # noqa: BLE001  # the ledger can't be written (a full disk): the lease runs out, and recovery says so
        _log.exception("job %s has ended (%s), and that could not be written down", member.job_id, stage)
        member.leave()
        return False
    member.enter(stage)
    member.untold = False
    member.leave()
    services.hooks.job_changed(member.job_id)
    return True


def _retract(member: Member, services: Services) -> None:
    to = member.plan.to
    try:
        to.plugin.retract(to.options, WorkingContext(services, member))
    except Exception:  # noqa: BLE001  # a stranger's code; the end of the job does not hang on it
        _log.exception("%r could not retract delivery %s", to.name, member.delivery_id)


def _erase(member: Member, services: Services) -> None:
    """Give the space back at once; where that fails, sweeping does it."""
    if member.artifact is None:
        return
    try:
        services.erase(member.delivery_id, member.artifact.key)
    except Exception:  # noqa: BLE001  # sweeping comes back to it
        _log.exception("the artifact of job %s could not be erased", member.job_id)
