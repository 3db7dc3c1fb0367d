"""What jobs need from their session: made in one place, passed by argument; and the observers of jobs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs

from bourn.ledger.clock import LedgerClock
from bourn.ledger.database import Database
from bourn.ledger.ledger import Ledger
from bourn.ledger.links import LinkLedger
from bourn.ledger.signing import SigningKeys
from bourn.ledger.workers import Workers
from bourn.store.links import Links
from bourn.store.retention import Sweeper
from bourn.store.store import Store, open_store
from bourn.store.verified import VerifiedReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn.contract.context import Clock
    from bourn.contract.destination import Destination
    from bourn.contract.receipt import Receipt
    from bourn.dispatch.dispatcher import Dispatcher
    from bourn.dispatch.plan import Plan
    from bourn.job.job import Job
    from bourn.plugins.hooks import Hooks
    from bourn.settings import Settings

__all__ = ["Observers", "Services", "adapt"]


class Observers:
    """Calls the hooks of plugins with a job; none can hurt a job. The job is made only where there are hooks."""

    def __init__(self, hooks: Hooks, job_of: Callable[[str], Job]) -> None:
        self._hooks = hooks
        self._job_of = job_of

    def job_changed(self, job_id: str) -> None:
        """A job has entered another stage."""
        if self._hooks.any("bourn_job_changed"):
            self._hooks.call("bourn_job_changed", job=self._job_of(job_id))

    def delivered(self, job_id: str, receipt: Receipt) -> None:
        """A destination has answered."""
        if self._hooks.any("bourn_delivered"):
            self._hooks.call("bourn_delivered", job=self._job_of(job_id), receipt=receipt)

    def adapt(self, obj: Any) -> Any:
        """Return a foreign object as a result; None where no plugin knows it."""
        return adapt(self._hooks, obj)


def adapt(hooks: Hooks, obj: Any) -> Any:
    """Return a foreign object as a result, by the first plugin that knows it; None where none does."""
    for _distribution, answer in hooks.call("bourn_adapt", obj=obj):
        if answer is not None:
            return answer
    return None


@attrs.frozen(kw_only=True)
class Services:
    """What a job needs from its session."""

    settings: Settings
    clock: LedgerClock
    dispatcher: Dispatcher
    ledger: Ledger
    workers: Workers
    store: Store
    reader: VerifiedReader
    links: Links
    link_ledger: LinkLedger
    sweeper: Sweeper
    hooks: Observers
    settings_of: Callable[[str, Destination[Any]], Any]
    """``settings_of(name, plugin)``: a plugin's own settings, read once."""

    @classmethod
    def open(
        cls,
        settings: Settings,
        clock: Clock,
        dispatcher: Dispatcher,
        *,
        hooks: Observers,
        settings_of: Callable[[str, Destination[Any]], Any],
    ) -> Services:
        """Open ledger and store as the settings name them, and all that works on the two."""
        database = Database(settings.database)
        clock = LedgerClock(database, clock)
        link_ledger, workers = LinkLedger(database), Workers(database, clock)
        links = Links(
            SigningKeys(database),
            link_ledger,
            settings.public_url,
            clock,
            lifetime=timedelta(days=max(settings.link_days, settings.max_link_days)),
        )
        store = open_store(settings.store, **settings.store_options)
        return cls(
            settings=settings,
            clock=clock,
            dispatcher=dispatcher,
            ledger=Ledger(database),
            workers=workers,
            store=store,
            reader=VerifiedReader(store, links),
            links=links,
            link_ledger=link_ledger,
            # A store that the settings name may hold other ledgers' objects; the one at home is this ledger's alone.
            sweeper=Sweeper(store, link_ledger, clock, workers=workers, owned=settings.all_at_home),
            hooks=hooks,
            settings_of=settings_of,
        )

    def lifetime_of(self, plan: Plan) -> timedelta:
        """How long the link of a job works after its end."""
        return plan.expires_after or timedelta(days=self.settings.link_days)

    def erase(self, delivery_id: str, key: str) -> None:
        """Erase an artifact that is not to be kept."""
        self.store.delete(key)
        self.link_ledger.mark_erased([delivery_id], now=self.clock())
