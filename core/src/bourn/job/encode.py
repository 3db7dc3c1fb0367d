"""From a result to an artifact: prepared, encoded as a stream, durable in the store."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bourn.contract.artifact import Artifact
from bourn.errors import EncodeError, JobFailed
from bourn.job.context import DeliveryContext
from bourn.job.failure import as_job_error
from bourn.results.as_image import as_image
from bourn.results.lazy import Cancelled, compute
from bourn.store.filename import safe_filename

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bourn.contract.context import Context
    from bourn.contract.format import Format, Sink
    from bourn.dispatch.plan import Chosen, Plan
    from bourn.job.running_job import RunningJob
    from bourn.job.services import Services

__all__ = ["artifact_key", "encode", "filename_of"]

_STORING = "writing the artifact to the store"


def encode(job: RunningJob, value: Any, services: Services) -> Artifact:
    """Write `value` into the store as the plan of the job says.

    When it returns the object is whole and durable; when it raises there is none.
    """
    key, context = artifact_key(job), DeliveryContext(services, job)
    chosen = job.plan.chosen_format
    plugin = chosen.plugin
    prepared = _prepared(value, job.plan, context)
    # Filled while the blocks pass, so it is read after the last one.
    prepare_report = getattr(prepared, "report", None) if job.plan.chosen_destination.plugin.encodes_alone() else None
    if plugin.kinds == ("image",):
        prepared = as_image(prepared)
    if not plugin.lazy:
        prepared = compute(prepared, progress=context.progress, cancelled=context.cancelled)
    try:
        with services.store.create(key, media_type=plugin.media_type, filename=job.filename) as sink:
            cancellable = _CancellableSink(sink, context.cancelled)
            if plugin.lazy:
                prepared = _observed(prepared, cancellable, context.progress)
            with _errors_of(chosen, cancellable):
                answer = plugin.encode(prepared, chosen.options, cancellable)
    except OSError as error:
        raise as_job_error(error, doing=_STORING) from error
    report: dict[str, Any] = {"encode": dict(answer or {})}
    if prepare_report is not None:
        report["prepare"] = dict(prepare_report)
    return Artifact(
        key=key, filename=job.filename, suffix=plugin.suffix, media_type=plugin.media_type,
        size_bytes=sink.size_bytes, sha256=sink.sha256, report=report, source=services.store,
    )  # fmt: skip


def artifact_key(job: RunningJob) -> str:
    """Return the key of its artifact in the store."""
    return f"{job.job_id}/{job.delivery_id}{job.plan.chosen_format.plugin.suffix}"


@contextmanager
def _errors_of(chosen: Chosen[Format[Any]], sink: _CancellableSink) -> Iterator[None]:
    """Name the format in its errors. An error of the sink counts, whatever the format made of it."""
    try:
        yield
    except BaseException as error:
        if sink.error is not None:
            raise sink.error from error
        if not isinstance(error, Exception) or isinstance(error, JobFailed | Cancelled):
            raise
        raise as_job_error(error, doing=f"encoding as {chosen.name!r}", as_type=EncodeError) from error
    if sink.error is not None:
        raise sink.error
    sink.check()


def filename_of(plan: Plan, job_id: str, name: str | None = None) -> str:
    """Return the name of the artifact's file, from a safe alphabet: by `name`, else by the job."""
    suffix = plan.chosen_format.plugin.suffix
    text = f"bourn-{job_id[:12]}" if name is None else name
    return safe_filename(text[: -len(suffix)] if text.lower().endswith(suffix.lower()) else text, suffix)


def _prepared(value: Any, plan: Plan, context: Context) -> Any:
    to = plan.chosen_destination
    if not to.plugin.encodes_alone():
        return value
    if to.plugin.kinds == ("image",):
        value = as_image(value)
    try:
        return to.plugin.prepare(value, to.options, context)
    except (JobFailed, Cancelled):
        raise
    except Exception as error:
        raise as_job_error(error, doing=f"preparing the result for {to.name!r}") from error


def _observed(value: Any, sink: _CancellableSink, progress: Callable[[int, int], None]) -> Any:
    """Return an image that reports how many of its strips were read, and stops the writer when the job is cancelled.

    A writer may read all of them before it writes a byte.
    """
    watch = getattr(type(value), "watched", None)
    if watch is None:
        return value

    def observe(done: int, total: int) -> None:
        sink.check()
        progress(done, total)

    return watch(value, observe)


class _CancellableSink:
    """A sink that stops the writer when the job is cancelled, and keeps the error that stopped it.

    A format may swallow or translate what its sink raises; half an object must not be published for that.
    """

    __slots__ = ("_cancelled", "_sink", "error")

    def __init__(self, sink: Sink, cancelled: Callable[[], bool]) -> None:
        self._sink = sink
        self._cancelled = cancelled
        self.error: Exception | None = None

    def check(self) -> None:
        """Raise `Cancelled` where the job is to be cancelled."""
        if self._cancelled():
            self.error = Cancelled("cancelled")
            raise self.error

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        if self.error is not None:
            raise self.error
        self.check()
        try:
            return self._sink.write(data)
        except OSError as error:
            self.error = as_job_error(error, doing=_STORING)
            raise self.error from error
