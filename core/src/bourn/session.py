"""The session: settings, registry, ledger, store, links, dispatcher and engine, each made once and put together."""

from __future__ import annotations

import threading
import weakref
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, TypeVar

from bourn.fork import ForkSafeLock

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    from bourn.contract.context import Clock, Context
    from bourn.contract.destination import Destination
    from bourn.describe.schema import Defaults
    from bourn.dispatch.dispatcher import Dispatcher
    from bourn.dispatch.plan import Plan
    from bourn.image.target_grid import TargetGrid
    from bourn.job.engine import Engine
    from bourn.job.job import Job
    from bourn.job.services import Services
    from bourn.ledger.database import Database
    from bourn.plugins.registry import Registry
    from bourn.results.inspect import Found
    from bourn.settings import Settings
    from bourn.store.links import Links
    from bourn.store.retention import Swept
    from bourn.store.store import Store

__all__ = ["Session", "default_session"]


def _now() -> datetime:
    return datetime.now(UTC)


T = TypeVar("T")


class _on_first_use(Generic[T]):  # noqa: N801  # a decorator
    """A property that is made once, under the session's lock; `cached_property` has one lock for all sessions."""

    def __init__(self, make: Callable[[Session], T]) -> None:
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    def __get__(self, session: Session, owner: type[Session]) -> T:
        with session._guard:  # noqa: SLF001  # its own
            if self._name not in session.__dict__:
                session.__dict__[self._name] = self._make(session)
            found: T = session.__dict__[self._name]
            return found


class Session:
    """Takes requests, by its own settings and registry; the functions of `bourn` use a default one.

    Nothing is opened, and hardly anything imported, before it is needed: making a session costs nothing. One that is
    no longer referred to gives its threads and connections back, once its jobs have ended.

    Parameters
    ----------
    settings, registry : Settings and Registry, optional
        By default those of the file and the environment, and what is installed.
    clock : callable, optional
        Returns the time now, with its zone.
    **keywords
        Single settings, such as ``link_days=2``, over those of `settings` or of the file and the environment.

    Raises
    ------
    SettingsError
        A keyword is not a setting, or its value is invalid.
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
        self._guard = ForkSafeLock()

    # -- what users call ----------------------------------------------------------------------------------------

    def compute(  # noqa: PLR0913  # DESIGN fixes the signature
        self,
        obj: Any,
        geobox: Any = None,
        *,
        format: Any = None,
        destination: Any = None,
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
        """Compute a result, and put it where it should go, in the form it should have.

        Parameters
        ----------
        obj : object
            A result of any kind; or a dask collection; or a callable, called with `arguments`; or a list of these.
        geobox : GeoBox, optional
            The grid that an image is put on, lazily, before anything is computed: a GeoBox; a tile, an Image, an xarray
            object or a rasterio dataset, for its grid; or (crs, resolution).
        format, destination : str, mapping or object, optional
            A name, a mapping with ``type``, or an object that a plugin takes for one. A list of destinations gives
            a list of results.
        file : path or binary file, optional
            Where to write the artifact's bytes to, instead of returning the result. The suffix of a path says the
            format, where none is given.
        name : str, optional
            The name of the file that is kept: in the link, in mails and where a destination writes it. Letters and
            digits that every system takes stay; the format's suffix is added.
        expires_after : timedelta or str, optional
            How long the link works after the job's completion: ISO 8601 such as ``"P2D"``, or ``"2d"``. At most the
            setting ``max_link_days``; by default ``link_days``, which is 10.
        key : str, optional
            Makes the call idempotent: a second one with the same key, of the same principal, in any process, gives the
            job of the first, unless that has failed or was cancelled. At most 255 characters; for one destination.
        timeout : float, optional
            Seconds until the job is cancelled.
        block : bool
            Whether to wait; otherwise the `Job` is returned at once.
        progress_bar : bool, optional
            Whether to draw how far it is; by default in notebooks only.
        resampling : str, optional
            How pixels are put on `geobox`: nearest, bilinear, cubic, cubic_spline, lanczos, average, mode, min, max,
            med, q1, q3, sum or rms. By default nearest for bands of classes and masks, bilinear for others.
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

        Warns
        -----
        BournWarning
            Once, of what the format changed, where it waits.
        """
        from bourn.job.change_warning import warn_of_changes  # on first use
        from bourn.job.executor import TimeLimit
        from bourn.job.job import gather

        limit = TimeLimit(timeout if block is True and _is_seconds(timeout) else None)
        check = partial(
            self._checked, obj, geobox, arguments, resampling=resampling, destination=destination, format=format,
            file=file, name=name, timeout=timeout, block=block, progress_bar=progress_bar,
            expires_after=expires_after, key=key,
        )  # fmt: skip
        found, grid, plans = limit.run(check, "checking the request")
        several = isinstance(plans, list)
        listed = plans if isinstance(plans, list) else [plans]
        submit = partial(
            self.engine.submit, listed, found.obj, arguments=arguments, geobox=grid, name=name, key=key, block=block,
            limit=limit if block else TimeLimit(timeout), waits=block and timeout is None and not progress_bar,
        )  # fmt: skip
        jobs = limit.run(submit, "writing the job to the ledger")
        if not block:
            return jobs if several else jobs[0]
        gather(jobs, limit.left(), progress_bar)
        warn_of_changes(jobs)
        if file is not None:
            return jobs[0].result_to_file(file, limit.left(), progress_bar=False)
        results = [job.result(limit.left(), progress_bar=False) for job in jobs]  # it was drawn while waiting
        return results if several else results[0]

    def plan(  # noqa: PLR0913  # the same
        self,
        obj: Any,
        geobox: Any = None,
        *,
        format: Any = None,
        destination: Any = None,
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
        """Return the plan for a request, or raise its errors; nothing is computed or changed.

        Takes what `compute` takes, so that a call can be tried by changing its name.

        Raises
        ------
        RequestError
            Everything that is wrong with the request.
        """
        return self._checked(
            obj, geobox, arguments, resampling=resampling, destination=destination, format=format, file=file,
            name=name, timeout=timeout, block=block, progress_bar=progress_bar, expires_after=expires_after, key=key,
        )[2]  # fmt: skip

    def job(self, job_id: str) -> Job:
        """Return the job of that id.

        Raises
        ------
        UnknownJob
            There is none; or it is another user's, and the setting `shared_ledger` is off.
        """
        return self.engine.job(job_id)

    def jobs(self, *, stage: str | None = None, group: str | None = None, limit: int | None = 100) -> Sequence[Job]:
        """Return jobs of the ledger, the newest first; of other users too, if the setting `shared_ledger` is on.

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
        return self.engine.jobs(stage=wanted, group_id=group, limit=limit)

    def sweep(self) -> Swept:
        """Erase what has expired, carry on what dead processes left, and deliver what is due."""
        self.engine.recover()
        self.engine.carry_due()
        swept = self.services.sweeper.sweep()
        self.registry.hooks.call("bourn_sweep", session=self, now=self.clock())
        return swept

    def revoke(self, job_id: str) -> bool:
        """End the link of a job before its time; False if it has none."""
        record = self.engine.record_of(self.job(job_id).id)
        return record is not None and self.links.revoke(record.delivery_id)

    def close(self) -> None:
        """Wait for the jobs that it runs now, then give threads and connections back; a later call opens them again."""
        if "engine" in self.__dict__:
            self.engine.close()
        elif "services" in self.__dict__:
            self.services.ledger.database.close()

    # -- what it is made of, each on first use ------------------------------------------------------------------

    @_on_first_use
    def settings(self) -> Settings:
        """How this installation works."""
        from bourn.settings import Settings  # attrs, which a list of names does not need

        return Settings.load() if self._given_settings is None else self._given_settings

    @_on_first_use
    def registry(self) -> Registry:
        """The installed plugins."""
        from bourn.plugins.registry import Registry  # on first use

        Registry.as_html = staticmethod(_as_html)
        given = self._given_registry
        return Registry.installed(prefer=lambda: self.settings.prefer) if given is None else given

    @property
    def defaults(self) -> Defaults:
        """The destination and the format of a request that names none."""
        from bourn.describe.schema import Defaults  # on first use

        return Defaults(destination=self.settings.default_destination, format=self.settings.default_format)

    @_on_first_use
    def dispatcher(self) -> Dispatcher:
        """From requests to plans."""
        from bourn.contract.receipt import Note  # on first use
        from bourn.dispatch.dispatcher import Dispatcher  # on first use

        self.settings.warn_of_unused_sections(self.registry.names)
        notes = [Note(said)] if (said := self.settings.standing_note) else []
        return Dispatcher(self.registry, self._context, default_format=self.settings.default_format, notes=notes)

    def lend(self, name: str) -> Context:
        """Return the context of a destination's plugin outside of any job."""
        return self._context(name, self.registry.find("destination", name).load())

    @_on_first_use
    def services(self) -> Services:
        """What jobs need; opens the ledger and the store."""
        from bourn.job.job import Job  # SQLAlchemy and what needs it, on first use
        from bourn.job.services import Observers, Services

        self.settings.check_owners()
        engine = self.engine
        observers = Observers(self.registry.hooks, lambda job_id: Job(job_id, engine))
        services = Services.open(
            self.settings, self.clock, self.dispatcher, hooks=observers, settings_of=self._settings_of
        )
        weakref.finalize(self, _close, services.ledger.database).atexit = False
        return services

    @_on_first_use
    def engine(self) -> Engine:
        """What runs jobs and looks them up."""
        from bourn.job.engine import Engine  # on first use

        folder = str(self.settings.folder)
        return Engine(
            lambda: self.services, self.settings.workers, reduce_job=lambda job_id: (_job_of, (job_id, folder))
        )

    @property
    def home(self) -> Engine:
        """The same as `engine`."""
        return self.engine

    @property
    def store(self) -> Store:
        """The store of artifacts."""
        return self.services.store

    @property
    def links(self) -> Links:
        """Makes links, and resolves them."""
        return self.services.links

    # -- inside ---------------------------------------------------------------------------------------------------

    def _checked(  # a request has many parts
        self,
        obj: Any,
        geobox: Any,
        arguments: Mapping[str, Any],
        *,
        resampling: Any,
        destination: Any,
        format: Any,
        file: Any,
        **waiting: Any,
    ) -> tuple[Found, Any, Plan | list[Plan]]:
        """Return what is known of the result, the grid it is still to be put on, and the plans."""
        import attrs  # on first use: listing what is installed needs none of these

        from bourn.dispatch.keywords import as_options, waiting_problems
        from bourn.dispatch.lifetime import read_lifetime
        from bourn.dispatch.problems import ProblemCollector
        from bourn.errors import Problem, RequestError
        from bourn.job.file import file_problems, filename_in
        from bourn.results.info import ResultInfo
        from bourn.results.inspect import Found

        collected = ProblemCollector()
        refused: list[RequestError] = []
        found, grid = Found(obj, ResultInfo()), geobox
        plans: Plan | list[Plan] = []
        try:
            found, grid = self._inspect(obj, geobox, resampling, arguments)
        except RequestError as error:
            refused.append(error)
        asked = self.settings.default_destination if destination is None else destination
        try:
            plans = self.dispatcher.plan(found.info, destination=asked, format=format, filename=filename_in(file))
        except RequestError as error:
            refused.append(error)
        listed = plans if isinstance(plans, list) else [plans]
        for refusal in refused:
            collected.add(type(refusal), as_options(refusal.problems, arguments, listed))
        problems = list(
            waiting_problems(**waiting, most_days=max(self.settings.max_link_days, self.settings.link_days))
        )
        if waiting["key"] is not None and isinstance(plans, list):
            problems.append(Problem("key", "goes with one destination, not with a list"))
        collected.add(RequestError, problems)
        if file is not None:
            collected.add(RequestError, file_problems(file, listed, block=bool(problems) or waiting["block"]))
        collected.raise_if_any()
        if waiting["expires_after"] is not None:
            lifetime = read_lifetime(waiting["expires_after"])
            given = [attrs.evolve(plan, expires_after=lifetime) for plan in listed]
            plans = given if isinstance(plans, list) else given[0]
        return found, grid, plans

    def _inspect(
        self, obj: Any, geobox: Any, resampling: Any, arguments: Mapping[str, Any]
    ) -> tuple[Found, TargetGrid | None]:
        """Return what is known of the result, and the grid that it is still to be put on once it is computed."""
        from bourn.results.inspect import inspect  # on first use

        found = inspect(obj, arguments=arguments, adapt=self._adapt)
        if geobox is None:
            if resampling is not None:
                from bourn.errors import Problem, RequestError

                raise RequestError([Problem("resampling", "goes with geobox=, which was not given")])
            return found, None
        import attrs  # on first use: listing what is installed needs none of these

        from bourn.image.target_grid import target_grid  # odc-geo, on first use
        from bourn.results.as_image import put_on_grid

        if not found.info.kinds:
            return found, target_grid(geobox, resampling, "; the arguments of a callable are given by name")
        moved, notes = put_on_grid(found.obj, target_grid(geobox, resampling))
        again = inspect(moved)
        return attrs.evolve(
            again, info=attrs.evolve(again.info, notes=tuple(dict.fromkeys((*found.info.notes, *notes))))
        ), None

    def _adapt(self, obj: Any) -> Any:
        from bourn.job.services import adapt  # on first use

        return adapt(self.registry.hooks, obj)

    def _context(self, name: str, plugin: Destination[Any], format: Mapping[str, Any] | None = None) -> Context:
        """Return the context of a preflight; without a format, of a plugin outside of any job."""
        from bourn.job.context import PluginContext, PreflightContext  # on first use

        kind = PluginContext if format is None else PreflightContext
        settings = partial(self._settings_of, name, plugin)
        return kind(self.settings.principal, self.clock, settings, lambda: self.services, self._home, format or {})

    @_on_first_use
    def _home(self) -> Path:
        return self.settings.folder

    def _settings_of(self, name: str, plugin: Destination[Any]) -> Any:
        known: dict[str, Any] = self.__dict__.setdefault("_plugin_settings", {})
        if name in known:  # without the lock: a preflight asks several times
            return known[name]
        with self._guard:
            if name not in known:
                known[name] = self.settings.of_plugin(name, plugin.Settings)
            return known[name]


def _settings_with(settings: Settings | None, keywords: Mapping[str, Any]) -> Settings:
    from bourn.settings import Settings as SettingsClass  # attrs, see above

    return SettingsClass.load(**keywords) if settings is None else settings.replace(**keywords)


def _as_html(description: Mapping[str, Any]) -> str:
    from bourn.describe.notebook import as_html  # in notebooks only

    return as_html(description)


def _is_seconds(timeout: Any) -> bool:
    """Whether it can be waited for; anything else is a problem of the request."""
    return type(timeout) in {int, float} and 0 < timeout <= threading.TIMEOUT_MAX


def _close(database: Database) -> None:
    """Give the connections of a session back that nothing refers to any more; not in a garbage collection."""
    with suppress(RuntimeError):  # the interpreter ends, and takes no more threads
        threading.Thread(target=database.close, name="bourn-close", daemon=True).start()


def _job_of(job_id: str, folder: str) -> Job:
    """Return a job that was pickled in another process: of the default session, or of one over the same folder."""
    from bourn.job.job import Job  # on first use

    session = default_session()
    if str(session.settings.folder) != folder:
        session = _others.setdefault(folder, Session(session.settings.replace(home=folder)))
    return Job(job_id, session.engine)


_others: dict[str, Session] = {}

_default: Session | None = None
_default_guard = ForkSafeLock()


def default_session() -> Session:
    """Return the session that the functions of `bourn` use, made on first use."""
    global _default  # noqa: PLW0603  # one a process, on purpose
    if _default is None:
        with _default_guard:
            if _default is None:
                _default = Session()
    return _default
