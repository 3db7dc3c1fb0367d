"""The context that a step of a destination is handed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.wording import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from bourn.contract.artifact import Artifact
    from bourn.contract.context import Clock
    from bourn.job.running_job import Member
    from bourn.job.services import Services
    from bourn.ledger.database import Database
    from bourn.store.store import Store

__all__ = ["LentContext", "LookingContext", "WorkingContext"]


MOST_STEPS = 2**63 - 1
"""What a column of the ledger holds."""


class LookingContext:
    """For a preflight: there is no job yet, so there is nothing to link, to hold or to tell.

    Parameters
    ----------
    services : callable
        Gives the services; called only by a preflight that asks for the store or the database.
    format : mapping
        The format that was chosen, as a mapping.
    home : Path
        The installation's folder; it may not be there yet.
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
        """Where artifacts are read."""
        return self._services().store

    @property
    def database(self) -> Database:
        """The ledger's database."""
        return self._services().ledger.database

    @property
    def checkpoint(self) -> Mapping[str, Any]:
        """Nothing: no delivery has begun."""
        return {}

    @checkpoint.setter
    def checkpoint(self, value: Mapping[str, Any]) -> None:
        raise _too_early("checkpoint")

    def link(self) -> str:
        """Not to be had yet."""
        raise _too_early("link")

    def link_until(self) -> datetime:
        """Not to be had yet."""
        raise _too_early("link_until", "deliver")

    def hold(self, artifact: Artifact, owner: str) -> None:
        """Not to be had yet."""
        raise _too_early("hold")

    def release(self, delivery_id: str, owner: str, *, discard: bool = False) -> None:
        """Not to be had yet."""
        raise _too_early("release")

    def cancelled(self) -> bool:
        """Never: there is nothing to cancel."""
        return False

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Nobody listens yet."""


def _too_early(what: str, step: str = "prepare") -> RuntimeError:
    return RuntimeError(f"a preflight looks and touches nothing: context.{what} is there from {step} on")


class LentContext(LookingContext):
    """For a plugin at work outside of any job: on its own records, by a command, in a sweep."""

    def release(self, delivery_id: str, owner: str, *, discard: bool = False) -> None:
        """End a hold."""
        _release(self._services(), delivery_id, owner, discard=discard)


def _release(services: Services, delivery_id: str, owner: str, *, discard: bool) -> None:
    if discard:
        services.link_ledger.discard(delivery_id, owner, now=services.clock())
    else:
        services.ledger.release(delivery_id, owner)


class WorkingContext:
    """For the steps of a job that is being carried out."""

    def __init__(self, services: Services, member: Member) -> None:
        self._services = services
        self._member = member

    @property
    def job_id(self) -> str:
        """The job."""
        return self._member.job_id

    @property
    def delivery_id(self) -> str:
        """The delivery: the same at every try."""
        return self._member.delivery_id

    @property
    def attempt(self) -> int:
        """1 at the first try."""
        return self._member.attempt

    @property
    def settings(self) -> Any:
        """The plugin's own settings."""
        to = self._member.plan.to
        return self._services.settings_of(to.name, to.plugin)

    @property
    def format(self) -> Mapping[str, Any]:
        """The format that was chosen."""
        return self._member.plan.format

    @property
    def principal(self) -> str:
        """Who asked for the job."""
        return self._member.principal

    @property
    def clock(self) -> Clock:
        """Gives the time now."""
        return self._services.clock

    @property
    def store(self) -> Store:
        """Where artifacts are read."""
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
        """The artifact's link."""
        return self._services.links.url(self.delivery_id, self._member.filename)

    def link_until(self) -> datetime:
        """Until when the link works at least."""
        stored_at = self._member.first_try_at
        if stored_at is None:
            msg = "nothing is stored yet: context.link_until is there from deliver on"
            raise RuntimeError(msg)
        return stored_at + self._services.link_lifetime

    def hold(self, artifact: Artifact, owner: str) -> None:  # there is one artifact a delivery
        """Exempt the artifact from expiry."""
        self._services.ledger.hold(self.delivery_id, owner)

    def release(self, delivery_id: str, owner: str, *, discard: bool = False) -> None:
        """End a hold."""
        _release(self._services, delivery_id, owner, discard=discard)

    @property
    def checkpoint(self) -> Mapping[str, Any]:
        """The durable state of a delivery of several steps."""
        return dict(self._member.checkpoint)

    @checkpoint.setter
    def checkpoint(self, value: Mapping[str, Any]) -> None:
        self._services.ledger.checkpoint(self.job_id, self._member.epoch, self.delivery_id, value)
        self._member.checkpoint = dict(value)

    def cancelled(self) -> bool:
        """Whether somebody wants the job cancelled."""
        return self._member.cancel_wanted.is_set()

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Tell how far the step is."""
        self._member.tell(min(int(done), MOST_STEPS), min(int(total), MOST_STEPS), clean(str(note)))
