"""From an artifact to a receipt: one try at a delivery, and what comes of it."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bourn.contract.answers import Receipt, Transient
from bourn.errors import DeliveryError, JobError
from bourn.job.context import WorkingContext
from bourn.job.failure import failed
from bourn.job.finish import cancel, fail, owe, succeed
from bourn.ledger.ledger import LeaseLost
from bourn.wording import clean

if TYPE_CHECKING:
    from datetime import datetime

    from bourn.job.running_job import Member
    from bourn.job.services import Services

__all__ = ["deliver", "pause"]

LONGEST_PAUSE = timedelta(seconds=60)


def deliver(member: Member, services: Services) -> datetime | None:
    """Try once; gives when to try again, or None where the job has ended.

    Never raises: whatever a destination raises is the end of its job, and of no other.
    """
    if member.cancel_wanted.is_set():
        cancel(member, services)
        return None
    to = member.plan.to
    assert member.artifact is not None  # what is delivered is stored
    try:
        receipt = _checked(to.plugin.deliver(member.artifact, to.options, WorkingContext(services, member)), to.name)
    except LeaseLost:
        member.leave()
    except Transient as transient:
        try:
            return _again(member, services, transient)
        except (ArithmeticError, TypeError, ValueError) as error:  # it asked for a pause that is no time
            fail(member, services, _as_delivery_error(error, to.name))
    except BaseException as error:  # noqa: BLE001  # a stranger's code; SystemExit in it must not end a thread of ours
        if member.cancel_wanted.is_set():
            cancel(member, services)
        else:
            fail(member, services, _as_delivery_error(error, to.name))
    else:
        succeed(member, services, receipt)
    return None


def _checked(receipt: Any, name: str) -> Receipt:
    """The receipt as the ledger will give it back."""
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


def _as_delivery_error(error: BaseException, name: str) -> JobError:
    if isinstance(error, DeliveryError):
        return error
    return failed(error, doing=f"delivering to {name!r}", as_type=DeliveryError)


def _again(member: Member, services: Services, transient: Transient) -> datetime | None:
    """Write down when to try again, or give up."""
    now = services.clock()
    if member.cancel_wanted.is_set():
        cancel(member, services)
        return None
    to = member.plan.to
    patience = transient.retry_for if transient.retry_for is not None else to.plugin.retry_for
    until = now + (pause(member.attempt) if transient.retry_after is None else max(transient.retry_after, timedelta()))
    first = member.first_try_at or now
    if until > first + patience:
        error = DeliveryError(
            f"{to.name!r} gave up after {member.attempt} tries in {_spoken(now - first)}: {transient}"
        )
        error.__cause__ = transient
        fail(member, services, error)
        return None
    note = clean(f"{to.name}: try {member.attempt + 1} in {_spoken(until - now)}: {transient}")

    def settle() -> None:
        services.ledger.postpone(member.job_id, member.epoch, member.delivery_id, until=until, note=note, now=now)
        member.leave()

    owe(member, "its next try", settle)
    return until


def pause(attempt: int) -> timedelta:
    """1, 2, 4, ... at most 60 seconds, each up to a quarter shorter: what failed together shall not return together."""
    longest = min(timedelta(seconds=2 ** min(attempt - 1, 10)), LONGEST_PAUSE)
    return longest * (1 - random.random() / 4)  # noqa: S311  # spreads load, guards nothing


def _spoken(duration: timedelta) -> str:
    return f"{duration.total_seconds():.0f} s"
