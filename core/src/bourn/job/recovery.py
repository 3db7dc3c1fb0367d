"""What dead processes left: jobs without an artifact have failed, deliveries go on."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from bourn.errors import JobFailed
from bourn.job.failure import written
from bourn.ledger.ledger import LeaseLost
from bourn.ledger.stages import Stage

if TYPE_CHECKING:
    from bourn.job.services import Services
    from bourn.ledger.record import JobRecord

__all__ = ["recover"]


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
    now = services.clock()
    services.ledger.finish(
        record.id, record.epoch, Stage.FAILED,
        now=now, expires_at=now, started_at=record.started_at, error=written(failure),
    )  # fmt: skip
    # An object may have been stored that the ledger was not told of any more.
    for key in services.store.keys(f"{record.id}/"):
        services.store.delete(key)
    services.hooks.job_changed(record.id)
