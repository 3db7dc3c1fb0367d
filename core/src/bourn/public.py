"""The functions of `bourn`: those of a default session, made on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from bourn.session import Session, default_session

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from datetime import timedelta

    from bourn.dispatch.plan import Plan
    from bourn.job.job import Job
    from bourn.plugins.registry import Registry

__all__ = ["Job", "compute", "jobs", "plan", "registry"]


def compute(  # noqa: PLR0913  # DESIGN fixes the signature
    obj: Any,
    geobox: Any = None,
    *,
    format: Any = None,
    destination: Any = "download",
    file: str | os.PathLike[str] | BinaryIO | None = None,
    name: str | None = None,
    timeout: float | None = None,
    block: bool = True,
    progress_bar: bool | None = None,
    resampling: str | None = None,
    expires_after: timedelta | str | None = None,
    key: str | None = None,
    **arguments: Any,
) -> Any:
    """As `Session.compute`, by the default session."""
    return default_session().compute(
        obj, geobox, format=format, destination=destination, file=file, name=name, timeout=timeout,
        block=block, progress_bar=progress_bar, resampling=resampling, expires_after=expires_after, key=key,
        **arguments,
    )  # fmt: skip


def plan(  # noqa: PLR0913  # the same
    obj: Any,
    geobox: Any = None,
    *,
    format: Any = None,
    destination: Any = "download",
    file: str | os.PathLike[str] | BinaryIO | None = None,
    name: str | None = None,
    timeout: float | None = None,
    block: bool = True,
    progress_bar: bool | None = None,
    resampling: str | None = None,
    expires_after: timedelta | str | None = None,
    key: str | None = None,
    **arguments: Any,
) -> Plan | list[Plan]:
    """As `Session.plan`, by the default session."""
    return default_session().plan(
        obj, geobox, format=format, destination=destination, file=file, name=name, timeout=timeout,
        block=block, progress_bar=progress_bar, resampling=resampling, expires_after=expires_after, key=key,
        **arguments,
    )  # fmt: skip


def jobs(*, stage: str | None = None, group: str | None = None, limit: int | None = 100) -> Sequence[Job]:
    """As `Session.jobs`, by the default session."""
    return default_session().jobs(stage=stage, group=group, limit=limit)


def registry() -> Registry:
    """The registry of the default session: who is installed, and what goes together."""
    return default_session().registry


# These names are shown when a notebook is asked for their help.
compute.__doc__ = Session.compute.__doc__
plan.__doc__ = Session.plan.__doc__
jobs.__doc__ = Session.jobs.__doc__


def __getattr__(name: str) -> Any:
    if name != "Job":
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    # The class needs SQLAlchemy; the functions above must not.
    from bourn.job.job import Job as job_class  # noqa: N813

    job_class.default_engine = lambda: default_session().engine
    return job_class
