"""The registry as text for a terminal: what is installed, what one plugin is, what goes together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bourn.describe.example import calls_of, commands_of
from bourn.describe.option import options_of
from bourn.errors import PluginError
from bourn.plugins.description import describe_plugin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn.describe.console import Console
    from bourn.plugins.registry import Registry
    from bourn.plugins.spec import Spec

__all__ = ["kinds_in_words", "listing", "page", "pairs", "shipped_by"]

WIDE = 100
"""From this width on options are shown as a table; below it one beneath the other."""

MOST_CELLS = 4
"""Kinds that a cell names; of more, those that are missing are named."""


def shipped_by(spec: Spec) -> str:
    """Distribution and version."""
    return f"{spec.distribution} {spec.version}".strip()


def listing(registry: Registry, console: Console) -> list[str]:
    """Everything that is installed, a line each; what is broken says why."""
    lines: list[str] = []
    tables = {
        title: [(spec.name, _meaning(spec), shipped_by(spec)) for spec in named.values()]
        for title, named in (("Destinations", registry.destinations), ("Formats", registry.formats))
    }
    least = [max((len(row[column]) for rows in tables.values() for row in rows), default=0) for column in (0, 1)]
    for title, rows in tables.items():
        lines += ["", console.strong(title)] if lines else [console.strong(title)]
        if not rows:
            lines.append("  none")
        lines += console.table(rows, wrap=(1,), faint=(2,), least=least)
    broken = [problem for problem in registry.problems if problem.fatal]
    if broken:
        lines += ["", f"{len(broken)} installed {_plural('plugin', broken)} can't be used: see `bourn doctor`."]
    return lines


def _meaning(spec: Spec) -> str:
    try:
        return spec.summary
    except PluginError as error:
        return f"broken: {_reason(error)}"


def _reason(error: PluginError) -> str:
    return error.message.partition("could not be loaded: ")[2] or error.message


def page(spec: Spec, registry: Registry, console: Console) -> list[str]:
    """All about one plugin.

    Raises
    ------
    PluginError
        It can't be loaded.
    """
    plugin = spec.load()
    lines = [f"{console.strong(spec.name)}  {spec.role}, {console.faint(shipped_by(spec))}", ""]
    lines += [*console.wrapped(spec.summary, 2), ""]
    lines += console.table(_facts(spec, registry, plugin), wrap=(1,))
    lines += ["", console.strong("Options")]
    options = options_of(spec.schema)
    if not options:
        lines.append("  none")
    elif console.width >= WIDE:
        lines += console.table(options, head=("name", "type", "default", "limits", "meaning"), wrap=(3, 4))
    else:
        for option in options:
            said = "required" if option.default == "required" else f"default {option.default}" if option.default else ""
            facts = "; ".join(part for part in (option.type, option.limits, said) if part)
            lines += [
                f"  {console.strong(option.name)}",
                *console.wrapped(facts, 6),
                *console.wrapped(option.meaning, 6),
            ]
    lines += ["", console.strong("Examples")]
    described = describe_plugin(spec)
    for (title, call), command in zip(calls_of(described), commands_of(described), strict=True):
        lines += console.wrapped(f"# {title}", 2, 4) if title else []
        lines += [f"  {line}" for line in (*call.splitlines(), *f"$ {command}".splitlines())]
    return lines


def _facts(spec: Spec, registry: Registry, plugin: object) -> list[tuple[str, str]]:
    return [row for row in (("shorthand", _shorthand(spec, registry)), *_more(spec, registry, plugin)) if row[1]]


def _shorthand(spec: Spec, registry: Registry) -> str:
    """What stands for the plugin: its name, where no option must be given; objects of a class."""
    named = [] if spec.schema.get("required") else [f'"{spec.name}"']
    classes = registry.shorthands.get((spec.role, spec.name), ())
    return " or ".join([*named, *(f"a {value.replace(':', '.')}" for value in classes)])


def _more(spec: Spec, registry: Registry, plugin: object) -> list[tuple[str, str]]:
    matrix = registry.matrix()
    if spec.role == "destination":
        together = {name: matrix.cell(spec.name, name) for name in registry.formats}
        default = matrix.default_format(spec.name)
        named = [f"{name} (its default)" if name == default else name for name, cell in together.items() if cell.kinds]
        gives = "the data" if getattr(plugin, "gives_data", True) else "something of its own, not the data"
        return [
            ("formats", ", ".join(named) or "none of those installed"),
            ("kinds", kinds_in_words(getattr(plugin, "kinds", ()))),
            ("gives back", gives),
        ]
    takers = [name for name in registry.destinations if matrix.cell(name, spec.name).kinds]
    return [
        ("destinations", ", ".join(takers) or "none of those installed"),
        ("kinds", kinds_in_words(getattr(plugin, "kinds", ()))),
        ("written as", f"{getattr(plugin, 'media_type', '')}, {getattr(plugin, 'suffix', '')}"),
        ("gives back", "the Python object" if getattr(plugin, "decodes", False) else "bytes"),
    ]


def kinds_in_words(kinds: Sequence[str]) -> str:
    """The kinds of result, ``all`` where that is so."""
    from bourn.results.info import KINDS  # attrs, 30 ms, where plugins are loaded anyway

    if tuple(kinds) == ("*",) or set(kinds) >= set(KINDS):
        return "all"
    return ", ".join(kinds) or "none"


def pairs(registry: Registry, console: Console) -> list[str]:
    """The matrix: which kinds pass from a format to a destination; refused pairs have a number, and a reason below."""
    reasons: dict[str, int] = {}
    cells: dict[tuple[str, str], str] = {}
    for pair, cell in registry.matrix().items():
        cells[pair] = kinds_in_words(cell.kinds) if cell.kinds else f"no ({_numbered(cell.reason, reasons)})"
    if not cells:
        return ["There is no destination, or no format."]
    head = ["", *registry.formats]
    rows = [[to, *(cells[to, name] for name in registry.formats)] for to in registry.destinations]
    lines = console.table(rows, head=head, indent=0, wrap=())
    if max(map(len, lines)) > console.width:
        lines = _beneath(registry, cells, console)
    if reasons:
        lines.append("")
        lines += console.table([(f"({number})", reason) for reason, number in reasons.items()], indent=0, wrap=(1,))
    return lines


def _numbered(reason: str, reasons: dict[str, int]) -> int:
    return reasons.setdefault(reason, len(reasons) + 1)


def _beneath(registry: Registry, cells: Mapping[tuple[str, str], str], console: Console) -> list[str]:
    """For more formats than fit side by side: one beneath the other."""
    lines = []
    for to in registry.destinations:
        lines.append(console.strong(to))
        lines += console.table([(name, cells[to, name]) for name in registry.formats])
    return lines


def _plural(noun: str, counted: Sequence[object]) -> str:
    return noun if len(counted) == 1 else f"{noun}s"
