"""Blocks as Markdown: CommonMark and the tables of GitHub, which MyST, mkdocs and others read alike."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from bourn.describe.blocks import Broken, Code, Heading, Paragraph, Points, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bourn.describe.blocks import Block, Line, Span

__all__ = ["markdown"]

Href = Callable[[str, str], str]
"""Role and name of a plugin -> where its page is, seen from this one."""

# Whatever means something within a line; and what means something at its beginning.
_MEANT = re.compile(r"[\\`*{}\[\]<>#|~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LEADING = re.compile(r"^(\s*)([-+=:>]|\d+(?=[.)]))")


def markdown(blocks: Iterable[Block], href: Href) -> str:
    r"""A page of Markdown; nothing in a third party's text is taken for markup.

    Examples
    --------
    >>> from bourn.describe.blocks import Heading, Paragraph, prose
    >>> print(markdown([Heading("Options"), Paragraph(prose("`a|b` and <b>"))], lambda role, name: ""), end="")
    ## Options
    <BLANKLINE>
    `a|b` and \<b\>
    """
    return "\n".join("\n".join(_lines(block, href)) + "\n" for block in blocks)


def _lines(block: Block, href: Href) -> list[str]:
    if isinstance(block, Heading):
        return [f"{'#' * block.level} {_text(block.text)}"]
    if isinstance(block, Paragraph):
        return [_line(block.line, href)]
    if isinstance(block, Points):
        return [f"- {_line(line, href)}" for line in block.lines]
    if isinstance(block, Broken):
        return [f"> **Broken.** {_line(block.line, href)}"]
    if isinstance(block, Code):
        fence = "`" * max(3, _longest_run(block.text) + 1)
        title = [_line(block.title, href), ""] if block.title else []
        return [*title, f"{fence}{block.language}", *block.text.splitlines(), fence]
    return _table(block, href)


def _table(table: Table, href: Href) -> list[str]:
    width = len(table.head) or max(map(len, table.rows), default=1)
    head = [_text(cell) for cell in table.head] or [""] * width
    rows = [[_line(cell, href, in_table=True) for cell in row] for row in table.rows]
    return [_row(head), _row(["---"] * width), *map(_row, rows)]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _line(line: Line, href: Href, *, in_table: bool = False) -> str:
    return "".join(_span(span, href, first=number == 0, in_table=in_table) for number, span in enumerate(line))


def _span(span: Span, href: Href, *, first: bool, in_table: bool) -> str:
    if span.kind == "ref":
        return f"[{_text(span.text)}]({href(*span.target)})"
    if span.kind == "code":
        fence = "`" * (_longest_run(span.text) + 1)
        pad = " " if span.text.startswith("`") or span.text.endswith("`") else ""
        # A table is cut into cells before anything else is read.
        text = span.text.replace("|", r"\|") if in_table else span.text
        return f"{fence}{pad}{text}{pad}{fence}"
    text = _text(span.text)
    return _LEADING.sub(r"\1\\\2", text) if first and not re.match(r"\s*\d", text) else _unnumbered(text, first=first)


def _unnumbered(text: str, *, first: bool) -> str:
    """A text that begins with a number, so that it begins no list."""
    return re.sub(r"^(\s*\d+)([.)])", r"\1\\\2", text) if first else text


def _text(text: str) -> str:
    return _MEANT.sub(lambda found: f"\\{found[0]}", text)


def _longest_run(text: str) -> int:
    return max(map(len, re.findall(r"`+", text)), default=0)
