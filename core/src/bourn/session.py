"""Where everything is put together: settings, registry, ledger, store, links, dispatcher and engine, each once."""

from __future__ import annotations

import os
import threading
import time
import weakref
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn.contract.answers import Receipt
    from bourn.contract.artifact import Artifact
    from bourn.contract.context import Clock
    from bourn.contract.destination import Destination
    from bourn.discovery.registry import Registry
    from bourn.dispatch.dispatcher import Dispatcher
    from bourn.dispatch.plan import Plan
    from bourn.job.engine import Engine
    from bourn.job.job import Given, Job
    from bourn.job.member import Member
    from bourn.job.services import Services
    from bourn.ledger.record import JobRecord
    from bourn.ledger.stages import Stage
    from bourn.result.inspect import Found
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
    settings : Settings, optional
        By default those of the file and the environment.
    registry : Registry, optional
        By default what is installed.
    clock : callable, optional
        Gives the time now, with its zone.
    """

    def __init__(
        self, settings: Settings | None = None, registry: Registry | None = None, *, clock: Clock = _now
    ) -> None:
        self._given_settings = settings
        self.clock = clock
        self._given_registry = registry
        self._forget_parent()
        _sessions.add(self)

    def _forget_parent(self) -> None:
        # In a forked child, too: a thread of its parent's may have held the lock.
        self._guard = threading.RLock()

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
        found, grid = self._inspect(obj, geobox, arguments)
        plans = self._plans(found, destination=destination, format=format)
        several = isinstance(plans, list)
        listed = plans if isinstance(plans, list) else [plans]
        if file is not None:
            self._check_file(listed, block=block)
        # Whoever waits ends the wait, and with it the job, himself.
        jobs = self._submit(listed, found.obj, arguments, grid, None if block else timeout)
        if not block:
            return jobs if several else jobs[0]
        self._gather(jobs, timeout, progress_bar)
        if file is not None:
            return jobs[0].result_to_file(file)
        results = [job.result() for job in jobs]
        return results if several else results[0]

    def plan(
        self,
        obj: Any,
        geobox: Any = None,
        *,
        format: Any = None,
        destination: Any = None,
        **arguments: Any,
    ) -> Plan | list[Plan]:
        """The plan for a request, or its errors; nothing is computed, and nothing touched."""
        found, _ = self._inspect(obj, geobox, arguments)
        return self._plans(found, destination=destination, format=format)

    def job(self, job_id: str) -> Job:
        """The job of that id.

        Raises
        ------
        UnknownJob
        """
        return self._job(job_id).refresh()

    def jobs(self, *, stage: str | None = None, group: str | None = None, limit: int | None = 100) -> Sequence[Job]:
        """Jobs of the ledger, the newest first.

        Parameters
        ----------
        stage : str, optional
            Only those at this stage.
        group : str, optional
            Only those of this fan-out.
        limit : int, optional
        """
        from bourn.ledger.stages import Stage  # SQLAlchemy, on first use

        wanted = None if stage is None else Stage(stage.upper())
        return [self._job(record.id, record) for record in self._listed(wanted, group, limit)]

    def sweep(self) -> Swept:
        """Erase what has expired, carry on what dead processes left, and deliver what is due."""
        self.engine.recover()
        self.engine.carry_due()
        swept = self.services.sweeper.sweep(self.clock())
        self.registry.hooks.call("bourn_sweep", session=self, now=self.clock())
        return swept

    def revoke(self, job_id: str) -> bool:
        """End the link of a job before its time; False if it has none."""
        record = self.job(job_id).refresh()._known()  # noqa: SLF001  # the record is ours
        return self.links.revoke(record.delivery_id)

    def close(self) -> None:
        """Wait for the jobs of this process, then give the connections back."""
        if "engine" in self.__dict__:
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
        if self._given_registry is not None:
            return self._given_registry
        from bourn.discovery.registry import Registry  # on first use

        return Registry.installed(prefer=lambda: self.settings.prefer)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """From requests to plans."""
        from bourn.contract.answers import Note  # on first use
        from bourn.dispatch.dispatcher import Dispatcher  # on first use
        from bourn.job.context import LookingContext  # on first use

        def context_for(name: str, plugin: Destination[Any]) -> LookingContext:
            return LookingContext(
                self.settings.principal, self.clock, lambda: self._settings_of(name, plugin), lambda: self.services
            )

        notes = []
        if self.settings.links_are_local:
            notes.append(Note(f"links begin with {self.settings.public_url}: they work on this machine only"))
        return Dispatcher(self.registry, context_for, default_format=self.settings.default_format, notes=notes)

    @property
    def services(self) -> Services:
        """What jobs are lent; opens the ledger and the store."""
        with self._guard:
            return self._services

    @cached_property
    def _services(self) -> Services:
        from bourn.job.observers import Observers  # SQLAlchemy and what needs it, on first use
        from bourn.job.services import Services
        from bourn.ledger.database import Database
        from bourn.ledger.ledger import Ledger
        from bourn.ledger.links import LinkLedger
        from bourn.ledger.signing import SigningKeys
        from bourn.ledger.workers import Workers
        from bourn.store.links import Links
        from bourn.store.retention import Sweeper
        from bourn.store.store import open_store

        settings = self.settings
        database = Database(settings.database)
        links = LinkLedger(database)
        store = open_store(settings.store, **settings.store_options)
        # A store that the settings name may hold other ledgers' objects; the one at home is ours alone.
        sweeper = Sweeper(store, links, stamp=settings.folder / "swept", owned=settings.all_at_home)
        return Services(
            settings=settings,
            clock=self.clock,
            dispatcher=self.dispatcher,
            ledger=Ledger(database),
            workers=Workers(database),
            store=store,
            links=Links(SigningKeys(database), links, settings.public_url, self.clock),
            link_ledger=links,
            sweeper=sweeper,
            hooks=Observers(self.registry.hooks, self._job),
            settings_of=self._settings_of,
        )

    @cached_property
    def engine(self) -> Engine:
        """Who carries out jobs."""
        from bourn.job.engine import Engine  # on first use

        return Engine(lambda: self.services, self.settings.workers)

    @property
    def store(self) -> Store:
        """Where artifacts wait."""
        return self.services.store

    @property
    def links(self) -> Links:
        """Gives links, and says what they lead to."""
        return self.services.links

    # -- what a job asks of its home ----------------------------------------------------------------------------

    def record_of(self, job_id: str) -> JobRecord | None:
        """The job's record, as the ledger has it now."""
        return self.services.ledger.get(job_id)

    def member_of(self, job_id: str) -> Member | None:
        """The job, while this process carries it out."""
        return self.engine.member(job_id)

    def plan_of(self, record: JobRecord) -> Plan:
        """The plan that the ledger keeps of a job."""
        return self.dispatcher.restore(record.plan, record.secrets, ended=record.stage.done)

    def link_of(self, record: JobRecord) -> str:
        """The link to a job's artifact."""
        assert record.artifact is not None  # the caller looked
        return self.links.url(record.delivery_id, record.artifact.filename)

    def artifact_of(self, record: JobRecord) -> Artifact:
        """A job's artifact."""
        from bourn.job.engine import artifact_of  # on first use

        return artifact_of(record, self.services)

    def load(self, job_id: str, plan: Plan, receipt: Receipt, artifact: Artifact) -> Any:
        """What a job's result is: what its destination says, else what its format gives back, else the bytes."""
        from bourn.job.load import load  # on first use

        return load(job_id, plan, receipt, artifact, self.services)

    def cancel(self, job_id: str) -> bool:
        """Ask for a job to be cancelled."""
        return self.engine.cancel(job_id)

    def resubmit(self, record: JobRecord, given: Given | None) -> Job:
        """Do a job once more, as a new one."""
        from bourn.errors import JobError  # on first use

        if given is not None:
            return self._submit([given.member.plan], given.obj, given.arguments, given.geobox, None)[0]
        stored = record.artifact
        if stored is None or stored.erased_at or record.stage == "CANCELLED" or stored.expires_at <= self.clock():
            msg = (
                f"job {record.id} can't be done again: its object is not kept in this process, "
                "and no artifact of it is stored"
            )
            raise JobError(msg, job=self._job(record.id))
        if record.plan.get("withheld") and not record.secrets:
            msg = f"job {record.id} can't be done again in this process: the secrets among its options are erased"
            raise JobError(msg, job=self._job(record.id))
        return self._job(self.engine.redeliver(record, self.plan_of(record)).job_id)

    def recover(self) -> None:
        """Look for what dead processes left."""
        self.engine.recover()

    def now(self) -> datetime:
        """The time."""
        return self.clock()

    # -- inside ---------------------------------------------------------------------------------------------------

    def _inspect(self, obj: Any, geobox: Any, arguments: Mapping[str, Any]) -> tuple[Found, Any]:
        """What is known of the result, and the grid that it is still to be put on once it is computed."""
        from bourn.result.inspect import inspect  # on first use

        found = inspect(obj, arguments=arguments, adapt=self._adapt)
        if geobox is None or not found.info.kinds:
            return found, geobox
        from bourn.result.grid import put_on  # odc-geo, on first use

        return inspect(put_on(found.obj, geobox)), None

    def _adapt(self, obj: Any) -> Any:
        from bourn.job.observers import adapted  # on first use

        return adapted(self.registry.hooks, obj)

    def _plans(self, found: Found, *, destination: Any, format: Any) -> Plan | list[Plan]:
        asked = self.settings.default_destination if destination is None else destination
        return self.dispatcher.plan(found.info, destination=asked, format=format)

    def _submit(
        self, plans: Sequence[Plan], obj: Any, arguments: Mapping[str, Any], geobox: Any, timeout: float | None
    ) -> list[Job]:
        from bourn.job.job import Given  # on first use

        members = self.engine.submit(plans, obj, arguments=arguments, geobox=geobox, timeout=timeout)
        try:
            self.services.sweeper.now_and_then(self.clock())
        except Exception:  # a disk that is full or a store out of reach: the jobs are on their way
            import logging  # 4 ms at every start, for a line that is hardly ever written

            logging.getLogger("bourn").exception("sweeping in passing failed; the next one tries again")
        return [
            self._job(member.job_id, given=Given(member=member, obj=obj, arguments=arguments, geobox=geobox))
            for member in members
        ]

    @staticmethod
    def _gather(jobs: Sequence[Job], timeout: float | None, progress_bar: bool | None) -> None:
        """Wait for all; then raise the first failure."""
        from bourn.errors import JobError  # on first use

        limit = None if timeout is None else time.monotonic() + timeout
        failures = []
        for job in jobs:
            try:
                job.wait(None if limit is None else max(limit - time.monotonic(), 0.0), progress_bar)
            except JobError as error:
                error.jobs = tuple(jobs)
                failures.append(error)
            except KeyboardInterrupt:
                for other in jobs:  # the caller has no handle on any of them
                    other.cancel()
                raise
        if failures:
            raise failures[0]

    def _check_file(self, plans: Sequence[Plan], *, block: bool) -> None:
        from bourn.errors import Problem, RequestError  # on first use

        problems = []
        if len(plans) != 1:
            problems.append(Problem("file", "goes with one destination, not with a list of them"))
        if not block:
            problems.append(Problem("file", "is written when the job has ended: it goes with block=True only"))
        problems += [
            Problem("file", f"goes only with destinations that give data back, and {plan.to.name!r} does not")
            for plan in plans
            if not plan.to.plugin.gives_data
        ]
        if problems:
            raise RequestError(problems)

    def _job(self, job_id: str, record: JobRecord | None = None, *, given: Given | None = None) -> Job:
        from bourn.job.job import Job  # on first use

        return Job(job_id, self, record=record, given=given)

    def _listed(self, stage: Stage | None, group: str | None, limit: int | None) -> Sequence[JobRecord]:
        return self.services.ledger.list(stage=stage, group_id=group, limit=limit)

    def _settings_of(self, name: str, plugin: Destination[Any]) -> Any:
        with self._guard:
            known = self.__dict__.setdefault("_plugin_settings", {})
            if name not in known:
                known[name] = self.settings.of_plugin(name, plugin.Settings)
            return known[name]


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
