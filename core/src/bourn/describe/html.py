"""Blocks as HTML: third-party text is escaped, nothing in it runs, and there is no style sheet."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from bourn.describe.blocks import Broken, Code, Heading, Paragraph, Points

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bourn.describe.blocks import Block, Line, Span, Table

__all__ = ["html", "inline"]

Href = Callable[[str, str], str]
"""Role and name of a plugin -> address of its description."""


def html(blocks: Iterable[Block], href: Href | None = None) -> str:
    """A page as HTML; without `href` references are plain names.

    Examples
    --------
    >>> from bourn.describe.blocks import Heading, Paragraph, prose
    >>> html([Heading("Options"), Paragraph(prose("`a` and <b>"))])
    '<h4>Options</h4><p><code>a</code> and &lt;b&gt;</p>'
    """
    return "".join(_block(block, href) for block in blocks)


def inline(line: Line, href: Href | None = None) -> str:
    """One line as HTML."""
    return "".join(_span(span, href) for span in line)


def _block(block: Block, href: Href | None) -> str:
    if isinstance(block, Heading):
        return f"<h4>{escape(block.text)}</h4>"
    if isinstance(block, Paragraph):
        return f"<p>{inline(block.line, href)}</p>"
    if isinstance(block, Points):
        return f"<ul>{''.join(f'<li>{inline(line, href)}</li>' for line in block.lines)}</ul>"
    if isinstance(block, Broken):
        return f'<p class="broken"><strong>Broken.</strong> {inline(block.line, href)}</p>'
    if isinstance(block, Code):
        code = f"<pre><code>{escape(block.text)}</code></pre>"
        return f"<figure><figcaption>{inline(block.title, href)}</figcaption>{code}</figure>" if block.title else code
    return _table(block, href)


def _table(table: Table, href: Href | None) -> str:
    if not table.head:
        rows = (f"<tr><th>{inline(first, href)}</th>{_cells(rest, (), href)}</tr>" for first, *rest in table.rows)
        return f'<table class="facts"><tbody>{"".join(rows)}</tbody></table>'
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    body = "".join(f"<tr>{_cells(row, table.head, href)}</tr>" for row in table.rows)
    return f'<table class="rows"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _cells(cells: Iterable[Line], head: tuple[str, ...], href: Href | None) -> str:
    """Cells that know the head of their column: on a narrow screen they stand beneath each other."""
    labels = [f' data-label="{escape(label)}"' for label in head]
    written = [inline(cell, href) for cell in cells]
    return "".join(
        f"<td{label}>{cell}</td>" for label, cell in zip(labels or [""] * len(written), written, strict=True)
    )


def _span(span: Span, href: Href | None) -> str:
    text = escape(span.text)
    if span.kind == "code":
        return f"<code>{text}</code>"
    if span.kind == "ref" and href is not None:
        return f'<a href="{escape(href(*span.target))}">{text}</a>'
    return text
