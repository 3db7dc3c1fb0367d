"""The one that knows the order: from a request to a checked plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from bourn.contract.answers import Note
from bourn.contract.destination import Destination
from bourn.dispatch.plan import FORM, Chosen, Plan
from bourn.dispatch.problems import Collected
from bourn.dispatch.request import Half, half, halves
from bourn.errors import (
    BournError,
    IncompatiblePair,
    InvalidOptions,
    PluginError,
    Problem,
    Refused,
    RequestError,
    RequestTypeError,
    UnknownPlugin,
)
from bourn.options.serialization import read, with_blanks, with_secrets
from bourn.results.info import ResultInfo
from bourn.wording import clean, listed, shown

if TYPE_CHECKING:
    from bourn.contract.context import Context
    from bourn.contract.format import Format
    from bourn.plugins.registry import Registry
    from bourn.plugins.spec import Spec

__all__ = ["Dispatcher"]

T = TypeVar("T")

MOST_ANSWERS = 1_000
"""How many problems and notes of one preflight are heard."""

ContextFor = Callable[[str, Destination[Any], Mapping[str, Any]], "Context"]
"""Makes the context of a preflight for the destination of that name, and a format as a mapping."""


class Dispatcher:
    """Turns requests into plans; reads the registry, touches nothing else.

    Parameters
    ----------
    registry : Registry
    context_for : callable
        Makes the context that a preflight is handed.
    default_format : str
        The format of a request that names none, where the destination takes it.
    notes : sequence of Note
        What is true of every plan of this installation whose destination gives the data back.
    """

    def __init__(
        self,
        registry: Registry,
        context_for: ContextFor,
        *,
        default_format: str = "pyarrow",
        notes: Sequence[Note] = (),
    ) -> None:
        self._registry = registry
        self._context_for = context_for
        self._default_format = default_format
        self._notes = tuple(notes)

    def plan(self, info: ResultInfo, *, destination: Any, format: Any = None) -> Plan | list[Plan]:
        """The plan for a result, or the list of plans for a list of destinations.

        Raises
        ------
        RequestError
            Everything that is wrong with the request, at once.
        RequestTypeError
            A destination or format that is of a type which nothing claims.
        PluginError
            The plugin that was asked for is broken.
        """
        written = None if format is None else half("format", format)
        several = halves(destination)
        asked = {"destination": half("destination", destination)} if several is None else several
        if not asked:
            raise RequestError([Problem("destination", "the list is empty; name at least one destination")])
        collected = Collected()
        plans = [self._plan(info, each, written, collected, at) for at, each in asked.items()]
        collected.raise_if_any()
        made = [plan for plan in plans if plan is not None]
        return made[0] if several is None else made

    def restore(
        self, stored: Mapping[str, Any], secrets: Mapping[str, Any] | None = None, *, ended: bool = False
    ) -> Plan:
        """The plan that `Plan.as_json` gave, in any process; options are checked again, preflight is not run again.

        Of a job that has ended the secrets are erased: they are blank then, good for reading and for nothing else.
        """
        if stored.get("form") != FORM:
            msg = f"a plan of form {shown(stored.get('form'))} can't be read: this version of bourn reads form {FORM}"
            raise RequestError([Problem("form", msg)])
        secrets = secrets or {}
        collected = Collected()
        chosen = []
        for role in ("destination", "format"):
            told = dict(stored[role])
            name = told.pop("type")
            told = with_secrets(told, secrets.get(role, {}))
            if ended and stored.get("withheld"):
                told = with_blanks(self._registry.find(role, name).load().Options, told)
            given = Half(role=role, name=name, given=told)
            chosen.append(self._choose(given, collected, role))
        collected.raise_if_any()
        to, written = chosen
        known = stored.get("result", {})
        return Plan(
            to=_found(to),
            written=_found(written),
            kinds=tuple(stored["kinds"]),
            info=ResultInfo(
                kinds=tuple(known.get("kinds", ())), type_name=known.get("type", ""), lazy=known.get("lazy", False)
            ),
            notes=[Note(**note) for note in stored["notes"]],
        )

    def check_known(self, plan: Plan, info: ResultInfo) -> list[Problem]:
        """What is wrong with a plan now that its result is computed and all is known of it."""
        collected = Collected()
        if not _may_pass(info.kinds, plan.kinds):
            collected.add(IncompatiblePair, [Problem("result", self._unfit(plan.to.name, plan.written.name, info))])
        else:
            self._preflight(plan.to, plan.written, info, collected, "destination")
        return collected.problems

    def _plan(self, info: ResultInfo, asked: Half, written: Half | None, collected: Collected, at: str) -> Plan | None:
        notes: list[Note] = []
        before = len(collected.problems)
        to = self._choose(asked, collected, at)
        if written is None:
            name = None if to is None else self._default_for(to, notes, collected)
            written = None if name is None else Half(role="format", name=name, given={})
        chosen = None if written is None else self._choose(written, collected, "format")
        if to is None or chosen is None:
            return None
        cell = self._registry.matrix().cell(to.name, chosen.name)
        if not cell.kinds:
            fitting = listed(self._registry.matrix().formats_of(to.name))
            message = f"{cell.reason}. Formats that fit: {fitting}"
            collected.add(IncompatiblePair, [Problem("format", message)])
        elif not _may_pass(info.kinds, cell.kinds):
            collected.add(IncompatiblePair, [Problem("result", self._unfit(to.name, chosen.name, info))])
        elif info.no_image and not set(info.kinds) - {"image"} & set(cell.kinds):
            collected.add(IncompatiblePair, [Problem(p.path or "result", p.message) for p in info.no_image])
        if len(collected.problems) > before:
            return None
        if not info.kinds:
            notes.append(Note("what kind of result it is will be known, and checked, when it is computed", "result"))
        notes += [Note(note, "result") for note in info.notes]
        notes += self._preflight(to, chosen, info, collected, at)
        # What is said of links says nothing where the data is not what is given.
        notes += self._notes if to.plugin.gives_data else ()
        plan = Plan(to=to, written=chosen, kinds=cell.kinds, info=info, notes=tuple(notes))
        collected.add(Refused, self._registry.policies(plan, self._context_for(to.name, to.plugin, plan.format)))
        return plan

    def _choose(self, asked: Half, collected: Collected, at: str) -> Chosen[Any] | None:
        """The plugin of one half and its typed options; None, and problems, where that can't be."""
        collected.add(InvalidOptions, asked.problems)
        if asked.object is not None:
            return self._choose_by_object(asked, collected, at)
        if asked.name is None:
            return None
        try:
            spec = self._registry.find(asked.role, asked.name)
        except UnknownPlugin as error:
            collected.add(UnknownPlugin, [Problem(at, problem.message) for problem in error.problems])
            return None
        plugin = spec.load()
        options, problems = read(plugin.Options, asked.given or {}, at=at, owner=spec.name)
        collected.add(InvalidOptions, problems)
        return None if options is None else _chosen(spec, plugin, options)

    def _choose_by_object(self, asked: Half, collected: Collected, at: str) -> Chosen[Any] | None:
        claimed = self._registry.shorthand_of(asked.object)
        spec = None
        if claimed is not None and claimed[0] == asked.role:
            spec = self._registry.find(*claimed)
            plugin = spec.load()
            try:
                options = plugin.from_shorthand(asked.object)
            except RequestError as error:
                collected.add(type(error), [Problem(_under(at, p.path), p.message) for p in error.problems])
                return None
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a stranger's code, SystemExit in it among what it may raise
                raise _broke(spec, "from_shorthand", error) from error
        else:
            spec = self._registry.of_options(asked.role, asked.object)
            if spec is None:
                raise RequestTypeError(_unclaimed(asked, at, claimed))
            plugin, options = spec.load(), asked.object
        checked, problems = read(plugin.Options, options, at=at, owner=spec.name)
        collected.add(InvalidOptions, problems)
        return None if checked is None else _chosen(spec, plugin, checked)

    def _default_for(self, to: Chosen[Destination[Any]], notes: list[Note], collected: Collected) -> str | None:
        """The format of a request that names none: ours where the destination takes it, else its own."""
        matrix, ours = self._registry.matrix(), self._default_format
        reason = f"{ours!r} is not installed"
        if ours in self._registry.formats:
            cell = matrix.cell(to.name, ours)
            if cell.kinds:
                return ours
            reason = cell.reason
        name = matrix.default_format(to.name) or next(iter(matrix.formats_of(to.name)), None)
        if name is None:
            message = f"no format was named, and none that is installed fits {to.name!r}: {reason}"
            collected.add(IncompatiblePair, [Problem("format", message)])
            return None
        notes.append(Note(f"{name!r} is used, since none was named and {reason}", "format"))
        return name

    def _preflight(
        self,
        to: Chosen[Destination[Any]],
        written: Chosen[Format[Any]],
        info: ResultInfo,
        collected: Collected,
        at: str,
    ) -> list[Note]:
        """Ask format and destination what they say to this result; problems are collected, notes given."""
        if not written.plugin.plain_forms:
            collected.add(RequestError, info.no_plain)
        context = self._context_for(to.name, to.plugin, written.as_mapping())
        # What a destination's own `prepare` makes of a result is not known to anybody else before it is made.
        encoded = ResultInfo(kinds=info.kinds, type_name=info.type_name) if to.plugin.encodes_alone() else info
        notes = _asked(written, partial(written.plugin.preflight, written.options, encoded), collected, "format")
        return notes + _asked(to, partial(to.plugin.preflight, to.options, info, context), collected, at)

    def _unfit(self, destination: str, format_name: str, info: ResultInfo) -> str:
        matrix = self._registry.matrix()
        cell = matrix.cell(destination, format_name)
        kinds = " or ".join(info.kinds) or "of no kind"
        fitting = [
            name
            for name in matrix.formats_of(destination)
            if _may_pass(info.kinds, matrix.cell(destination, name).kinds)
        ]
        can = f"Formats that fit: {listed(fitting)}" if fitting else f"No format takes it to {destination!r}"
        takes = f"{destination!r} with {format_name!r} takes {listed(cell.kinds)}"
        hint = ""
        if "image" in cell.kinds and "array" in info.kinds:
            hint = ". An array becomes an image by bourn.Image(array, bands=[...], geobox=...)"
            if info.type_name.startswith("xarray"):
                hint = ". It becomes an image with a grid: odc.geo.xr.assign_crs, or bourn.Image(..., geobox=...)"
        return f"{takes}; this is {kinds} ({info.type_name}). {can}{hint}"


def _asked(
    chosen: Chosen[Any], ask: Callable[[], Iterable[Problem | Note] | None], collected: Collected, at: str
) -> list[Note]:
    notes = []
    try:
        for answer in islice(ask() or (), MOST_ANSWERS):
            if isinstance(answer, Problem):
                collected.add(Refused, [Problem(_under(at, answer.path), answer.message)])
            else:
                notes.append(Note(clean(answer.message), _under(at, answer.path)))
    except (BournError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a stranger's code, SystemExit in it among what it may raise
        raise _broke(chosen, "preflight", error) from error
    return notes


def _broke(who: Spec | Chosen[Any], step: str, error: BaseException) -> PluginError:
    msg = f"{step} of {who.name!r} ({who.distribution} {who.version}) failed: {type(error).__name__}: {error}"
    return PluginError(msg, name=who.name, distribution=who.distribution, version=who.version)


def _unclaimed(asked: Half, at: str, claimed: tuple[str, str] | None) -> str:
    what = f"{at}={shown(asked.object)}"
    if claimed is not None:
        return f"{what} stands for the {claimed[0]} {claimed[1]!r}: give it as {claimed[0]}="
    return f"{what}: no installed {asked.role} takes such an object; give a name, or a mapping with 'type'"


def _may_pass(kinds: Sequence[str], allowed: Sequence[str]) -> bool:
    return not kinds or any(kind in allowed for kind in kinds)


def _under(at: str, path: str) -> str:
    return f"{at}.{path}" if path else at


def _chosen(spec: Spec, plugin: Any, options: Any) -> Chosen[Any]:
    return Chosen(name=spec.name, distribution=spec.distribution, version=spec.version, plugin=plugin, options=options)


def _found(value: Any) -> Any:
    assert value is not None  # nothing was collected, so everything was found
    return value
