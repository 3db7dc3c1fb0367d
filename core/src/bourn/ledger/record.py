"""Records of the ledger: a job with its delivery, an artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bourn.ledger.stages import Stage

__all__ = ["JobRecord", "ProgressUpdate", "StoredArtifact"]


@attrs.frozen(kw_only=True)
class StoredArtifact:
    """An artifact in the ledger: everything but the bytes."""

    key: str
    filename: str
    suffix: str
    media_type: str
    size_bytes: int
    sha256: str
    report: Mapping[str, Any]
    stored_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    expired_at: datetime | None = None
    erased_at: datetime | None = None
    damaged_at: datetime | None = None
    """When the bytes in the store were found to differ from `sha256`."""


@attrs.frozen(kw_only=True)
class JobRecord:
    """One job as the ledger had it at one time."""

    id: str
    group_id: str
    stage: Stage
    principal: str
    plan: Mapping[str, Any]
    secrets: Mapping[str, Any] | None = attrs.field(repr=False)
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    finished_at: datetime | None
    worker_id: str | None
    epoch: int
    cancel_requested_at: datetime | None
    deadline_at: datetime | None
    steps_done: int
    steps_total: int
    note: str
    error: Mapping[str, Any] | None
    delivery_id: str
    artifact: StoredArtifact | None
    attempts: int
    first_try_at: datetime | None
    next_try_at: datetime | None
    checkpoint: Mapping[str, Any]
    receipt: Mapping[str, Any] | None


@attrs.frozen(kw_only=True)
class ProgressUpdate:
    """How far a job of this process is."""

    job_id: str
    epoch: int
    stage: Stage
    started_at: datetime | None
    done: int
    total: int
    note: str
