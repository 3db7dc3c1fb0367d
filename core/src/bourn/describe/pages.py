"""The pages of `registry.describe()`, as blocks: plugins, overviews, matrix, errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bourn.describe.blocks import Broken, Code, Heading, Paragraph, Points, Span, Table, code, prose, ref
from bourn.describe.example import calls_of
from bourn.describe.option import options_of
from bourn.describe.text import kinds_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bourn.describe.blocks import Block, Line

__all__ = [
    "errors_page",
    "matrix_page",
    "options_page",
    "options_table",
    "overview",
    "plugin_page",
    "problems_page",
    "settings_page",
]

Described = dict[str, Any]

OPTIONS = ("Option", "Type", "Default", "Limits", "Meaning")


def plugin_page(described: Mapping[str, Any], role: str, name: str) -> list[Block]:
    """All about one plugin, its title left out; what is broken says why."""
    plugin: Described = described[f"{role}s"][name]
    if "broken" in plugin:
        return [Broken(prose(plugin["broken"])), *_shipped(plugin)]
    blocks = [*_described(plugin["description"]), Table((), tuple(_facts(plugin)))]
    blocks += [Heading("Options"), *_options(plugin["options"], "No options.")]
    pairs = list(_pairs(described, plugin))
    blocks += [Heading("Compatible formats" if role == "destination" else "Compatible destinations"), *pairs]
    blocks.append(Heading("Examples"))
    blocks += [Code(call, title=prose(title)) for title, call in calls_of(plugin)]
    if plugin["settings"].get("properties"):
        blocks += [Heading("Settings"), Paragraph(_settings_line(name)), *_options(plugin["settings"], "")]
    return blocks


def overview(described: Mapping[str, Any], role: str) -> list[Block]:
    """All plugins of a role, a line each."""
    plugins: Sequence[Described] = list(described[f"{role}s"].values())
    if not plugins:
        return [Paragraph(prose(f"No {role} is installed."))]
    head = (role.capitalize(), "What it does", "Takes", "Formats" if role == "destination" else "Written as", "From")
    rows: list[tuple[Line, ...]] = []
    for plugin in plugins:
        name, from_ = (ref(role, plugin["name"]),), prose(_from(plugin))
        if "broken" in plugin:
            rows.append((name, prose(f"Broken: {plugin['broken']}"), (), (), from_))
            continue
        last = _names(plugin.get("takes", ()), "format") if role == "destination" else _written(plugin)
        rows.append((name, prose(plugin["summary"]), prose(kinds_in_words(plugin["kinds"])), last, from_))
    return [Table(head, tuple(rows))]


def matrix_page(described: Mapping[str, Any]) -> list[Block]:
    """What goes together: in each cell the kinds of result that pass, or why none does."""
    if not described["matrix"]:
        return [Paragraph(prose("There is no destination, or no format."))]
    formats = list(described["formats"])
    cells = {(cell["destination"], cell["format"]): _cell(described, cell) for cell in described["matrix"]}
    rows = [
        ((ref("destination", to),), *(cells[to, written] for written in formats)) for to in described["destinations"]
    ]  # fmt: skip
    return [Table(("", *formats), tuple(rows))]


def _cell(described: Mapping[str, Any], cell: Mapping[str, Any]) -> Line:
    for role in ("destination", "format"):
        if "broken" in described[f"{role}s"][cell[role]]:
            return (ref(role, cell[role]), Span(" is broken"))
    return prose(kinds_in_words(cell["kinds"]) if cell["kinds"] else f"no: {cell['reason']}")


def errors_page(described: Mapping[str, Any]) -> list[Block]:
    """Every error with its cause and its cure; those beneath another are of its kind."""
    rows = [
        (
            code(error["name"]),
            code(error["code"]),
            tuple(Span(above, "code") for above in error["above"][:1]),
            prose(error["cause"]),
            prose(error["cure"]),
        )
        for error in described["errors"]
    ]
    return [Table(("Error", "Code", "Is a", "Cause", "Cure"), tuple(rows))]


def problems_page(described: Mapping[str, Any]) -> list[Block]:
    """What is wrong with what is installed."""
    if not described["problems"]:
        return [Paragraph(prose("Nothing is wrong with what is installed."))]
    return [
        Table(
            ("What", "From", "Reason"),
            tuple(
                (prose(f"{problem['role']} {problem['name']}"), prose(_from(problem)), prose(problem["reason"]))
                for problem in described["problems"]
            ),
        )
    ]


def settings_page(schema: Mapping[str, Any]) -> list[Block]:
    """Every setting, and the variable that sets it."""
    rows = [(*row, code(f"BOURN_{row[0][0].text.upper()}")) for row in options_table(schema)]
    return [Table(("Setting", *OPTIONS[1:], "Variable"), tuple(rows))]


def options_page(schema: Mapping[str, Any]) -> list[Block]:
    """The options of a schema that is no plugin's own."""
    return _options(schema, "No options.")


def options_table(schema: Mapping[str, Any]) -> list[tuple[Line, ...]]:
    """The options of a schema as rows beneath `OPTIONS`."""
    return [
        (
            code(option.name),
            prose(option.type),
            prose("required") if option.default == "required" else code(option.default),
            (Span(option.limits),) if option.limits else (),
            prose(option.meaning),
        )
        for option in options_of(schema)
    ]


def _options(schema: Mapping[str, Any], none: str) -> list[Block]:
    rows = options_table(schema)
    return [Table(OPTIONS, tuple(rows))] if rows else [Paragraph(prose(none))]


def _described(text: str) -> Iterator[Block]:
    for part in re.split(r"\n\s*\n", text):
        lines = part.strip()
        if lines.startswith("- "):
            yield Points(tuple(prose(point) for point in re.split(r"(?:^|\n)- ", lines) if point))
        elif lines:
            yield Paragraph(prose(lines))


def _facts(plugin: Described) -> Iterator[tuple[Line, ...]]:
    yield prose("Shorthand"), tuple(_shorthands(plugin))
    yield prose("Takes"), prose(_kinds(plugin["kinds"]))
    if plugin["role"] == "destination":
        yield prose("Gives back"), prose("the data" if plugin["gives_data"] else "something of its own, not the data")
    else:
        yield prose("Written as"), _written(plugin)
        yield prose("Gives back"), prose("the Python object" if plugin["decodes"] else "bytes")
        yield prose("Large results"), prose("written block by block" if plugin["lazy"] else "computed, then written")
    yield prose("From"), prose(_from(plugin))


def _shorthands(plugin: Described) -> Iterator[Span]:
    """What may stand for the plugin in place of a mapping: its name, if no option must be given; objects of a class."""
    before = ""
    if isinstance(plugin["request"], str):
        yield Span(f'"{plugin["name"]}"', "code")
        before = " or "
    for value in plugin["shorthands"]:
        module, _, name = value.partition(":")
        yield Span(f"{before}a ")
        yield Span(f"{module}.{name}" if name else module, "code")
        before = " or "
    if not before:
        yield Span("none: it has options that must be given")


def _kinds(kinds: Sequence[str]) -> str:
    said = kinds_in_words(kinds)
    return "any result" if said == "all" else said


def _pairs(described: Mapping[str, Any], plugin: Described) -> Iterator[Block]:
    """The formats that a destination takes, or the other way round; then those it does not, with the reason."""
    mine, other = plugin["role"], "format" if plugin["role"] == "destination" else "destination"
    default = plugin.get("default_format")
    cells = [cell for cell in described["matrix"] if cell[mine] == plugin["name"]]
    fitting = [cell for cell in cells if cell["kinds"]]
    if not fitting:
        yield Paragraph(prose(f"None of the {other}s that are installed."))
    else:
        whole = len(fitting) == len(cells) and len(cells) > 1
        yield Paragraph(prose(f"All {other}s that are installed:" if whole else "These, for results of these kinds:"))
        yield Points(
            tuple((*_names([cell[other]], other, default), Span(f": {_kinds(cell['kinds'])}")) for cell in fitting)
        )
    refused = [cell for cell in cells if not cell["kinds"]]
    if refused:
        yield Paragraph(prose("Not:"))
        yield Points(tuple((ref(other, cell[other]), Span(f": {cell['reason']}")) for cell in refused))


def _names(names: Sequence[str], role: str, default: str | None = None) -> Line:
    spans: list[Span] = []
    for name in names:
        spans += [Span(", ")] if spans else []
        spans += [ref(role, name), *([Span(" (its default)")] if name == default else [])]
    return tuple(spans)


def _written(plugin: Described) -> Line:
    return (Span(plugin["media_type"], "code"), Span(", "), Span(plugin["suffix"], "code"))


def _settings_line(name: str) -> Line:
    variable = f"BOURN_{name.upper()}__..."
    return prose(f"In the section `[plugins.{name}]` of `bourn.toml`, or in variables `{variable}`.")


def _shipped(plugin: Described) -> list[Block]:
    return [Paragraph(prose(f"From {_from(plugin)}."))]


def _from(described: Mapping[str, Any]) -> str:
    return f"{described['distribution']} {described['version']}".strip()
