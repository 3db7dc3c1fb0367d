"""How the failure of a job is written down, and raised again in any process."""

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

__all__ = ["failed", "raised", "written"]

_BY_CODE: Mapping[str, type[JobError]] = {
    error.code: error
    for error in (JobFailed, ResultRefused, EncodeError, DeliveryError, DeliveryRefused, JobTimeout, JobCancelled)
}


def failed(error: BaseException, *, doing: str, as_type: type[JobFailed] = JobFailed) -> JobError:
    """`error` as the failure of a job: itself if it is one, else one that names it, with the cause chained."""
    if isinstance(error, JobError):
        return error
    failure = as_type(f"{doing} failed: {type(error).__name__}: {_text(error)}")
    failure.__cause__ = error
    return failure


def written(error: JobError) -> dict[str, Any]:
    """The failure as JSON; a plugin's own class of it as the nearest one that every process knows."""
    known = next((cls for cls in type(error).__mro__ if _BY_CODE.get(vars(cls).get("code", "")) is cls), JobFailed)
    return {"code": known.code, "message": clean(_text(error))}


def raised(stored: Mapping[str, Any], job: Job) -> JobError:
    """The failure that `written` gave, as an error to raise."""
    error_type = _BY_CODE.get(str(stored.get("code")), JobFailed)
    return error_type(str(stored.get("message", "")), job=job)


def _text(error: BaseException) -> str:
    try:
        return str(error) or "no message"
    except Exception as fault:  # noqa: BLE001  # a stranger's __str__
        return f"no message (its __str__ raises {type(fault).__name__})"
