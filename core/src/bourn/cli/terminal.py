"""The terminal before which the user sits: how wide it is, whether it has colours, and how JSON goes out."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from bourn.describe.paper import Paper

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["as_json_option", "paper", "print_json", "print_lines", "tell"]

WIDEST = 120
"""Longer lines are hard to read, however wide the terminal is."""

UNSEEN = 100
"""The width where nobody sees it: output that goes into a file or a pipe, and says no width."""

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def paper() -> Paper:
    """What standard output is written on; ``COLUMNS`` and ``NO_COLOR`` are heeded."""
    terminal = _is_terminal()
    width = shutil.get_terminal_size((UNSEEN, 24)).columns if terminal or os.environ.get("COLUMNS") else UNSEEN
    colours = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Paper(max(40, min(width, WIDEST)), colours=colours)


def _is_terminal() -> bool:
    if sys.stdout is None:  # closed by the shell: `>&-`
        msg = "standard output is closed, so there is nowhere to write to"
        raise click.ClickException(msg)
    return sys.stdout.isatty()


def print_lines(lines: Iterable[str]) -> None:
    """Lines to standard output; those of a table reach it at once."""
    _is_terminal()
    click.echo("\n".join(lines))


def print_json(document: Any, *, compact: bool = False) -> None:
    """A document to standard output: for machines on one line, else indented."""
    _is_terminal()
    indent, separators = (None, (",", ":")) if compact else (2, None)
    click.echo(json.dumps(document, indent=indent, separators=separators, default=str))


def tell(text: str) -> None:
    """Something for whoever watches, beside the output: to standard error."""
    click.echo(text, err=True)
