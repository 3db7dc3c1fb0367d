"""The dispatcher: from a request to a checked plan."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

from bourn.contract.destination import Destination
from bourn.contract.receipt import Note
from bourn.dispatch.plan import FORM, Chosen, Plan
from bourn.dispatch.problems import ProblemCollector
from bourn.dispatch.request import PluginReference, fan_out, plugin_reference
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
from bourn.plugins.validation import missing_modules
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
"""Problems and notes that are taken from one preflight."""

ContextFor = Callable[[str, Destination[Any], Mapping[str, Any]], "Context"]
"""Makes the context of a preflight for the destination of that name, and a format as a mapping."""


class Dispatcher:
    """Makes plans of requests; reads the registry and has no side effects.

    Parameters
    ----------
    registry : Registry
    context_for : callable
        Makes the context of a preflight.
    default_format : str
        The format of a request that names none, where the destination takes it.
    notes : sequence of Note
        Added to every plan whose destination gives data back.
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

    def plan(
        self, info: ResultInfo, *, destination: Any, format: Any = None, filename: str | None = None
    ) -> Plan | list[Plan]:
        """The plan for a result, or the list of plans for a list of destinations.

        Parameters
        ----------
        info : ResultInfo
        destination, format : object
            As the caller gave them.
        filename : str, optional
            The name of the file that the result is written to: its suffix says the format, where none is given.

        Raises
        ------
        RequestError
            Everything that is wrong with the request, at once.
        RequestTypeError
            A destination or format that is of a type which nothing claims.
        PluginError
            The plugin that was asked for is broken.
        """
        written = None if format is None else plugin_reference("format", format)
        several = fan_out(destination)
        asked = {"destination": plugin_reference("destination", destination)} if several is None else several
        if not asked:
            raise RequestError([Problem("destination", "the list is empty; name at least one destination")])
        collected = ProblemCollector()
        plans = [self._plan(info, each, written, collected, at, filename) for at, each in asked.items()]
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
        collected = ProblemCollector()
        chosen = []
        for role in ("destination", "format"):
            options = dict(stored[role])
            name = options.pop("type")
            options = with_secrets(options, secrets.get(role, {}))
            if ended and stored.get("withheld"):
                options = with_blanks(self._registry.find(role, name).load().Options, options)
            given = PluginReference(role=role, name=name, given=options)
            chosen.append(self._choose(given, collected, role))
        collected.raise_if_any()
        to, written = chosen
        known = stored.get("result", {})
        return Plan(
            chosen_destination=_found(to),
            chosen_format=_found(written),
            kinds=tuple(stored["kinds"]),
            info=ResultInfo(
                kinds=tuple(known.get("kinds", ())), type_name=known.get("type", ""), lazy=known.get("lazy", False)
            ),
            notes=[Note(**note) for note in stored["notes"]],
            expires_after=timedelta(seconds=stored["expires_after"]) if "expires_after" in stored else None,
        )

    def check_known(self, plan: Plan, info: ResultInfo) -> list[Problem]:
        """Return the problems of a plan once its result is computed."""
        collected = ProblemCollector()
        if not _may_pass(info.kinds, plan.kinds):
            collected.add(
                IncompatiblePair,
                [Problem("result", self._unfit(plan.chosen_destination.name, plan.chosen_format.name, info))],
            )
        else:
            to = plan.chosen_destination
            context = self._context_for(to.name, to.plugin, plan.format)
            _preflight(to, plan.chosen_format, info, context, collected, "destination")
        return collected.problems

    def _plan(
        self,
        info: ResultInfo,
        asked: PluginReference,
        written: PluginReference | None,
        collected: ProblemCollector,
        at: str,
        filename: str | None,
    ) -> Plan | None:
        notes: list[Note] = []
        before = len(collected.problems)
        to = self._choose(asked, collected, at)
        if written is None:
            name = None if to is None else self._format_of_file(to, info, filename, notes)
            if name is None and to is not None:
                name = self._default_for(to, notes, collected)
            written = None if name is None else PluginReference(role="format", name=name, given={})
        chosen = None if written is None else self._choose(written, collected, "format")
        if to is None or chosen is None:
            return None
        named = [] if filename is None else self._formats_by_suffix(filename)
        if named and chosen.name not in named:
            notes.append(Note(f"the file is named {shown(filename)}, and its content is {chosen.name}", "format"))
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
        collected.add(RequestError, _missing({at: to, "format": chosen}))
        context = self._context_for(to.name, to.plugin, chosen.as_mapping())
        notes += _preflight(to, chosen, info, context, collected, at)
        # The notes are about links, which only destinations that give data back have.
        notes += self._notes if to.plugin.gives_data else ()
        plan = Plan(chosen_destination=to, chosen_format=chosen, kinds=cell.kinds, info=info, notes=tuple(notes))
        collected.add(Refused, self._registry.policies(plan, context))
        return plan

    def _choose(self, asked: PluginReference, collected: ProblemCollector, at: str) -> Chosen[Any] | None:
        """Choose the plugin of a reference and type its options; None, and problems, where that is not possible."""
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

    def _choose_by_object(self, asked: PluginReference, collected: ProblemCollector, at: str) -> Chosen[Any] | None:
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
            except BaseException as error:  # code of a plugin may raise anything, SystemExit too
                raise _broke(spec, "from_shorthand", error) from error
        else:
            spec = self._registry.of_options(asked.role, asked.object)
            if spec is None:
                raise RequestTypeError(_unclaimed(asked, at, claimed))
            plugin, options = spec.load(), asked.object
        checked, problems = read(plugin.Options, options, at=at, owner=spec.name)
        collected.add(InvalidOptions, problems)
        return None if checked is None else _chosen(spec, plugin, checked)

    def _format_of_file(
        self, to: Chosen[Destination[Any]], info: ResultInfo, filename: str | None, notes: list[Note]
    ) -> str | None:
        """Return the format that the file's suffix says, of those that the destination takes."""
        if filename is None:
            return None
        matrix = self._registry.matrix()
        names = [name for name in self._formats_by_suffix(filename) if matrix.cell(to.name, name).kinds]
        fitting = [name for name in names if _may_pass(info.kinds, matrix.cell(to.name, name).kinds)] or names
        if not fitting:
            return None
        name = self._default_format if self._default_format in fitting else fitting[0]
        if name != self._default_format:
            notes.append(Note(f"{name!r} is used, as the suffix of the file says", "format"))
        return name

    def _formats_by_suffix(self, filename: str) -> list[str]:
        """Return the formats that files of that suffix are in, by their own suffix, else by their media type."""
        suffix = PurePath(filename).suffix.lower()
        media_type = mimetypes.guess_type(f"x{suffix}", strict=False)[0]
        by_suffix, by_type = [], []
        for name, spec in self._registry.formats.items() if suffix else ():
            try:
                plugin = spec.load()
            except PluginError:  # it is among the registry's problems
                continue
            if plugin.suffix.lower() == suffix:
                by_suffix.append(name)
            elif plugin.media_type.partition(";")[0].strip() == media_type:
                by_type.append(name)
        return by_suffix or by_type

    def _default_for(self, to: Chosen[Destination[Any]], notes: list[Note], collected: ProblemCollector) -> str | None:
        """Return the format of a request that names none: the session's default, else that of the destination."""
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


def _missing(chosen: Mapping[str, Chosen[Any]]) -> list[Problem]:
    """The modules that the plugins at these places need and that are not installed."""
    return [Problem(at, said) for at, each in chosen.items() for said in missing_modules(each.name, each.plugin)]


def _preflight(
    to: Chosen[Destination[Any]],
    written: Chosen[Format[Any]],
    info: ResultInfo,
    context: Context,
    collected: ProblemCollector,
    at: str,
) -> list[Note]:
    """Run the preflights of format and destination: collect their problems, return their notes."""
    # What `prepare` of a destination makes of a result is not known before it runs.
    encoded = ResultInfo(kinds=info.kinds, type_name=info.type_name) if to.plugin.encodes_alone() else info
    notes = _asked(written, partial(written.plugin.preflight, written.options, encoded), collected, "format")
    return notes + _asked(to, partial(to.plugin.preflight, to.options, info, context), collected, at)


def _asked(
    chosen: Chosen[Any], ask: Callable[[], Iterable[Problem | Note] | None], collected: ProblemCollector, at: str
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
    except BaseException as error:  # code of a plugin may raise anything, SystemExit too
        raise _broke(chosen, "preflight", error) from error
    return notes


def _broke(who: Spec | Chosen[Any], step: str, error: BaseException) -> PluginError:
    msg = f"{step} of {who.name!r} ({who.distribution} {who.version}) failed: {type(error).__name__}: {error}"
    return PluginError(msg, name=who.name, distribution=who.distribution, version=who.version)


def _unclaimed(asked: PluginReference, at: str, claimed: tuple[str, str] | None) -> str:
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
