"""The registry: who is installed, by name, and nothing imported before it is used."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from bourn.errors import PluginError, Problem, UnknownPlugin
from bourn.plugins.distributions import distribution_of
from bourn.plugins.entry_points import Entry, PluginProblem
from bourn.plugins.installed import normal_name, scan
from bourn.plugins.matrix import Matrix
from bourn.plugins.shorthands import claim_on, is_of
from bourn.plugins.spec import Spec, imported
from bourn.wording import listed, nearest, reason_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bourn.plugins.hooks import Hooks
    from bourn.plugins.policies import Policies

__all__ = ["Registry"]

ROLES = ("destination", "format")

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)


class Registry:
    """Everything that is installed; made by `installed`, or of given plugins by `of`.

    Attributes
    ----------
    destinations, formats : mapping of str to Spec
        Read-only, in alphabetical order.
    names : frozenset of str
        Of everything installed, in any role: what a section of the settings may be called.
    """

    as_html: ClassVar[Callable[[Mapping[str, Any]], str] | None] = None
    """Makes HTML of what `describe` gives; set when a session opens, since pages are made of registries."""

    def __init__(
        self,
        entries: Iterable[Entry],
        problems: Iterable[PluginProblem] = (),
        *,
        prefer: Callable[[], Mapping[str, str]] | Mapping[str, str] | None = None,
        given: Mapping[Entry, Any] | None = None,
    ) -> None:
        entries, given = tuple(entries), given or {}
        self.names = frozenset(entry.name for entry in entries)
        self._scanned = list(problems)
        self._given = given
        named = {role: self._named(role, entries, prefer, given) for role in ROLES}
        self.destinations: Mapping[str, Spec] = MappingProxyType(named["destination"])
        self.formats: Mapping[str, Spec] = MappingProxyType(named["format"])
        self._by_role = {role: [entry for entry in entries if entry.role == role] for role in ("hook", "policy")}
        self._shorthands = self._placed([entry for entry in entries if entry.role == "shorthand"])
        self._matrix = Matrix(self.destinations, self.formats)
        self._checked: dict[Entry, list[PluginProblem]] = {}
        self._hooks: Hooks | None = None
        self._policies: Policies | None = None

    @classmethod
    def installed(
        cls,
        prefer: Callable[[], Mapping[str, str]] | Mapping[str, str] | None = None,
        *,
        paths: Iterable[str] | None = None,
    ) -> Registry:
        """What is installed on ``sys.path``, or on other path entries.

        Parameters
        ----------
        prefer : mapping or callable, optional
            Which distribution provides a name that two of them claim; or a function that gives it, asked only
            where there is such a name.
        paths : iterable of str, optional
        """
        return cls(*scan(paths), prefer=prefer)

    @classmethod
    def of(
        cls,
        *,
        destinations: Mapping[str, Any] | None = None,
        formats: Mapping[str, Any] | None = None,
        shorthands: Mapping[str, type] | None = None,
        hooks: Iterable[Any] = (),
        policies: Mapping[str, Any] | None = None,
        distribution: str = "given",
        version: str = "0",
    ) -> Registry:
        """A registry of given classes or objects, with no entry points: for tests, and for a notebook's own plugins."""
        given: dict[Entry, Any] = {}
        named = {"destination": destinations, "format": formats, "shorthand": shorthands, "policy": policies,
                 "hook": {f"hooks-{number}": hook for number, hook in enumerate(hooks)}}  # fmt: skip
        for role, objects in named.items():
            for name, found in (objects or {}).items():
                where = found if hasattr(found, "__qualname__") else type(found)
                module, attribute = getattr(where, "__module__", ""), getattr(where, "__qualname__", "")
                given[Entry(role, name, module, attribute, distribution, version)] = found
        return cls(given, given=given)

    def __repr__(self) -> str:
        return f"<Registry destinations: {listed(self.destinations)}; formats: {listed(self.formats)}>"

    def _repr_html_(self) -> str | None:
        """A table for notebooks; None, where no renderer is set: they show the text above."""
        return None if Registry.as_html is None else Registry.as_html(self.describe())

    def find(self, role: str, name: str) -> Spec:
        """The plugin of that name; upper and lower case of ASCII letters are the same.

        Raises
        ------
        UnknownPlugin
            Names those that are installed, and the nearest or the distribution that has it.
        """
        named = self.formats if role == "format" else self.destinations
        folded = name.lower() if name.isascii() else name
        if folded in named:
            return named[folded]
        other = "destination" if role == "format" else "format"
        if folded in (self.destinations if role == "format" else self.formats):
            raise UnknownPlugin([Problem(role, f"{folded!r} is a {other}; give it as {other}=")])
        distribution = distribution_of(role, folded)
        meant = None if distribution else nearest(folded, named)
        hint = "" if meant is None else f" Did you mean {meant!r}?"
        hint = f" pip install {distribution}" if distribution else hint
        message = f"no {role} is called {shown(name)}. Installed: {listed(named)}.{hint}"
        raise UnknownPlugin([Problem(role, message)])

    def shorthand_of(self, obj: Any) -> tuple[str, str] | None:
        """Role and name of the plugin that claims objects of this class; imports nothing, looks at the type only."""
        for given, role in self._shorthands.items():
            if given in self._given and is_of(obj, self._given[given]):
                return role, given.name
        entry = claim_on(obj, (entry for entry in self._shorthands if entry not in self._given))
        return None if entry is None else (self._shorthands[entry], entry.name)

    @property
    def shorthands(self) -> Mapping[tuple[str, str], list[str]]:
        """By role and name of a plugin the classes whose objects stand for it, each as ``module:attribute``."""
        found: dict[tuple[str, str], list[str]] = {}
        for entry, role in self._shorthands.items():
            found.setdefault((role, entry.name), []).append(entry.value)
        return found

    def of_options(self, role: str, obj: Any) -> Spec | None:
        """The plugin whose options class is the type of `obj`; None if there is no such plugin, or several."""
        package = type(obj).__module__.partition(".")[0]
        found = []
        for spec in (self.formats if role == "format" else self.destinations).values():
            # The class can only be that of a plugin whose package is loaded; no other plugin is imported for it.
            if not spec.loaded and spec.entry.partition(":")[0].partition(".")[0] != package:
                continue
            try:
                if spec.options is type(obj):
                    found.append(spec)
            except PluginError:
                continue  # it stands among the problems
        return found[0] if len(found) == 1 else None

    @property
    def hooks(self) -> Hooks:
        """The hooks of all plugins; loaded when the first is called."""
        if self._hooks is None:
            from bourn.plugins.hooks import Hooks  # pluggy and logging cost 30 ms

            entries = self._by_role["hook"]
            self._hooks = Hooks(
                [entry for entry in entries if entry not in self._given],
                [(entry, self._given[entry]) for entry in entries if entry in self._given],
            )
        return self._hooks

    def policies(self, plan: Any, context: Any) -> list[Problem]:
        """Problems that the policies of this installation find in a plan; one that fails is a problem, too."""
        return self._all_policies()(plan, context)

    def matrix(self) -> Matrix:
        """What goes together."""
        return self._matrix

    @property
    def problems(self) -> tuple[PluginProblem, ...]:
        """What is known to be wrong so far; `check` looks at everything."""
        found = list(self._scanned)
        for spec in (*self.destinations.values(), *self.formats.values()):
            found += spec.problems
        found += [problem for problems in self._checked.values() for problem in problems]
        if self._hooks is not None:
            found += self._hooks.problems
        if self._policies is not None:
            found += self._policies.problems
        return tuple(found)

    def check(self) -> tuple[PluginProblem, ...]:
        """Load every plugin, each alone, and give everything that is wrong."""
        for spec in (*self.destinations.values(), *self.formats.values()):
            try:
                spec.load()
            except PluginError:
                continue  # it stands among the problems
        for entry in self._shorthands:
            if entry not in self._given and entry not in self._checked:
                self._checked[entry] = _faults_of_shorthand(entry)
        self.hooks.load()
        self._all_policies().load()
        return self.problems

    def describe(self) -> dict[str, Any]:
        """Everything as JSON: plugins with their options, the matrix, the problems. Loads every plugin."""
        from bourn.plugins.description import describe_registry  # it needs attrs, which costs 30 ms

        return describe_registry(self)

    def _all_policies(self) -> Policies:
        if self._policies is None:
            from bourn.plugins.policies import Policies  # names alone need none

            entries = self._by_role["policy"]
            self._policies = Policies(
                [entry for entry in entries if entry not in self._given],
                [(entry, self._given[entry]) for entry in entries if entry in self._given],
            )
        return self._policies

    def _named(
        self,
        role: str,
        entries: Iterable[Entry],
        prefer: Callable[[], Mapping[str, str]] | Mapping[str, str] | None,
        given: Mapping[Entry, Any],
    ) -> dict[str, Spec]:
        claims: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.role != role:
                continue
            if not _NAME.fullmatch(entry.name):
                reason = (
                    f"the name {shown(entry.name)} can't be used: a name is at most 64 of a-z, 0-9, _ and -, "
                    "and begins with a letter"
                )
                self._scanned.append(PluginProblem(entry.name, role, entry.distribution, entry.version, reason))
                continue
            claims.setdefault(entry.name, []).append(entry)
        preferred: Mapping[str, str] = {}
        if any(len(claimed) > 1 for claimed in claims.values()):
            preferred = (prefer() if callable(prefer) else prefer) or {}
        return {name: _chosen(claims[name], preferred.get(name), given) for name in sorted(claims)}

    def _placed(self, entries: Iterable[Entry]) -> dict[Entry, str]:
        """The shorthands with the role of what they stand for: a plugin of the same distribution."""
        placed = {}
        for entry in entries:
            for role, named in (("destination", self.destinations), ("format", self.formats)):
                if entry.name in named and entry.distribution in named[entry.name].distribution.split(", "):
                    placed[entry] = role
                    break
            else:
                reason = f"{entry.value} stands for {shown(entry.name)}, which is no plugin of this distribution"
                self._scanned.append(PluginProblem(entry.name, "shorthand", entry.distribution, entry.version, reason))
        return placed


def _chosen(claims: list[Entry], preferred: str | None, given: Mapping[Entry, Any]) -> Spec:
    """The plugin of a name; of several distributions the preferred one, else none of them."""
    if len(claims) > 1 and preferred is not None:
        claims = [entry for entry in claims if normal_name(entry.distribution) == normal_name(preferred)] or claims
    first = claims[0]
    if len(claims) == 1:
        return Spec(first, given=given.get(first))
    claims = sorted(claims, key=lambda entry: entry.distribution)
    who = " and ".join(f"{entry.distribution} {entry.version}" for entry in claims)
    reason = (
        f"the {first.role} {first.name!r} is claimed by {who}; neither is used. Say which in the settings, "
        f'prefer = {{ {first.name} = "{claims[0].distribution}" }}, or uninstall one.'
    )
    names = ", ".join(entry.distribution for entry in claims)
    together = first._replace(distribution=names, version="", module="", attribute="")
    return Spec(together, claimed=reason)


def _faults_of_shorthand(entry: Entry) -> list[PluginProblem]:
    cause: BaseException | None = None
    try:
        found = imported(entry.module, entry.attribute)
        reason = "" if isinstance(found, type) else f"expected a class, got {shown(found)}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # third-party code may raise anything
        cause, reason = error, reason_of(error)
    if not reason:
        return []
    return [PluginProblem(entry.name, "shorthand", entry.distribution, entry.version, reason, cause)]
