"""Standard output and standard error: width and colours of the terminal, JSON, notices."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from bourn.describe.console import Console
from bourn.wording import escape_controls

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["as_json_option", "console", "notify", "print_json", "print_lines"]

WIDEST = 120
"""Longer lines are hard to read, however wide the terminal is."""

UNSEEN = 100
"""The width of output to a file or a pipe."""

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def console() -> Console:
    """Return the console of standard output, by ``COLUMNS`` and ``NO_COLOR``."""
    terminal = _is_terminal()
    width = shutil.get_terminal_size((UNSEEN, 24)).columns if terminal or os.environ.get("COLUMNS") else UNSEEN
    colours = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Console(max(40, min(width, WIDEST)), colours=colours)


def _is_terminal() -> bool:
    if sys.stdout is None:  # closed by the shell: `>&-`
        msg = "standard output is closed, so there is nowhere to write to"
        raise click.ClickException(msg)
    return sys.stdout.isatty()


def print_lines(lines: Iterable[str]) -> None:
    """Print lines to standard output in one write."""
    _is_terminal()
    click.echo("\n".join(lines))


def print_json(document: Any, *, compact: bool = False) -> None:
    """Print a document to standard output: compact on one line, else indented."""
    _is_terminal()
    indent, separators = (None, (",", ":")) if compact else (2, None)
    click.echo(json.dumps(document, indent=indent, separators=separators, default=str))


def notify(text: str) -> None:
    """Print a notice to standard error, without control characters that stored texts may have."""
    click.echo(escape_controls(text), err=True)
