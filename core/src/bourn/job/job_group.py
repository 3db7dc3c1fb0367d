"""One result on its way to one or several destinations: computed once, encoded once where that serves all."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from bourn.errors import JobFailed, RequestError, RequestTypeError, ResultRefused
from bourn.job.delivery import cancel, fail
from bourn.job.encode import artifact_key, encode
from bourn.job.executor import mark_thread
from bourn.job.failure import as_job_error
from bourn.ledger.ledger import LeaseLost
from bourn.ledger.record import StoredArtifact
from bourn.ledger.stages import Stage
from bourn.results.inspect import inspect
from bourn.results.lazy import Cancelled, compute

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bourn.contract.artifact import Artifact
    from bourn.job.running_job import RunningJob
    from bourn.job.services import Services

__all__ = ["JobGroup", "deliver_stored"]


@attrs.frozen(kw_only=True, eq=False)
class JobGroup:
    """One result, and the jobs it is for.

    Attributes
    ----------
    obj, arguments, geobox
        What the caller gave to `compute`.
    jobs : sequence of RunningJob
    services : Services
    deliver : callable
        Delivers one job whose artifact is stored.
    """

    obj: Any
    arguments: Mapping[str, Any]
    geobox: Any
    jobs: Sequence[RunningJob]
    services: Services
    deliver: Callable[[RunningJob], None]

    def run(self) -> None:
        """Compute, encode and store the result for every job, then deliver each.

        Never raises: what goes wrong ends the jobs that it went wrong for.
        """
        jobs = [job for job in self.jobs if _begin(job, self.services)]
        if not jobs:
            return
        try:
            value = self._compute(jobs)
        except Cancelled:
            for job in jobs:
                cancel(job, self.services)
        except BaseException as error:  # noqa: BLE001  # the caller's own code: whatever it raises is the job's failure
            failure = as_job_error(error, doing="computing the result")
            for job in jobs:
                fail(job, self.services, failure)
        else:
            stored: list[RunningJob] = []
            for job in jobs:
                # Encoded once for all that are encoded alike.
                source = next((other for other in stored if job.plan.shares_encoding_with(other.plan)), None)
                make = partial(encode, value=value) if source is None else partial(_copy, source=source)
                if _store(job, self.services, make):
                    stored.append(job)
            for job in stored:
                self.deliver(job)

    def _compute(self, jobs: Sequence[RunningJob]) -> Any:
        for job in jobs:
            job.enter(Stage.RUNNING)
            self.services.hooks.job_changed(job.job_id)

        def progress(done: int, total: int) -> None:
            for job in jobs:
                job.report_progress(done, total)

        def cancelled() -> bool:
            return all(job.cancel_requested.is_set() for job in jobs)

        value = compute(
            self.obj, arguments=self.arguments, keep=self._keeps_lazy(), progress=progress, cancelled=cancelled,
            initializer=mark_thread,
        )  # fmt: skip
        if cancelled():
            raise Cancelled
        try:
            if self.geobox is not None:
                from bourn.results.as_image import put_on_grid  # only for what is an image

                value, _ = put_on_grid(value, self.geobox)
            return self._check(value, [job for job in jobs if not job.plan.info.kinds])
        except (RequestError, RequestTypeError) as cause:
            raise ResultRefused(cause.message) from cause

    def _keeps_lazy(self) -> bool:
        """Whether the result may stay lazy until it is encoded: it is encoded once, by a format that reads blocks."""
        first, *others = (job.plan for job in self.jobs)
        return first.chosen_format.plugin.lazy and all(first.shares_encoding_with(other) for other in others)

    def _check(self, value: Any, unknown: Sequence[RunningJob]) -> Any:
        """Return the result as it can be sent, checked against the plans that were made before it was known."""
        if unknown:
            found = inspect(value, adapt=self.services.hooks.adapt)
            value = found.obj
            for job in unknown:
                problems = self.services.dispatcher.check_known(job.plan, found.info)
                if problems:
                    lines = (f"{problem.path}: {problem.message}" for problem in problems)
                    job.failure = ResultRefused("\n".join(lines))
        return value


def deliver_stored(
    job: RunningJob, source: RunningJob, services: Services, deliver: Callable[[RunningJob], None]
) -> None:
    """Deliver what is stored for `source`, as a job of its own; the result is not computed again."""
    if _begin(job, services) and _store(job, services, partial(_copy, source=source)):
        deliver(job)


def _begin(job: RunningJob, services: Services) -> bool:
    if not job.take():  # it was cancelled before its turn came, or began in another thread
        return False
    if job.cancel_requested.is_set():
        cancel(job, services)
        return False
    job.started_at = services.clock()
    job.enter(Stage.PREPARING)
    services.hooks.job_changed(job.job_id)
    return True


def _store(job: RunningJob, services: Services, make: Callable[..., Artifact]) -> bool:
    """Make the artifact and record it; return False where that is the job's end."""
    if job.failure is not None:
        fail(job, services, as_job_error(job.failure, doing="checking the result"))
        return False
    if job.cancel_requested.is_set():
        cancel(job, services)
        return False
    try:
        artifact = make(job, services=services)
        _record(job, artifact, services)
    except LeaseLost:
        job.release()
        return False
    except BaseException as error:  # noqa: BLE001  # an error of a plugin or the disk ends this job, and no other
        # A cancel counts, whatever the plugin made of it.
        if job.cancel_requested.is_set():
            cancel(job, services)
        else:
            fail(job, services, as_job_error(error, doing="storing the artifact"))
        return False
    job.artifact = artifact
    job.enter(Stage.SAVING)
    services.hooks.job_changed(job.job_id)
    return True


def _copy(job: RunningJob, *, source: RunningJob, services: Services) -> Artifact:
    assert source.artifact is not None  # it is among those stored
    key = artifact_key(job)
    try:
        services.reader.check(source.artifact)
        services.store.copy(source.artifact.key, key, media_type=source.artifact.media_type, filename=job.filename)
    except OSError as error:
        raise as_job_error(error, doing="copying the artifact in the store", as_type=JobFailed) from error
    return attrs.evolve(source.artifact, key=key, filename=job.filename)


def _record(job: RunningJob, artifact: Artifact, services: Services) -> None:
    now = services.clock()
    facts = StoredArtifact(
        key=artifact.key, filename=artifact.filename, suffix=artifact.suffix, media_type=artifact.media_type,
        size_bytes=artifact.size_bytes, sha256=artifact.sha256, report=artifact.report,
        stored_at=now, expires_at=now + services.lifetime_of(job.plan),
    )  # fmt: skip
    try:
        services.ledger.store(job.job_id, job.epoch, job.delivery_id, facts, started_at=job.started_at)
    except BaseException:
        # No job has the object then: its space is freed, if the ledger has indeed not recorded it.
        with suppress(Exception):
            record = services.ledger.get(job.job_id)
            if record is not None and record.artifact is None:
                services.store.delete(artifact.key)
        raise
    job.first_try_at, job.first_tried = now, time.monotonic()
