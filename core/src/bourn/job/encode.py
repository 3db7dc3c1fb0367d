"""From a result to an artifact: prepared, encoded as a stream, and durable in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.errors import EncodeError, JobFailed
from bourn.job.failure import failed
from bourn.results.as_image import as_image
from bourn.results.lazy import Cancelled, compute

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn.contract.context import Context
    from bourn.contract.format import Format, Sink
    from bourn.dispatch.plan import Chosen, Plan
    from bourn.store.store import Store, StoreSink

__all__ = ["encode", "name_of"]

_STORING = "writing the artifact to the store"


def encode(
    value: Any, plan: Plan, key: str, *, filename: str, store: Store, context: Context
) -> tuple[StoreSink, dict[str, Any]]:
    """Write `value` into the store as the plan says; gives the sink, with size and digest, and the report.

    When it returns the object is whole and durable; when it raises there is none.
    """
    prepared = _prepared(value, plan, context)
    # Filled while the blocks pass, so it is read after the last one.
    prepare_report = getattr(prepared, "report", None) if plan.to.plugin.encodes_alone() else None
    written = plan.written
    if written.plugin.kinds == ("image",):
        prepared = as_image(prepared)
    if not written.plugin.lazy:
        prepared = compute(prepared, progress=context.progress, cancelled=context.cancelled)
    try:
        with store.create(key, media_type=written.plugin.media_type, filename=filename) as sink:
            watched = _Watched(sink, context.cancelled)
            if written.plugin.lazy:
                prepared = _heeding(prepared, watched, context.progress)
            said = _passed(prepared, written, watched)
    except OSError as error:
        raise failed(error, doing=_STORING) from error
    report: dict[str, Any] = {"encode": dict(said or {})}
    if prepare_report is not None:
        report["prepare"] = dict(prepare_report)
    return sink, report


def _passed(prepared: Any, written: Chosen[Format[Any]], sink: _Watched) -> Any:
    """Encode into the sink; gives the format's report. What the sink raised counts, whatever the format made of it."""
    try:
        said = written.plugin.encode(prepared, written.options, sink)
    except BaseException as error:
        if sink.fault is not None:
            raise sink.fault from error
        if not isinstance(error, Exception) or isinstance(error, JobFailed | Cancelled):
            raise
        raise failed(error, doing=f"encoding as {written.name!r}", as_type=EncodeError) from error
    if sink.fault is not None:
        raise sink.fault
    sink.look()
    return said


def name_of(plan: Plan, job_id: str) -> str:
    """A name to save the artifact under, from a safe alphabet."""
    return f"bourn-{job_id[:12]}{plan.written.plugin.suffix}"


def _prepared(value: Any, plan: Plan, context: Context) -> Any:
    to = plan.to
    if not to.plugin.encodes_alone():
        return value
    if to.plugin.kinds == ("image",):
        value = as_image(value)
    try:
        return to.plugin.prepare(value, to.options, context)
    except (JobFailed, Cancelled):
        raise
    except Exception as error:
        raise failed(error, doing=f"preparing the result for {to.name!r}") from error


def _heeding(value: Any, sink: _Watched, progress: Callable[[int, int], None]) -> Any:
    """An image that tells how many of its strips were read, and stops the writer when the job is cancelled.

    A writer may read all of them before it writes a byte.
    """
    watch = getattr(type(value), "watched", None)
    if watch is None:
        return value

    def heed(done: int, total: int) -> None:
        sink.look()
        progress(done, total)

    return watch(value, heed)


class _Watched:
    """A sink that stops the writer when the job is cancelled, and remembers why it stopped.

    A format may swallow or translate what its sink raises; half an object must not be published for that.
    """

    __slots__ = ("_cancelled", "_sink", "fault")

    def __init__(self, sink: Sink, cancelled: Callable[[], bool]) -> None:
        self._sink = sink
        self._cancelled = cancelled
        self.fault: Exception | None = None

    def look(self) -> None:
        """Raise `Cancelled` where somebody wants that."""
        if self._cancelled():
            self.fault = Cancelled("cancelled")
            raise self.fault

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        if self.fault is not None:
            raise self.fault
        self.look()
        try:
            return self._sink.write(data)
        except OSError as error:
            self.fault = failed(error, doing=_STORING)
            raise self.fault from error
