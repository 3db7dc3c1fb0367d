"""Those who want to know how jobs fare: told each alone, and never able to hurt a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn.contract.answers import Receipt
    from bourn.job.job import Job
    from bourn.plugins.hooks import Hooks

__all__ = ["Observers", "adapted"]


class Observers:
    """Calls the hooks of plugins with a job; makes that job only where somebody listens."""

    def __init__(self, hooks: Hooks, job_of: Callable[[str], Job]) -> None:
        self._hooks = hooks
        self._job_of = job_of

    def job_changed(self, job_id: str) -> None:
        """A job has gone on to another stage."""
        if self._hooks.any("bourn_job_changed"):
            self._hooks.call("bourn_job_changed", job=self._job_of(job_id))

    def delivered(self, job_id: str, receipt: Receipt) -> None:
        """A destination has answered."""
        if self._hooks.any("bourn_delivered"):
            self._hooks.call("bourn_delivered", job=self._job_of(job_id), receipt=receipt)

    def adapt(self, obj: Any) -> Any:
        """A foreign object as a result; None where no plugin knows it."""
        return adapted(self._hooks, obj)


def adapted(hooks: Hooks, obj: Any) -> Any:
    """A foreign object as a result, by the first plugin that knows it; None where none does."""
    for _distribution, answer in hooks.call("bourn_adapt", obj=obj):
        if answer is not None:
            return answer
    return None
