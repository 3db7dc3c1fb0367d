"""Where everything is put together: settings, registry, ledger, store, links, dispatcher and engine, each once."""

from __future__ import annotations

import os
import threading
import weakref
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn.contract.context import Clock, Context
    from bourn.contract.destination import Destination
    from bourn.describe.schema import Defaults
    from bourn.dispatch.dispatcher import Dispatcher
    from bourn.dispatch.plan import Plan
    from bourn.job.engine import Engine
    from bourn.job.home import JobHome
    from bourn.job.job import Job
    from bourn.job.services import Services
    from bourn.plugins.registry import Registry
    from bourn.results.inspect import Found
    from bourn.settings import Settings
    from bourn.store.links import Links
    from bourn.store.retention import Swept
    from bourn.store.store import Store

__all__ = ["Session", "default_session"]


def _now() -> datetime:
    return datetime.now(UTC)


class Session:
    """Takes requests, by its own settings and registry; the functions of `bourn` use a default one.

    Nothing is opened, and hardly anything imported, before it is needed: making a session costs nothing.

    Parameters
    ----------
    settings, registry : Settings and Registry, optional
        By default those of the file and the environment, and what is installed.
    clock : callable, optional
        Gives the time now, with its zone.
    **keywords
        Single settings, such as ``link_days=2``, over those of `settings` or of the file and the environment.

    Raises
    ------
    SettingsError
        A keyword is no setting, or its value is invalid.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        registry: Registry | None = None,
        *,
        clock: Clock = _now,
        **keywords: Any,
    ) -> None:
        self._given_settings = _settings_with(settings, keywords) if keywords else settings
        self.clock = clock
        self._given_registry = registry
        self._forget_parent()
        _sessions.add(self)

    def _forget_parent(self) -> None:
        self._guard = threading.RLock()  # in a forked child, too: a thread of its parent's may have held it

    # -- what users call ----------------------------------------------------------------------------------------

    def compute(  # DESIGN fixes the signature
        self,
        obj: Any,
        geobox: Any = None,
        *,
        format: Any = None,
        destination: Any = None,
        file: str | os.PathLike[str] | BinaryIO | None = None,
        timeout: float | None = None,
        block: bool = True,
        progress_bar: bool | None = None,
        **arguments: Any,
    ) -> Any:
        """Compute a result, and put it where it should go, in the form it should have.

        Parameters
        ----------
        obj : object
            A result of any kind; or a dask collection; or a callable, called with `arguments`; or a list of these.
        geobox : GeoBox, optional
            The grid that an image is put on, lazily, before anything is computed; or anything with a ``.geobox``.
        format, destination : str, mapping or object, optional
            A name, a mapping with ``type``, or an object that a plugin takes for one. A list of destinations gives
            a list of results.
        file : path or binary file, optional
            Where to write the artifact's bytes to, instead of returning the result.
        timeout : float, optional
            Seconds until the job is cancelled.
        block : bool
            Whether to wait; otherwise the `Job` is returned at once.
        progress_bar : bool, optional
            Whether to draw how far it is; by default in notebooks only.
        **arguments
            For a callable.

        Returns
        -------
        object
            What ``Job.result()`` gives: with ``download`` and ``pyarrow`` the computed Python object itself.

        Raises
        ------
        RequestError
            Everything that is wrong with the request, before anything has happened.
        JobFailed, JobCancelled, JobTimeout
            What became of the job.
        """
        from bourn.job.wait_all import gather  # on first use

        found, grid, plans = self._checked(
            obj, geobox, arguments, destination=destination, format=format, file=file,
            timeout=timeout, block=block, progress_bar=progress_bar,
        )  # fmt: skip
        several = isinstance(plans, list)
        listed = plans if isinstance(plans, list) else [plans]
        # Whoever waits ends the wait, and with it the job, himself.
        limit = None if block else timeout
        here = block and timeout is None and not progress_bar
        jobs = self.home.submit(listed, found.obj, arguments=arguments, geobox=grid, timeout=limit, waits=here)
        self._sweep_now_and_then()
        if not block:
            return jobs if several else jobs[0]
        gather(jobs, timeout, progress_bar)
        if file is not None:
            return jobs[0].result_to_file(file, progress_bar=False)
        results = [job.result(progress_bar=False) for job in jobs]  # it was drawn while they were waited for
        return results if several else results[0]

    def plan(
        self,
        obj: Any,
        geobox: Any = None,
        *,
        format: Any = None,
        destination: Any = None,
        file: str | os.PathLike[str] | BinaryIO | None = None,
        timeout: float | None = None,
        block: bool = True,
        progress_bar: bool | None = None,
        **arguments: Any,
    ) -> Plan | list[Plan]:
        """The plan for a request, or its errors; nothing is computed, and nothing touched.

        Takes what `compute` takes, so that a call can be tried by changing its name.

        Raises
        ------
        RequestError
            Everything that is wrong with the request.
        """
        return self._checked(
            obj, geobox, arguments, destination=destination, format=format, file=file,
            timeout=timeout, block=block, progress_bar=progress_bar,
        )[2]  # fmt: skip

    def job(self, job_id: str) -> Job:
        """The job of that id.

        Raises
        ------
        UnknownJob
        """
        return self.home.job(job_id)

    def jobs(self, *, stage: str | None = None, group: str | None = None, limit: int | None = 100) -> Sequence[Job]:
        """Jobs of the ledger, the newest first.

        Parameters
        ----------
        stage, group : str, optional
            Only those at this stage; only those of this fan-out.
        limit : int, optional
        """
        from bourn.dispatch.keywords import listing_problems  # on first use
        from bourn.errors import RequestError
        from bourn.ledger.stages import Stage  # SQLAlchemy, on first use

        problems = list(listing_problems(list(Stage), stage=stage, group=group, limit=limit))
        if problems:
            raise RequestError(problems)
        wanted = None if stage is None else Stage(str(stage).upper())
        return self.home.jobs(stage=wanted, group_id=group, limit=limit)

    def sweep(self) -> Swept:
        """Erase what has expired, carry on what dead processes left, and deliver what is due."""
        self.engine.recover()
        self.engine.carry_due()
        swept = self.services.sweeper.sweep()
        self.registry.hooks.call("bourn_sweep", session=self, now=self.clock())
        return swept

    def revoke(self, job_id: str) -> bool:
        """End the link of a job before its time; False if it has none."""
        record = self.home.record_of(self.job(job_id).id)
        return record is not None and self.links.revoke(record.delivery_id)

    def close(self) -> None:
        """Wait for the jobs of this process, then give the connections back."""
        if "home" in self.__dict__:
            self.engine.close()
        if "_services" in self.__dict__:
            self.services.ledger.database.close()

    # -- what it is made of, each on first use ------------------------------------------------------------------

    @cached_property
    def settings(self) -> Settings:
        """How this installation works."""
        from bourn.settings import Settings  # attrs, which a list of names does not need

        return Settings.load() if self._given_settings is None else self._given_settings

    @cached_property
    def registry(self) -> Registry:
        """Who is installed."""
        from bourn.plugins.registry import Registry  # on first use

        Registry.as_html = staticmethod(_as_html)
        given = self._given_registry
        return Registry.installed(prefer=lambda: self.settings.prefer) if given is None else given

    @property
    def defaults(self) -> Defaults:
        """What a request means that leaves a half out."""
        from bourn.describe.schema import Defaults  # for those who describe requests

        return Defaults(destination=self.settings.default_destination, format=self.settings.default_format)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """From requests to plans."""
        from bourn.contract.answers import Note  # on first use
        from bourn.dispatch.dispatcher import Dispatcher  # on first use

        self.settings.warn_of_unused_sections(self.registry.names)
        notes = [Note(said)] if (said := self.settings.standing_note) else []
        return Dispatcher(self.registry, self._context, default_format=self.settings.default_format, notes=notes)

    def lend(self, name: str) -> Context:
        """What a destination's plugin works with outside of any job."""
        return self._context(name, self.registry.find("destination", name).load())

    @property
    def services(self) -> Services:
        """What jobs are lent; opens the ledger and the store."""
        if "_services" not in self.__dict__:  # else no lock: all threads ask for it, many times a job
            with self._guard:
                return self._services
        return self._services

    @cached_property
    def _services(self) -> Services:
        from bourn.job.observers import Observers  # SQLAlchemy and what needs it, on first use
        from bourn.job.services import Services

        self.settings.check_owners()
        observers = Observers(self.registry.hooks, self.home.known)
        return Services.open(self.settings, self.clock, self.dispatcher, hooks=observers, settings_of=self._settings_of)

    @cached_property
    def home(self) -> JobHome:
        """Where jobs come from."""
        from bourn.job.home import JobHome  # on first use

        return JobHome(lambda: self.services, self.settings.workers)

    @property
    def engine(self) -> Engine:
        """Who carries jobs out."""
        return self.home.engine

    @property
    def store(self) -> Store:
        """Where artifacts wait."""
        return self.services.store

    @property
    def links(self) -> Links:
        """Gives links, and says what they lead to."""
        return self.services.links

    # -- inside ---------------------------------------------------------------------------------------------------

    def _checked(  # a request has many parts
        self,
        obj: Any,
        geobox: Any,
        arguments: Mapping[str, Any],
        *,
        destination: Any,
        format: Any,
        file: Any,
        **waiting: Any,
    ) -> tuple[Found, Any, Plan | list[Plan]]:
        """What is known of the result, the grid it is still to be put on, and the plans; or all that is wrong."""
        from bourn.dispatch.keywords import as_options, waiting_problems  # on first use
        from bourn.dispatch.problems import Collected
        from bourn.errors import RequestError
        from bourn.job.file import file_problems
        from bourn.results.info import ResultInfo
        from bourn.results.inspect import Found

        collected = Collected()
        refused: list[RequestError] = []
        found, grid = Found(obj, ResultInfo()), geobox
        plans: Plan | list[Plan] = []
        try:
            found, grid = self._inspect(obj, geobox, arguments)
        except RequestError as error:
            refused.append(error)
        asked = self.settings.default_destination if destination is None else destination
        try:
            plans = self.dispatcher.plan(found.info, destination=asked, format=format)
        except RequestError as error:
            refused.append(error)
        listed = plans if isinstance(plans, list) else [plans]
        for refusal in refused:
            collected.add(type(refusal), as_options(refusal.problems, arguments, listed))
        faults = list(waiting_problems(**waiting))
        collected.add(RequestError, faults)
        if file is not None:
            collected.add(RequestError, file_problems(file, listed, block=bool(faults) or waiting["block"]))
        collected.raise_if_any()
        return found, grid, plans

    def _inspect(self, obj: Any, geobox: Any, arguments: Mapping[str, Any]) -> tuple[Found, Any]:
        """What is known of the result, and the grid that it is still to be put on once it is computed."""
        from bourn.results.inspect import inspect  # on first use

        found = inspect(obj, arguments=arguments, adapt=self._adapt)
        if geobox is None:
            return found, None
        from bourn.results.reproject import as_geobox, placed_on  # odc-geo, on first use

        if not found.info.kinds:
            return found, as_geobox(geobox, "; the arguments of a callable are given by name")
        return inspect(placed_on(found.obj, geobox)), None

    def _adapt(self, obj: Any) -> Any:
        from bourn.job.observers import adapted  # on first use

        return adapted(self.registry.hooks, obj)

    def _sweep_now_and_then(self) -> None:
        try:
            self.services.sweeper.sweep_if_due()
        except Exception:  # a disk that is full or a store out of reach: the jobs are on their way
            import logging  # 4 ms at every start, for a line that is hardly ever written

            logging.getLogger("bourn").exception("sweeping in passing failed; the next one tries again")

    def _context(self, name: str, plugin: Destination[Any], format: Mapping[str, Any] | None = None) -> Context:
        """What a preflight is handed; without a format a plugin at work outside of any job."""
        from bourn.job.context import LentContext, LookingContext  # on first use

        made = LentContext if format is None else LookingContext
        settings = partial(self._settings_of, name, plugin)
        home = self.settings.folder
        return made(self.settings.principal, self.clock, settings, lambda: self.services, home, format or {})

    def _settings_of(self, name: str, plugin: Destination[Any]) -> Any:
        with self._guard:
            known = self.__dict__.setdefault("_plugin_settings", {})
            if name not in known:
                known[name] = self.settings.of_plugin(name, plugin.Settings)
            return known[name]


def _settings_with(settings: Settings | None, keywords: Mapping[str, Any]) -> Settings:
    from bourn.settings import Settings as SettingsClass  # attrs, see above

    return SettingsClass.load(**keywords) if settings is None else settings.replace(**keywords)


def _as_html(told: Mapping[str, Any]) -> str:
    from bourn.describe.notebook import as_html  # in notebooks only

    return as_html(told)


_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


def _forget_parents() -> None:
    for session in list(_sessions):
        session._forget_parent()  # noqa: SLF001  # its own


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents)

_default: Session | None = None
_default_guard = threading.Lock()


def default_session() -> Session:
    """The session that the functions of `bourn` use, made on first use."""
    global _default  # noqa: PLW0603  # one a process, on purpose
    if _default is None:
        with _default_guard:
            if _default is None:
                _default = Session()
    return _default
