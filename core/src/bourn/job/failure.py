"""The failure of a job: as an error, as JSON in the ledger, and as an error again in any process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.errors import (
    DeliveryError,
    DeliveryRefused,
    EncodeError,
    JobCancelled,
    JobError,
    JobFailed,
    JobTimeout,
    ResultRefused,
)
from bourn.wording import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.job.job import Job

__all__ = ["as_job_error", "as_json", "from_json"]

_BY_CODE: Mapping[str, type[JobError]] = {
    error.code: error
    for error in (JobFailed, ResultRefused, EncodeError, DeliveryError, DeliveryRefused, JobTimeout, JobCancelled)
}


def as_job_error(error: BaseException, *, doing: str, as_type: type[JobFailed] = JobFailed) -> JobError:
    """Return `error` if it is a JobError, else one that names it, with `error` as its cause."""
    if isinstance(error, JobError):
        return error
    failure = as_type(f"{doing} failed: {type(error).__name__}: {_text(error)}")
    failure.__cause__ = error
    return failure


def as_json(error: JobError) -> dict[str, Any]:
    """Return the failure as JSON; a plugin's own class becomes the nearest one that every process knows."""
    known = next((cls for cls in type(error).__mro__ if _BY_CODE.get(vars(cls).get("code", "")) is cls), JobFailed)
    return {"code": known.code, "message": clean(_text(error))}


def from_json(stored: Mapping[str, Any], job: Job) -> JobError:
    """Return the error that `as_json` was given, to be raised."""
    error_type = _BY_CODE.get(str(stored.get("code")), JobFailed)
    return error_type(str(stored.get("message", "")), job=job)


def _text(error: BaseException) -> str:
    try:
        return str(error) or "no message"
    except Exception as raised:  # noqa: BLE001  # a third party's __str__
        return f"no message (its __str__ raises {type(raised).__name__})"
