"""The warning of values that a format could not keep as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bourn.warn import describe_losses, warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn.job.job import Job

__all__ = ["change_message", "warn_of_changes"]


def warn_of_changes(jobs: Sequence[Job]) -> None:
    """Warn once of what the formats of these jobs changed, at the line outside of bourn that asked for them."""
    if message := change_message(jobs):
        warn(message)


def change_message(jobs: Sequence[Job]) -> str:
    """Return what the formats of these jobs changed, with counts and the path of the first of each; empty if nothing.

    Of a format each change is named once, to however many destinations the result goes.
    """
    changes = {}
    for job in jobs:
        chosen = job.plan.chosen_format
        changes[chosen.name] = chosen.plugin.losses and describe_losses(
            job.report.get("encode") or {}, chosen.plugin.losses
        )
    return "; ".join(f"written as {name} with changes: {found}" for name, found in changes.items() if found)
