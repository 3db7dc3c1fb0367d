"""One result on its way to one or several destinations: computed once, encoded once where that serves all."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from bourn.contract.artifact import Artifact
from bourn.errors import JobFailed, RequestError, RequestTypeError, ResultRefused
from bourn.job.context import WorkingContext
from bourn.job.encode import encode
from bourn.job.failure import failed
from bourn.job.finish import cancel, fail
from bourn.ledger.ledger import LeaseLost
from bourn.ledger.record import StoredArtifact
from bourn.ledger.stages import Stage
from bourn.results.inspect import inspect
from bourn.results.lazy import Cancelled, compute

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bourn.job.running_job import Member
    from bourn.job.services import Services

__all__ = ["Work", "carry_out", "carry_stored"]


@attrs.frozen(kw_only=True, eq=False)
class Work:
    """What is to be done: one result, and the jobs it is for."""

    obj: Any
    arguments: Mapping[str, Any]
    geobox: Any
    members: Sequence[Member]

    def keeps_lazy(self) -> bool:
        """Whether the result may stay lazy until it is encoded: it is encoded once, by a format that reads blocks."""
        first, *others = (member.plan for member in self.members)
        return first.written.plugin.lazy and all(first.shares_encoding_with(other) for other in others)


def carry_out(work: Work, services: Services, deliver: Callable[[Member], None]) -> None:
    """Compute, encode and store the result for every member; then hand each to `deliver`.

    Never raises: whatever goes wrong is the end of the jobs that it went wrong for.
    """
    members = [member for member in work.members if _begun(member, services)]
    if not members:
        return
    try:
        value = _computed(work, members, services)
    except Cancelled:
        _end_all(members, services, None)
        return
    except BaseException as error:  # noqa: BLE001  # the caller's own code: whatever it raises is the job's failure
        _end_all(members, services, failed(error, doing="computing the result"))
        return
    for member in _all_stored(members, value, services):
        deliver(member)


def carry_stored(member: Member, twin: Member, services: Services, deliver: Callable[[Member], None]) -> None:
    """Deliver what is stored for `twin` already, as a job of its own; the result is not computed again."""
    if _begun(member, services) and _stored(member, services, lambda: _copied(member, twin, services)):
        deliver(member)


def _begun(member: Member, services: Services) -> bool:
    if not member.take():  # it was cancelled before its turn came
        return False
    if member.cancel_wanted.is_set():
        cancel(member, services)
        return False
    member.started_at = services.clock()
    member.enter(Stage.PREPARING)
    services.hooks.job_changed(member.job_id)
    return True


def _computed(work: Work, members: Sequence[Member], services: Services) -> Any:
    for member in members:
        member.enter(Stage.RUNNING)
        services.hooks.job_changed(member.job_id)

    def progress(done: int, total: int) -> None:
        for member in members:
            member.tell(done, total)

    def cancelled() -> bool:
        return all(member.cancel_wanted.is_set() for member in members)

    value = compute(work.obj, arguments=work.arguments, keep=work.keeps_lazy(), progress=progress, cancelled=cancelled)
    if cancelled():
        raise Cancelled
    try:
        if work.geobox is not None:
            from bourn.results.as_image import put_on_grid  # only for what is an image

            value, _ = put_on_grid(value, work.geobox)
        return _checked(value, [member for member in members if not member.plan.info.kinds], services)
    except (RequestError, RequestTypeError) as cause:
        raise ResultRefused(cause.message) from cause


def _checked(value: Any, unknown: Sequence[Member], services: Services) -> Any:
    """The result as it can be sent, now that it is known, and checked against the plans made before it was."""
    if unknown:
        found = inspect(value, adapt=services.hooks.adapt)
        value = found.obj
        for member in unknown:
            problems = services.dispatcher.check_known(member.plan, found.info)
            if problems:
                lines = (f"{problem.path}: {problem.message}" for problem in problems)
                member.failure = ResultRefused("\n".join(lines))
    return value


def _all_stored(members: Sequence[Member], value: Any, services: Services) -> Sequence[Member]:
    """Those whose artifact is stored: encoded for the first that needs it so, copied for its like."""
    stored: list[Member] = []
    for member in members:
        twin = next((other for other in stored if member.plan.shares_encoding_with(other.plan)), None)
        make = partial(_encoded, member, value) if twin is None else partial(_copied, member, twin)
        if _stored(member, services, partial(make, services)):
            stored.append(member)
    return stored


def _stored(member: Member, services: Services, make: Callable[[], Artifact]) -> bool:
    """Have the artifact made and written down; False where that is the job's end."""
    if member.failure is not None:
        fail(member, services, failed(member.failure, doing="checking the result"))
        return False
    if member.cancel_wanted.is_set():
        cancel(member, services)
        return False
    try:
        artifact = make()
        _write_down(member, artifact, services)
    except LeaseLost:
        member.leave()
        return False
    except BaseException as error:  # noqa: BLE001  # a plugin's or the disk's fault is this job's, and no other's
        # Whoever wants it cancelled gets that, whatever the plugin made of it.
        if member.cancel_wanted.is_set():
            cancel(member, services)
        else:
            fail(member, services, failed(error, doing="storing the artifact"))
        return False
    member.artifact = artifact
    member.enter(Stage.SAVING)
    services.hooks.job_changed(member.job_id)
    return True


def _key(member: Member) -> str:
    return f"{member.job_id}/{member.delivery_id}{member.plan.written.plugin.suffix}"


def _encoded(member: Member, value: Any, services: Services) -> Artifact:
    key = _key(member)
    context = WorkingContext(services, member)
    sink, report = encode(value, member.plan, key, filename=member.filename, store=services.store, context=context)
    plugin = member.plan.written.plugin
    return Artifact(
        key=key, filename=member.filename, suffix=plugin.suffix, media_type=plugin.media_type,
        size_bytes=sink.size_bytes, sha256=sink.sha256, report=report, source=services.store,
    )  # fmt: skip


def _copied(member: Member, twin: Member, services: Services) -> Artifact:
    assert twin.artifact is not None  # it is among those stored
    key = _key(member)
    try:
        services.store.copy(twin.artifact.key, key, media_type=twin.artifact.media_type, filename=member.filename)
    except OSError as error:
        raise failed(error, doing="copying the artifact in the store", as_type=JobFailed) from error
    return attrs.evolve(twin.artifact, key=key, filename=member.filename)


def _write_down(member: Member, artifact: Artifact, services: Services) -> None:
    now = services.clock()
    facts = StoredArtifact(
        key=artifact.key, filename=artifact.filename, suffix=artifact.suffix, media_type=artifact.media_type,
        size_bytes=artifact.size_bytes, sha256=artifact.sha256, report=artifact.report,
        stored_at=now, expires_at=now + services.link_lifetime,
    )  # fmt: skip
    try:
        services.ledger.store(member.job_id, member.epoch, member.delivery_id, facts, started_at=member.started_at)
    except BaseException:
        # The object is nobody's then: its space is given back, if the ledger has indeed not heard of it.
        with suppress(Exception):
            record = services.ledger.get(member.job_id)
            if record is not None and record.artifact is None:
                services.store.delete(artifact.key)
        raise
    member.first_try_at = now


def _end_all(members: Sequence[Member], services: Services, failure: BaseException | None) -> None:
    for member in members:
        if failure is None:
            cancel(member, services)
        else:
            fail(member, services, failed(failure, doing="computing the result"))
