"""From an artifact to a receipt: one try at a delivery, and the three ends of a job."""

from __future__ import annotations

import json
import logging
import random
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from bourn.contract.receipt import Receipt, Transient
from bourn.errors import DeliveryError, JobTimeout
from bourn.job.context import DeliveryContext
from bourn.job.failure import as_job_error, as_json
from bourn.ledger.clock import LEAP
from bourn.ledger.ledger import LeaseLost
from bourn.ledger.stages import Stage
from bourn.wording import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bourn.errors import JobError
    from bourn.job.running_job import RunningJob
    from bourn.job.services import Services

__all__ = ["cancel", "deliver", "fail", "retry_pause", "write_or_defer"]

PAUSE_MAX = timedelta(seconds=60)

_log = logging.getLogger("bourn.job")


def deliver(job: RunningJob, services: Services) -> datetime | None:
    """Try once; return when to try again, or None where the job has ended.

    Never raises: an error of a destination is the end of its job, and of no other.
    """
    if job.cancel_requested.is_set():
        cancel(job, services)
        return None
    to = job.plan.chosen_destination
    assert job.artifact is not None  # what is delivered is stored
    try:
        receipt = _checked(to.plugin.deliver(job.artifact, to.options, DeliveryContext(services, job)), to.name)
    except LeaseLost:
        job.release()
    except Transient as transient:
        try:
            return _try_again(job, services, transient)
        except (ArithmeticError, TypeError, ValueError) as error:  # the pause that it asks for is not a time
            fail(job, services, _delivery_error(error, to.name))
    except BaseException as error:  # noqa: BLE001  # third-party code; its SystemExit must not end a thread of ours
        if job.cancel_requested.is_set():
            cancel(job, services)
        else:
            fail(job, services, _delivery_error(error, to.name))
    else:
        _succeed(job, services, receipt)
    return None


def _checked(receipt: Any, name: str) -> Receipt:
    """Return the receipt as the ledger will give it back."""
    if not isinstance(receipt, Receipt):
        msg = f"{name!r} broke its contract: deliver gave {type(receipt).__name__}, not a Receipt"
        raise DeliveryError(msg)
    url: Any = receipt.url
    if not isinstance(url, str | None):
        msg = f"{name!r} broke its contract: the receipt's url is {type(url).__name__}, not a text"
        raise DeliveryError(msg)
    try:
        return Receipt(url=url, detail=json.loads(json.dumps(dict(receipt.detail), allow_nan=False)))
    except (TypeError, ValueError) as error:
        msg = f"{name!r} broke its contract: the receipt's detail is not JSON: {error}"
        raise DeliveryError(msg) from error


def _delivery_error(error: BaseException, name: str) -> JobError:
    if isinstance(error, DeliveryError):
        return error
    return as_job_error(error, doing=f"delivering to {name!r}", as_type=DeliveryError)


def _try_again(job: RunningJob, services: Services, transient: Transient) -> datetime | None:
    """Record when to try again, or give up."""
    now = services.clock()
    if job.cancel_requested.is_set():
        cancel(job, services)
        return None
    to = job.plan.chosen_destination
    retry_for = transient.retry_for if transient.retry_for is not None else to.plugin.retry_for
    pause = retry_pause(job.attempt) if transient.retry_after is None else max(transient.retry_after, timedelta())
    until = now + pause
    spent = _time_spent(job, services, now)
    if spent + pause > retry_for:
        error = DeliveryError(f"{to.name!r} gave up after {job.attempt} tries in {_seconds(spent)}: {transient}")
        error.__cause__ = transient
        fail(job, services, error)
        return None
    note = clean(f"{to.name}: try {job.attempt + 1} in {_seconds(until - now)}: {transient}")

    def write() -> None:
        services.ledger.postpone(job.job_id, job.epoch, job.delivery_id, until=until, note=note, now=now)
        job.note = note
        job.release()

    write_or_defer(job, "its next try", write)
    return until


def _time_spent(job: RunningJob, services: Services, now: datetime) -> timedelta:
    """How long ago its first try was; by a clock that has leapt nothing is over."""
    if job.first_tried is not None and not services.clock.is_manual:
        return timedelta(seconds=time.monotonic() - job.first_tried)
    spent = now - (job.first_try_at or now)
    return spent if spent < LEAP or services.clock.is_trusted(now) else timedelta()


def retry_pause(attempt: int) -> timedelta:
    """Return 1, 2, 4, ... at most 60 seconds, each up to a quarter shorter, so that retries spread."""
    longest = min(timedelta(seconds=2 ** min(attempt - 1, 10)), PAUSE_MAX)
    return longest * (1 - random.random() / 4)  # noqa: S311  # spreads load, guards nothing


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():.0f} s"


# -- the ends of a job ------------------------------------------------------------------------------------------------


def _succeed(job: RunningJob, services: Services, receipt: Receipt) -> None:
    """The destination has it."""
    job.receipt = receipt
    answer = {"url": receipt.url, "detail": dict(receipt.detail)}
    after = partial(services.hooks.delivered, job.job_id, receipt)
    _end(job, services, Stage.SUCCEEDED, after=after, receipt=answer)


def fail(job: RunningJob, services: Services, error: JobError) -> None:
    """It failed; only after a delivery has failed link and data stay for their time."""
    job.fail_with(error)
    if job.artifact is not None:
        _retract(job, services)
    _end(job, services, Stage.FAILED, keep=isinstance(error, DeliveryError), error=as_json(error))


def cancel(job: RunningJob, services: Services) -> None:
    """It was cancelled, or ran out of time: no object and no record stay.

    Where the destination can't take back what it has done, the job has failed, and link and data stay: they are out.
    """
    irrevocable = None if job.artifact is None else _retract(job, services)
    if irrevocable is not None:
        job.fail_with(irrevocable)
        _end(job, services, Stage.FAILED, error=as_json(irrevocable))
    elif job.timed_out:
        error = JobTimeout("the job was stopped: it did not end in the time given")
        job.fail_with(error)
        _end(job, services, Stage.FAILED, keep=False, error=as_json(error))
    else:
        _end(job, services, Stage.CANCELLED, keep=False)


def write_or_defer(job: RunningJob, what: str, write: Callable[[], None]) -> None:
    """Call `write` now; where the ledger can't be written, leave it to maintenance to try again.

    Only this process may end a job that it runs: without the retry the job would stay RUNNING for ever.
    """
    try:
        write()
    except LeaseLost:
        # Another process has taken the job over; what it writes counts.
        job.release()
    except Exception:  # noqa: BLE001  # whatever a database raises: a full disk, a lost connection
        _log.exception("job %s: %s could not be written yet", job.job_id, what)
        job.deferred = write


def _end(
    job: RunningJob,
    services: Services,
    stage: Stage,
    *,
    keep: bool = True,
    after: Callable[[], None] | None = None,
    **answer: Mapping[str, Any],
) -> None:
    def write() -> None:
        now = services.clock()
        # What is not kept expires at once, so that after a crash in between the next sweep erases it.
        expires_at = now + services.lifetime_of(job.plan) if keep else now
        services.ledger.finish(
            job.job_id, job.epoch, stage,
            now=now, expires_at=expires_at, started_at=job.started_at, steps=(job.done, job.total), **answer,
        )  # fmt: skip
        if not keep:
            _erase(job, services)
        if job.plan.secrets() is not None:
            services.ledger.database.truncate_log()
        job.enter(stage)
        job.dirty = False
        job.release()
        if after is not None:
            after()
        services.hooks.job_changed(job.job_id)

    write_or_defer(job, f"its end ({stage})", write)


def _retract(job: RunningJob, services: Services) -> JobError | None:
    """Have the destination undo what it did; return why, where it can't or nobody knows whether it did."""
    to = job.plan.chosen_destination
    try:
        to.plugin.retract(to.options, DeliveryContext(services, job))
    except DeliveryError as error:
        return error
    except BaseException as error:  # noqa: BLE001  # third-party code, SystemExit included: the job ends all the same
        _log.exception("%r could not retract delivery %s", to.name, job.delivery_id)
        return as_job_error(error, doing=f"taking back what {to.name!r} may have delivered", as_type=DeliveryError)
    return None


def _erase(job: RunningJob, services: Services) -> None:
    """Free the space at once; where that fails, a sweep does it."""
    if job.artifact is None:
        return
    try:
        services.erase(job.delivery_id, job.artifact.key)
    except Exception:  # noqa: BLE001  # a sweep tries again
        _log.exception("the artifact of job %s could not be erased", job.job_id)
