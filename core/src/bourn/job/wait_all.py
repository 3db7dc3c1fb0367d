"""Waiting for several jobs that were asked for together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bourn.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn.job.job import Job

__all__ = ["gather"]


def gather(jobs: Sequence[Job], timeout: float | None, progress_bar: bool | None) -> None:
    """Wait for all; then raise the first failure."""
    limit = None if timeout is None else time.monotonic() + timeout
    failures = []
    for job in jobs:
        try:
            job.wait(None if limit is None else max(limit - time.monotonic(), 0.0), progress_bar)
        except JobError as error:
            error.jobs = tuple(jobs)
            failures.append(error)
        except KeyboardInterrupt:
            for other in jobs:  # the caller has no handle on any of them
                other.cancel()
            raise
    if failures:
        raise failures[0]
