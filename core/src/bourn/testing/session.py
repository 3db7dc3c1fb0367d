"""Sessions for tests: over an empty home of their own, with given plugins beside the installed formats."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from bourn.errors import PluginError
from bourn.job.at_exit import forget_failures
from bourn.session import Session
from bourn.settings import Settings

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping

    from bourn.contract.context import Clock
    from bourn.plugins.registry import Registry
    from bourn.plugins.spec import Spec
    from bourn.store.store import Store

__all__ = ["installed", "session_with"]


def installed() -> Registry:
    """What is installed now, whatever an earlier look has found."""
    return Session().registry


@contextmanager
def session_with(  # each is one thing that a test may want otherwise
    *,
    destinations: Mapping[str, Any] | None = None,
    formats: Mapping[str, Any] | None = None,
    home: str | os.PathLike[str] | None = None,
    clock: Clock | None = None,
    settings: Mapping[str, Any] | None = None,
    store: Callable[[Store], Store] | None = None,
) -> Iterator[Session]:
    """A session over an empty temporary home, closed at the end.

    Parameters
    ----------
    destinations, formats : mapping of str to class or object, optional
        The session's destinations, by default those that are installed; and formats beside those that are.
    home : path, optional
        A folder to use instead of a temporary one.
    clock : callable, optional
        Such as a `FakeClock`.
    settings : mapping, optional
        Other settings than the default ones.
    store : callable, optional
        Puts another store in front of the session's, such as `FaultyStore`.
    """
    with tempfile.TemporaryDirectory(prefix="bourn-test-") as temporary:
        given = Settings(home=str(Path(home or temporary).absolute()), **(settings or {}))
        if not given.database_url.reveal():
            _lay_ledger(given.folder)
        found = installed()
        registry = found.of(
            destinations=_loadable(found.destinations) if destinations is None else destinations,
            formats={**_loadable(found.formats), **(formats or {})},
        )
        session = Session(given, registry, clock=clock) if clock else Session(given, registry)
        if store is not None:
            services = session.services
            session.__dict__["services"] = attrs.evolve(services, store=store(services.store))
        try:
            yield session
        finally:
            session.close()
            forget_failures(session.__dict__.get("engine"))  # the exit status is that of the tests


def _lay_ledger(folder: Path) -> None:
    """An empty ledger, copied: the migrations that make one cost more than a test, and are the same each time."""
    path = folder / "ledger.db"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(_empty_ledger())


@cache
def _empty_ledger() -> bytes:
    with tempfile.TemporaryDirectory(prefix="bourn-test-") as home:
        session = Session(Settings(home=home))
        with session.services.ledger.database.read():
            pass  # the first connection makes the tables
        session.close()
        return Path(home, "ledger.db").read_bytes()


def _loadable(specs: Mapping[str, Spec]) -> dict[str, Any]:
    """The plugins that work here; a broken one is its own author's trouble."""
    plugins = {}
    for name, spec in specs.items():
        try:
            plugins[name] = spec.load()
        except PluginError:
            continue  # it stands among the registry's problems
    return plugins
