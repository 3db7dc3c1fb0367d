"""What a page is made of, before it is Markdown, HTML or a node of Sphinx: so that all of them say the same."""

from __future__ import annotations

import re
from typing import NamedTuple

import attrs

from bourn.describe.console import one_line

__all__ = ["Block", "Broken", "Code", "Heading", "Line", "Paragraph", "Points", "Span", "Table", "code", "prose", "ref"]

_CODE = re.compile(r"``(.+?)``|`([^`]+)`")


class Span(NamedTuple):
    """A piece of a line.

    Attributes
    ----------
    text : str
    kind : {'text', 'code', 'ref'}
    target : tuple of (role, name)
        Of a reference: the plugin that it leads to.
    """

    text: str
    kind: str = "text"
    target: tuple[str, str] = ("", "")


Line = tuple[Span, ...]


@attrs.frozen
class Heading:
    """A heading within a page; 1 is the title of the page itself."""

    text: str
    level: int = 2


@attrs.frozen
class Paragraph:
    """A paragraph."""

    line: Line


@attrs.frozen
class Points:
    """A list with points."""

    lines: tuple[Line, ...]


@attrs.frozen
class Code:
    """Lines of a program, or of a terminal."""

    text: str
    language: str = "python"
    title: Line = ()


@attrs.frozen
class Broken:
    """Why a plugin can't be used."""

    line: Line


@attrs.frozen
class Table:
    """Rows beneath a head; without a head the first column says what the second is."""

    head: tuple[str, ...]
    rows: tuple[tuple[Line, ...], ...]


Block = Heading | Paragraph | Points | Code | Broken | Table


def prose(text: str) -> Line:
    """A third party's text as a line: what stands between backticks is code, everything else is text.

    Examples
    --------
    >>> prose("how `x` is written")
    (Span(text='how ', kind='text', target=('', '')), Span(text='x', kind='code', target=('', '')), \
Span(text=' is written', kind='text', target=('', '')))
    """
    text, spans, at = one_line(text), [], 0
    for found in _CODE.finditer(text):
        spans += [Span(text[at : found.start()]), Span(found[1] or found[2], "code")]
        at = found.end()
    return tuple(span for span in (*spans, Span(text[at:])) if span.text)


def code(text: str) -> Line:
    """A line that is all code; nothing where there is none."""
    return (Span(one_line(text), "code"),) if text else ()


def ref(role: str, name: str) -> Span:
    """A reference to a plugin."""
    return Span(name, "ref", (role, name))
