"""What dead processes left: jobs without an artifact have failed, deliveries go on."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from bourn.errors import JobFailed
from bourn.job.failure import written
from bourn.ledger.ledger import LeaseLost
from bourn.ledger.stages import Stage

if TYPE_CHECKING:
    from bourn.job.services import Services
    from bourn.ledger.record import JobRecord

__all__ = ["recover"]

_log = logging.getLogger("bourn.job")


def recover(services: Services) -> int:
    """End or hand on the jobs of dead processes; gives how many.

    Any number of processes may do it at once: each move is made under the dead one's epoch, so one of them makes it.
    """
    now = services.clock()
    dead = services.workers.dead(now=now)
    if not dead:
        return 0
    left = services.ledger.owned_by(dead)
    for record in left:
        with contextlib.suppress(LeaseLost):
            if record.stage is Stage.SAVING:
                services.ledger.postpone(
                    record.id, record.epoch, record.delivery_id,
                    until=now, note="its process died; the delivery is carried on", now=now,
                )  # fmt: skip
            else:
                _end(record, services)
    return len(left)


def _end(record: JobRecord, services: Services) -> None:
    failure = JobFailed(f"the process that carried it out died at {record.stage}, before its artifact was stored")
    cancelled = record.cancel_requested_at is not None
    now = services.clock()
    services.ledger.finish(
        record.id, record.epoch, Stage.CANCELLED if cancelled else Stage.FAILED,
        now=now, expires_at=now, started_at=record.started_at, error=None if cancelled else written(failure),
    )  # fmt: skip
    try:
        # An object may have been stored that the ledger was not told of any more.
        for key in services.store.keys(f"{record.id}/"):
            services.store.delete(key)
    except OSError:
        _log.exception("what job %s may have left in the store is left to sweeping", record.id)
    services.hooks.job_changed(record.id)
