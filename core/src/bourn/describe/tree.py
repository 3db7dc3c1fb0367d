"""``bourn docs DIR``: the registry as a tree of Markdown files, written anew as often as one likes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bourn.describe.blocks import Heading, Paragraph, prose
from bourn.describe.markdown import markdown
from bourn.describe.pages import errors_page, matrix_page, overview, plugin_page, problems_page
from bourn.errors import Problem, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bourn.describe.blocks import Block

__all__ = ["MARK", "pages_of", "write_tree"]

MARK = "<!-- Written by `bourn docs`; it is written anew, so change the plugin and not this page. -->"
"""The first line of every page: it marks pages that are ours, as opposed to ones that somebody wrote."""


def write_tree(described: Mapping[str, Any], folder: Path, schema: Mapping[str, Any]) -> list[Path]:
    """Write the pages, and remove those of plugins that are gone; gives the files in the order of the index.

    Raises
    ------
    RequestError
        A file is in the way that was not written by this.
    """
    files = {folder / name: text for name, text in pages_of(described).items()}
    foreign = [path for path in files if path.exists() and not _ours(path)]
    if foreign:
        message = "is in the way: it was not written by `bourn docs`. Remove it, or choose another folder"
        raise RequestError([Problem(str(path), message) for path in foreign])
    for role in ("destinations", "formats"):
        for path in sorted((folder / role).glob("*.md")):
            if path not in files and _ours(path):
                path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    machines = {"request.schema.json": schema, "registry.json": described}
    for name, document in machines.items():
        (folder / name).write_text(
            json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8"
        )
    return [*files, *(folder / name for name in machines)]


def pages_of(described: Mapping[str, Any]) -> dict[str, str]:
    """Every page by its place in the tree."""
    return {name: f"{MARK}\n\n{markdown(blocks, _href_from(name))}" for name, blocks in _pages(described)}


def _pages(described: Mapping[str, Any]) -> Iterator[tuple[str, list[Block]]]:
    yield "index.md", [
        Heading("Destinations and formats", 1),
        Paragraph(prose("What is installed: a destination says where a result goes, a format how it is written.")),
        Heading("Destinations"), *overview(described, "destination"),
        Heading("Formats"), *overview(described, "format"),
        *([Heading("Problems"), *problems_page(described)] if described["problems"] else []),
    ]  # fmt: skip
    yield (
        "matrix.md",
        [
            Heading("What goes together", 1),
            Paragraph(
                prose("The kinds of result that pass in a format to a destination; where none does, the reason.")
            ),
            *matrix_page(described),
        ],
    )
    for role in ("destination", "format"):
        for name in described[f"{role}s"]:
            yield f"{role}s/{name}.md", [Heading(name, 1), *plugin_page(described, role, name)]
    yield "errors.md", [
        Heading("Errors", 1),
        Paragraph(prose("All are in `bourn.errors`. A message says the place, what was given, and what is allowed.")),
        *errors_page(described),
    ]  # fmt: skip


def _href_from(page: str) -> Any:
    up = "../" * page.count("/")
    return lambda role, name: f"{up}{role}s/{name}.md"


def _ours(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().rstrip("\n") == MARK
    except UnicodeDecodeError:
        return False
