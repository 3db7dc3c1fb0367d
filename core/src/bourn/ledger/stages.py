"""The stages of a job, and the only moves between them."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["LIVE", "MOVES", "Stage"]


class Stage(StrEnum):
    """How far a job is; the last three are ends, and a job reaches one of them once."""

    QUEUED = "QUEUED"
    PREPARING = "PREPARING"
    RUNNING = "RUNNING"
    SAVING = "SAVING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def done(self) -> bool:
        """Whether it is an end."""
        return self not in LIVE


LIVE = (Stage.QUEUED, Stage.PREPARING, Stage.RUNNING, Stage.SAVING)

MOVES: dict[Stage, tuple[Stage, ...]] = {
    Stage.PREPARING: (Stage.QUEUED,),
    Stage.RUNNING: (Stage.QUEUED, Stage.PREPARING),
    Stage.SAVING: (Stage.QUEUED, Stage.PREPARING, Stage.RUNNING),
    Stage.SUCCEEDED: (Stage.SAVING,),
    Stage.FAILED: LIVE,
    Stage.CANCELLED: LIVE,
}
"""Stage -> the stages from which it can be reached; a move from any other one does not happen.

PREPARING and RUNNING are recorded now and then and need no durability, so a short job may pass them unseen.
"""
