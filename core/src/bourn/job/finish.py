"""The three ends of a job, each written down once: succeeded, failed, cancelled."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from bourn.errors import DeliveryError, JobTimeout
from bourn.job.context import WorkingContext
from bourn.job.failure import failed, written
from bourn.ledger.ledger import LeaseLost
from bourn.ledger.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bourn.contract.answers import Receipt
    from bourn.errors import JobError
    from bourn.job.running_job import Member
    from bourn.job.services import Services

__all__ = ["cancel", "fail", "owe", "succeed"]

_log = logging.getLogger("bourn.job")


def succeed(member: Member, services: Services, receipt: Receipt) -> None:
    """The destination has it."""
    member.receipt = receipt
    answered = {"url": receipt.url, "detail": dict(receipt.detail)}
    told = partial(services.hooks.delivered, member.job_id, receipt)
    _end(member, services, Stage.SUCCEEDED, after=told, receipt=answered)


def fail(member: Member, services: Services, error: JobError) -> None:
    """It went wrong; only after a delivery has failed are link and data left for their time."""
    member.fail_with(error)
    if member.artifact is not None:
        _retract(member, services)
    _end(member, services, Stage.FAILED, kept=isinstance(error, DeliveryError), error=written(error))


def cancel(member: Member, services: Services) -> None:
    """Somebody wanted it cancelled, or it ran out of time: no object and no record are left.

    Where the destination can't take back what it has done, the job has failed, and link and data stay: they are out.
    """
    irrevocable = None if member.artifact is None else _retract(member, services)
    if irrevocable is not None:
        member.fail_with(irrevocable)
        _end(member, services, Stage.FAILED, error=written(irrevocable))
    elif member.timed_out:
        error = JobTimeout("the job was stopped: it did not end in the time given")
        member.fail_with(error)
        _end(member, services, Stage.FAILED, kept=False, error=written(error))
    else:
        _end(member, services, Stage.CANCELLED, kept=False)


def owe(member: Member, what: str, settle: Callable[[], None]) -> None:
    """Do `settle` now; where the ledger can't be written, leave it to the caretaker to try again.

    A job whose process lives is nobody else's to end: were its end forgotten, it would be RUNNING for ever.
    """
    try:
        settle()
    except LeaseLost:
        # Another process has taken the job over, and its word is the one that counts.
        member.leave()
    except Exception:  # noqa: BLE001  # whatever a database says: a full disk, a lost connection
        _log.exception("job %s: %s could not be written down yet", member.job_id, what)
        member.owed = settle


def _end(
    member: Member,
    services: Services,
    stage: Stage,
    *,
    kept: bool = True,
    after: Callable[[], None] | None = None,
    **answer: Mapping[str, Any],
) -> None:
    def settle() -> None:
        now = services.clock()
        # What is not kept expires at once, so that after a crash in between the next sweep erases it.
        expires_at = now + services.link_lifetime if kept else now
        services.ledger.finish(
            member.job_id, member.epoch, stage,
            now=now, expires_at=expires_at, started_at=member.started_at, steps=(member.done, member.total), **answer,
        )  # fmt: skip
        if not kept:
            _erase(member, services)
        if member.plan.secrets() is not None:
            services.ledger.database.truncate_log()
        member.enter(stage)
        member.untold = False
        member.leave()
        if after is not None:
            after()
        services.hooks.job_changed(member.job_id)

    owe(member, f"its end ({stage})", settle)


def _retract(member: Member, services: Services) -> JobError | None:
    """Have the destination undo what it did; gives why, where that can't be undone, or nobody knows whether it is."""
    to = member.plan.to
    try:
        to.plugin.retract(to.options, WorkingContext(services, member))
    except DeliveryError as error:
        return error
    except BaseException as error:  # noqa: BLE001  # a stranger's code, SystemExit in it too: the job ends all the same
        _log.exception("%r could not retract delivery %s", to.name, member.delivery_id)
        return failed(error, doing=f"taking back what {to.name!r} may have delivered", as_type=DeliveryError)
    return None


def _erase(member: Member, services: Services) -> None:
    """Give the space back at once; where that fails, sweeping does it."""
    if member.artifact is None:
        return
    try:
        services.erase(member.delivery_id, member.artifact.key)
    except Exception:  # noqa: BLE001  # sweeping comes back to it
        _log.exception("the artifact of job %s could not be erased", member.job_id)
