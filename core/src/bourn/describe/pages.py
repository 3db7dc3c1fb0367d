"""Pages of what is installed, in Markdown, by one jinja2 template; `html` renders them.

The Markdown is CommonMark with the tables of GitHub, which MyST, mkdocs and others read alike. Every text of a plugin's
author goes through a filter that escapes it: what stands between backticks is code, nothing else in it is markup.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context

from bourn.describe.console import one_line
from bourn.describe.example import calls_of
from bourn.describe.option import options_of
from bourn.describe.text import kinds_in_words

if TYPE_CHECKING:
    from jinja2.runtime import Context
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["Href", "html", "inline_html", "page", "parser", "prose"]

Href = Callable[[str, str], str]
"""Role and name of a plugin -> address of its description."""

_CODE = re.compile(r"``(.+?)``|`([^`]+)`")
_MARKUP = re.compile(r"[\\`*{}\[\]<>#|~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_BLOCK_START = re.compile(r"^(\s*)(?:([-+=:>])|(\d+)(?=[.)]))")


def page(name: str, *arguments: Any, href: Href | None = None) -> str:
    """A page, or a part of one, as Markdown; without `href` references are plain names.

    Parameters
    ----------
    name : {'plugin', 'overview', 'matrix', 'errors', 'problems', 'settings', 'options'}
        A macro of ``templates/pages.md.jinja``.
    *arguments
        Its arguments.
    """
    macros = _environment().get_template("pages.md.jinja").make_module({"href": href})
    return re.sub(r"\n+$", "\n", str(getattr(macros, name)(*arguments)))


def prose(text: str, *, in_table: bool = False) -> str:
    r"""A third party's text as Markdown: what stands between backticks is code, everything else is text.

    Examples
    --------
    >>> print(prose("`a|b` and <b>"))
    `a|b` and \<b\>
    """
    text, parts, at = one_line(text), [], 0
    for found in _CODE.finditer(text):
        parts += [_text(text[at : found.start()]), _code(found[1] or found[2], in_table=in_table)]
        at = found.end()
    return "".join([*parts, _text(text[at:])])


def _text(text: str) -> str:
    text = _MARKUP.sub(lambda found: f"\\{found[0]}", text)
    return _BLOCK_START.sub(lambda found: f"{found[1]}\\{found[2]}" if found[2] else f"{found[0]}\\", text)


def _code(text: str, *, in_table: bool = False) -> str:
    text = one_line(text)
    if not text:
        return ""
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    # A table is cut into cells before anything else is read.
    text = text.replace("|", r"\|") if in_table else text
    return f"{fence}{pad}{text}{pad}{fence}"


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall(r"`+", text)), default=0)


def _description(text: str) -> str:
    blocks = []
    for part in re.split(r"\n\s*\n", text):
        lines = part.strip()
        if lines.startswith("- "):
            blocks.append("\n".join(f"- {prose(point)}" for point in re.split(r"(?:^|\n)- ", lines) if point))
        elif lines:
            blocks.append(prose(lines))
    return "\n\n".join(blocks)


@pass_context
def _ref(context: Context, name: str, role: str) -> str:
    href = context["href"]
    return _text(name) if href is None else f"[{_text(name)}]({href(role, name)})"


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bourn.describe"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        autoescape=False,  # noqa: S701  # it is Markdown: the filters escape
    )  # fmt: skip
    environment.filters |= {
        "calls": calls_of,
        "cell": functools.partial(prose, in_table=True),
        "cell_code": functools.partial(_code, in_table=True),
        "description": _description,
        "fenced": _fenced,
        "kinds": kinds_in_words,
        "options": options_of,
        "prose": prose,
        "ref": _ref,
        "shipped_by": lambda described: f"{described['distribution']} {described['version']}".strip(),
        "text": _text,
        "with_article": lambda noun: f"a {noun}",
    }
    return environment


# -- HTML -----------------------------------------------------------------------------------------------------------


def html(markdown: str) -> str:
    r"""A page as HTML: raw HTML in it is text, nothing in it runs, and it has no style sheet.

    Examples
    --------
    >>> html("## Options\n\n`a` and <b>")
    '<h4>Options</h4>\n<p><code>a</code> and &lt;b&gt;</p>\n'
    """
    made: str = parser().renderer.render(_marked(parser().parse(markdown)), parser().options, {})
    return made


def inline_html(text: str) -> str:
    """A third party's text as HTML."""
    made: str = parser().renderInline(prose(text))
    return made


@functools.cache
def parser() -> MarkdownIt:
    """The parser of the pages' Markdown."""
    from markdown_it import MarkdownIt  # 30 ms, for pages alone

    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _marked(tokens: list[Token]) -> list[Token]:
    """Mark tables and what is broken for style sheets; cells know their head, for narrow screens."""
    labels: list[str] = []
    column = 0
    is_facts = False
    kept = []
    for index, token in enumerate(tokens):
        if token.type in ("heading_open", "heading_close"):
            token.tag = "h4"
        elif token.type == "blockquote_open":
            token.attrSet("class", "broken")
        elif token.type == "table_open":
            end = next(place for place in range(index, len(tokens)) if tokens[place].type == "thead_close")
            labels = [each.content for each in tokens[index:end] if each.type == "inline"]
            is_facts = not any(labels)
            token.attrSet("class", "facts" if is_facts else "rows")
        elif token.type == "tr_open":
            column = 0
        elif token.type == "td_open":
            if is_facts and column == 0:
                token.tag = "th"
            elif labels[column]:
                token.attrSet("data-label", labels[column])
            column += 1
        elif token.type == "td_close" and is_facts and column == 1:
            token.tag = "th"
        kept.append(token)
    return kept
