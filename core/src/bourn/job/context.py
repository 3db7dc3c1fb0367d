"""The context that a step of a destination gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.wording import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from bourn.contract.artifact import Artifact
    from bourn.contract.context import Clock
    from bourn.job.running_job import RunningJob
    from bourn.job.services import Services
    from bourn.ledger.database import Database
    from bourn.store.store import Store

__all__ = ["DeliveryContext", "PluginContext", "PreflightContext"]


STEPS_MAX = 2**63 - 1
"""The largest number that a column of the ledger holds."""


class PreflightContext:
    """For a preflight: there is no job yet, so there is nothing to link, to hold or to report.

    Parameters
    ----------
    services : callable
        Returns the services; called only by a preflight that asks for the store or the database.
    format : mapping
        The format that was chosen, as a mapping.
    home : Path
        The installation's folder; it may not exist yet.
    """

    job_id = ""
    delivery_id = None
    attempt = 0

    def __init__(
        self,
        principal: str,
        clock: Clock,
        settings: Callable[[], Any],
        services: Callable[[], Services],
        home: Path,
        format: Mapping[str, Any],
    ) -> None:
        self.principal = principal
        self.format = format
        self.clock = clock
        self.home = home
        self._settings = settings
        self._services = services

    @property
    def settings(self) -> Any:
        """The plugin's own settings."""
        return self._settings()

    @property
    def store(self) -> Store:
        """The store of artifacts."""
        return self._services().store

    @property
    def database(self) -> Database:
        """The ledger's database."""
        return self._services().ledger.database

    @property
    def checkpoint(self) -> Mapping[str, Any]:
        """Empty: no delivery has begun."""
        return {}

    @checkpoint.setter
    def checkpoint(self, value: Mapping[str, Any]) -> None:
        raise _too_early("checkpoint")

    def link(self) -> str:
        """Raise: there is no artifact yet."""
        raise _too_early("link")

    def link_until(self) -> datetime:
        """Raise: there is no artifact yet."""
        raise _too_early("link_until", "deliver")

    def hold(self, artifact: Artifact, owner: str) -> None:
        """Raise: there is no artifact yet."""
        raise _too_early("hold")

    def release(self, delivery_id: str, owner: str, *, discard: bool = False) -> None:
        """Raise: there is no artifact yet."""
        raise _too_early("release")

    def cancelled(self) -> bool:
        """Return False: there is nothing to cancel."""
        return False

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Do nothing: there is no job yet."""


def _too_early(what: str, step: str = "prepare") -> RuntimeError:
    return RuntimeError(f"a preflight reads and changes nothing: context.{what} is available from {step} on")


class PluginContext(PreflightContext):
    """For a plugin outside of any job: its own records, a command, a sweep."""

    def release(self, delivery_id: str, owner: str, *, discard: bool = False) -> None:
        """End a hold."""
        _release(self._services(), delivery_id, owner, discard=discard)


def _release(services: Services, delivery_id: str, owner: str, *, discard: bool) -> None:
    if discard:
        services.link_ledger.discard(delivery_id, owner, now=services.clock())
    else:
        services.ledger.release(delivery_id, owner)


class DeliveryContext:
    """For the steps of a running job."""

    def __init__(self, services: Services, job: RunningJob) -> None:
        self._services = services
        self._job = job

    @property
    def job_id(self) -> str:
        """The id of the job."""
        return self._job.job_id

    @property
    def delivery_id(self) -> str:
        """The id of the delivery: the same at every try."""
        return self._job.delivery_id

    @property
    def attempt(self) -> int:
        """1 at the first try."""
        return self._job.attempt

    @property
    def settings(self) -> Any:
        """The plugin's own settings."""
        to = self._job.plan.chosen_destination
        return self._services.settings_of(to.name, to.plugin)

    @property
    def format(self) -> Mapping[str, Any]:
        """The format that was chosen."""
        return self._job.plan.format

    @property
    def principal(self) -> str:
        """The user who asked for the job."""
        return self._job.principal

    @property
    def clock(self) -> Clock:
        """Returns the time now."""
        return self._services.clock

    @property
    def store(self) -> Store:
        """The store of artifacts."""
        return self._services.store

    @property
    def database(self) -> Database:
        """The ledger's database."""
        return self._services.ledger.database

    @property
    def home(self) -> Path:
        """The installation's folder."""
        return self._services.settings.folder

    def link(self) -> str:
        """Return the link to the artifact."""
        return self._services.links.url(self.delivery_id, self._job.filename)

    def link_until(self) -> datetime:
        """Return until when the link works at least."""
        stored_at = self._job.first_try_at
        if stored_at is None:
            msg = "nothing is stored yet: context.link_until is available from deliver on"
            raise RuntimeError(msg)
        return stored_at + self._services.lifetime_of(self._job.plan)

    def hold(self, artifact: Artifact, owner: str) -> None:  # there is one artifact a delivery
        """Exempt the artifact from expiry."""
        self._services.ledger.hold(self.delivery_id, owner)

    def release(self, delivery_id: str, owner: str, *, discard: bool = False) -> None:
        """End a hold."""
        _release(self._services, delivery_id, owner, discard=discard)

    @property
    def checkpoint(self) -> Mapping[str, Any]:
        """The durable state of a delivery of several steps."""
        return dict(self._job.checkpoint)

    @checkpoint.setter
    def checkpoint(self, value: Mapping[str, Any]) -> None:
        self._services.ledger.checkpoint(self.job_id, self._job.epoch, self.delivery_id, value)
        self._job.checkpoint = dict(value)

    def cancelled(self) -> bool:
        """Return whether the job is to be cancelled."""
        return self._job.cancel_requested.is_set()

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Report how far the step is."""
        self._job.report_progress(min(int(done), STEPS_MAX), min(int(total), STEPS_MAX), clean(str(note)))
