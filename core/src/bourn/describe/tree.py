"""``bourn docs DIR``: the registry as a tree of Markdown files, written anew as often as one likes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bourn.describe.pages import page, prose
from bourn.errors import Problem, RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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
    pages = {name: page(macro, described, href=_href_from(name)) for name, macro in _PAGES.items()}
    for role in ("destination", "format"):
        for name, plugin in described[f"{role}s"].items():
            text = page("plugin", described, plugin, href=_href_from(f"{role}s/{name}.md"))
            pages[f"{role}s/{name}.md"] = f"# {prose(name)}\n\n{text}"
    return {name: f"{MARK}\n\n{text}" for name, text in pages.items()}


_PAGES = {"index.md": "index", "matrix.md": "matrix_page", "errors.md": "errors_page"}


def _href_from(page: str) -> Any:
    up = "../" * page.count("/")
    return lambda role, name: f"{up}{role}s/{name}.md"


def _ours(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().rstrip("\n") == MARK
    except UnicodeDecodeError:
        return False
