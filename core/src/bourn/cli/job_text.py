"""A job as text and as JSON, the same for all commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.describe.option import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bourn.describe.console import Console
    from bourn.job.job import Job
    from bourn.session import Session

__all__ = ["job_as_json", "job_page", "link_state", "link_until", "spoken_size", "spoken_time"]


def job_as_json(session: Session, job: Job) -> dict[str, Any]:
    """Return a job as JSON."""
    record = session.engine.record_of(job.id)
    artifact = None if record is None else record.artifact
    receipt, error, runtime = job.receipt, job.error, job.runtime
    link = link_state(session, job)
    return {
        "id": job.id,
        "group": job.group,
        "stage": job.stage,
        "destination": dict(job.destination),
        "format": dict(job.format),
        "url": job.url if link in (None, "works") else None,
        "link": link,
        "expires": _iso(job.expires_datetime),
        "size_bytes": None if artifact is None else artifact.size_bytes,
        "sha256": None if artifact is None else artifact.sha256,
        "receipt": None if receipt is None else {"url": receipt.url, "detail": dict(receipt.detail)},
        "report": dict(job.report),
        "error": None if error is None else {"code": error.code, "message": error.message},
        "created": _iso(job.created_datetime),
        "runtime_seconds": None if runtime is None else round(runtime.total_seconds(), 3),
    }


def job_page(session: Session, job: Job, console: Console) -> list[str]:
    """Return a job as lines of text."""
    described = job_as_json(session, job)
    progress = job.progress
    rows = [
        ("stage", described["stage"] + (f"; {progress.note}" if progress.note else "")),
        ("destination", _with_options(described["destination"])),
        ("format", _with_options(described["format"])),
        ("asked for", spoken_time(job.created_datetime)),
        ("took", "" if job.runtime is None else f"{job.runtime.total_seconds():.2f} s"),
        ("steps", f"{progress.done} of {progress.total}" if not job.done and progress.total else ""),
        ("link", described["url"] or described["link"] or ""),
        ("until", (link_until(session, job) or "") if described["link"] == "works" else ""),
        ("size", "" if described["size_bytes"] is None else spoken_size(described["size_bytes"])),
        ("sha256", described["sha256"] or ""),
        ("error", "" if described["error"] is None else described["error"]["message"]),
        *_details(described),
    ]
    lines = console.table([row for row in rows if row[1]], indent=2, wrap=(1,))
    return [console.strong(job.id), *lines]


def _details(described: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return receipt and report, one line for each entry."""
    receipt = (described["receipt"] or {}).get("detail", {})
    said = [("receipt", key, value) for key, value in receipt.items()]
    said += [("report", key, value) for part in described["report"].values() for key, value in part.items()]
    said = [row for row in said if row[2] not in (None, "", [], {})]
    return [(head, f"{key}: {plain_text(value)}") for head, key, value in said]


def _with_options(mapping: Mapping[str, Any]) -> str:
    options = [f"{key}={plain_text(value)}" for key, value in mapping.items() if key != "type"]
    return " ".join([str(mapping.get("type")), *options])


def link_until(session: Session, job: Job) -> str | None:
    """Return until when the link works; None where there is none, or it is not a link of this server."""
    ends, url = job.expires_datetime, job.url
    if ends is None or url is None or not url.startswith(session.settings.public_url):
        return None
    return spoken_time(ends)


def link_state(session: Session, job: Job) -> str | None:
    """Return whether the link works, is revoked or expired; None where there is none of this server."""
    record = session.engine.record_of(job.id)
    artifact = None if record is None else record.artifact
    if artifact is None or link_until(session, job) is None:
        return None
    if artifact.revoked_at is not None:
        return "revoked"
    over = artifact.expired_at is not None or (job.done and session.clock() >= artifact.expires_at)
    return "expired" if over else "works"


def spoken_time(moment: datetime) -> str:
    """Return a time to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def spoken_size(size_bytes: float) -> str:
    """Return a size with its unit.

    Examples
    --------
    >>> spoken_size(1), spoken_size(1536), spoken_size(8_388_608)
    ('1 B', '1.5 KiB', '8.0 MiB')
    """
    if size_bytes < 1024:  # noqa: PLR2004  # the unit
        return f"{size_bytes} B"
    for unit in ("KiB", "MiB", "GiB"):
        size_bytes /= 1024
        if size_bytes < 1024:  # noqa: PLR2004
            return f"{size_bytes:.1f} {unit}"
    return f"{size_bytes / 1024:.1f} TiB"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
