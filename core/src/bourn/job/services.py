"""What a session lends to its jobs: made in one place, handed on by argument."""

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

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn.contract.context import Clock
    from bourn.contract.destination import Destination
    from bourn.dispatch.dispatcher import Dispatcher
    from bourn.job.observers import Observers
    from bourn.settings import Settings

__all__ = ["Services"]


@attrs.frozen(kw_only=True)
class Services:
    """Everything a job needs from outside of itself."""

    settings: Settings
    clock: LedgerClock
    dispatcher: Dispatcher
    ledger: Ledger
    workers: Workers
    store: Store
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
        """Ledger and store as the settings name them, and all that works on the two."""
        database = Database(settings.database)
        clock = LedgerClock(database, clock)
        links, workers = LinkLedger(database), Workers(database, clock)
        store = open_store(settings.store, **settings.store_options)
        return cls(
            settings=settings,
            clock=clock,
            dispatcher=dispatcher,
            ledger=Ledger(database),
            workers=workers,
            store=store,
            links=Links(
                SigningKeys(database), links, settings.public_url, clock, lifetime=timedelta(days=settings.link_days)
            ),
            link_ledger=links,
            # A store that the settings name may hold other ledgers' objects; the one at home is ours alone.
            sweeper=Sweeper(store, links, clock, workers=workers, owned=settings.all_at_home),
            hooks=hooks,
            settings_of=settings_of,
        )

    @property
    def link_lifetime(self) -> timedelta:
        """How long a link works after its job's completion."""
        return timedelta(days=self.settings.link_days)

    def erase(self, delivery_id: str, key: str) -> None:
        """Erase an artifact that nobody is to have."""
        self.store.delete(key)
        self.link_ledger.mark_erased([delivery_id], now=self.clock())
