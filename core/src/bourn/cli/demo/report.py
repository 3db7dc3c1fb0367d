"""The outcome of one request of the demo, compared with what is expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from bourn.cli.demo.server import fetched
from bourn.cli.job_text import spoken_size
from bourn.errors import BournError, IncompatiblePair, Refused, RequestError, ResultRefused

if TYPE_CHECKING:
    from bourn.cli.demo.requests import Request
    from bourn.job.job import Job
    from bourn.session import Session

__all__ = ["Outcome", "show", "wrong_requests"]

JOB_SECONDS = 60.0


@attrs.frozen(kw_only=True)
class Outcome:
    """The outcome of a request.

    Attributes
    ----------
    outcome : str
        delivered, refused, skipped or failed.
    size, time, said : str
        As the table has it.
    details : str
        What its plugin reports about it.
    """

    outcome: str
    size: str = ""
    time: str = ""
    said: str = ""
    details: str = ""


def show(session: Session, request: Request, *, served: bool) -> Outcome:
    """Make the request, or check that it is refused."""
    if request.broken:
        return Outcome(outcome="failed", said=request.broken)
    if request.skipped:
        return Outcome(outcome="skipped", said=f"skipped: {request.skipped}")
    try:
        if request.refused:
            return _refused(session, request)
        # None is "not said": the demo's own pairs say both, a plugin's need not.
        parts = {"destination": request.to, "format": request.written}
        job = session.compute(
            request.obj, block=False, **{key: part for key, part in parts.items() if part is not None}
        )
        job.wait(JOB_SECONDS)
    except (Refused, ResultRefused) as error:
        # A destination that is not set up here says no, as it should. Of what is computed the kind is known late, and
        # may be refused then; of anything else it was known before.
        expected = isinstance(error, Refused) or callable(request.obj)
        return Outcome(outcome="refused" if expected else "failed", said=f"refused: {error.message}")
    except BournError as error:
        return Outcome(outcome="failed", said=f"{type(error).__name__}: {error.message}")
    return _delivered(session, request, job, served=served)


def _refused(session: Session, request: Request) -> Outcome:
    try:
        session.plan(request.obj, destination=request.to, format=request.written)
    except (IncompatiblePair, RequestError) as error:
        return Outcome(outcome="refused", said=f"refused: {error.message.removeprefix('format: ')}")
    return Outcome(outcome="failed", said=f"was planned, although {request.refused}")


def _delivered(session: Session, request: Request, job: Job, *, served: bool) -> Outcome:
    record = session.engine.record_of(job.id)
    artifact = None if record is None else record.artifact
    size = "" if artifact is None else spoken_size(artifact.size_bytes)
    time = "" if job.runtime is None else f"{job.runtime.total_seconds() * 1000:,.0f} ms"
    said: list[str] = []
    wrong: list[str] = []
    details = ""
    try:
        if served and artifact is not None and job.url and job.url.startswith(session.settings.public_url):
            same = fetched(job.url) == artifact.sha256
            (said if same else wrong).append("same bytes by its link" if same else "other bytes by its link")
        plan = job.plan
        back = (
            plan.chosen_format.plugin.decodes
            and plan.chosen_destination.plugin.gives_data
            and not plan.chosen_destination.plugin.loads_alone()
        )
        if back and not callable(request.obj):
            same = _same(job.result(), request.obj)
            (said if same else wrong).append("same object back" if same else "another object back")
        if request.tell is not None:
            details = str(request.tell(job))
    except Exception as error:  # noqa: BLE001  # links, files and what a plugin wants to tell
        wrong.append(f"{type(error).__name__}: {error}")
    outcome = "failed" if wrong else "delivered"
    return Outcome(outcome=outcome, size=size, time=time, said=", ".join(wrong or said), details=details)


def _same(found: Any, given: Any) -> bool:
    """Return whether a result equals what was sent; NaN equals NaN."""
    identical = getattr(type(given), "identical", None)
    if identical is not None:
        return bool(identical(given, found))
    if isinstance(given, dict):
        return (
            type(found) is dict and given.keys() == found.keys() and all(_same(found[key], given[key]) for key in given)
        )
    if isinstance(given, list):
        return type(found) is list and len(given) == len(found) and all(map(_same, found, given))
    if hasattr(type(given), "__array__"):
        import numpy as np  # loaded already

        return bool(np.asarray(given).dtype == found.dtype) and np.asarray(given).tobytes() == found.tobytes()
    return bool(found == given) or (found != found and given != given)  # noqa: PLR0124  # NaN alone is not itself


def wrong_requests(session: Session) -> list[tuple[str, str, bool]]:
    """Return wrong requests: the call, the error message, and whether that names the right spelling."""
    registry = session.registry
    wrong_requests_: list[tuple[str, dict[str, Any], str]] = []
    for role, named in (("destination", registry.destinations), ("format", registry.formats)):
        wrong_requests_ += [(role, {role: _misspelled(name)}, name) for name in list(named)[:1]]
        for spec in named.values():
            option = next((key for key in spec.schema.get("properties", {}) if len(key) > 3), None)  # noqa: PLR2004
            if option is not None:
                wrong_requests_.append((role, {role: {"type": spec.name, _misspelled(option): None}}, option))
                break
    if registry.formats:
        wrong_requests_.insert(0, ("", {"fromat": next(iter(registry.formats))}, "format"))
    return [_said(session, request, right) for _, request, right in wrong_requests_]


def _misspelled(word: str) -> str:
    """Return a word with two letters exchanged, as in a typing error."""
    middle = len(word) // 2
    places = [*range(middle, len(word) - 1), *range(middle)]
    place = next((each for each in places if word[each] != word[each + 1]), 0)
    return word[:place] + word[place + 1 : place + 2] + word[place : place + 1] + word[place + 2 :]


def _said(session: Session, request: dict[str, Any], right: str) -> tuple[str, str, bool]:
    arguments = ", ".join(f"{key}={value!r}".replace("'", '"') for key, value in request.items())
    call = f"bourn.compute(2, {arguments})"
    try:
        session.compute(2, **request)
    except RequestError as error:
        return call, error.message, repr(right) in error.message
    except BournError as error:
        return call, error.message, False
    return call, "was taken, and should not have been", False
