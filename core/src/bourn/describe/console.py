"""Text of a given width with headings in bold and tables that fit, by rich."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from bourn.wording import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

__all__ = ["Console", "one_line"]

GAP = 2
NARROWEST = 16
"""A column that is wrapped is never narrower than this; the line is then longer than the width."""


class Console:
    """Text of a given width, as lines.

    Parameters
    ----------
    width : int
        In characters.
    colours : bool
        Whether headings are bold and errors red; otherwise the text is plain.
    """

    def __init__(self, width: int = 100, *, colours: bool = False) -> None:
        self.width = width
        self.colours = colours

    def strong(self, text: str) -> str:
        """Return a heading."""
        return self._styled(text, "bold")

    def faint(self, text: str) -> str:
        """Return a text of less importance."""
        return self._styled(text, "dim")

    def bad(self, text: str) -> str:
        """Return the name of something that does not work."""
        return self._styled(text, "red")

    def _styled(self, text: str, style: str) -> str:
        if not self.colours or not text.strip():
            return text
        from rich.style import Style  # 20 ms, in terminals with colours only

        return Style.parse(style).render(text)

    def wrapped(self, text: str, indent: int = 0, hanging: int | None = None) -> list[str]:
        """Return a paragraph as lines; all but the first are indented by `hanging`."""
        import textwrap

        return textwrap.wrap(
            one_line(text),
            self.width,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent if hanging is None else hanging),
            break_long_words=False,
            break_on_hyphens=False,
        )

    def table(
        self,
        rows: Iterable[Sequence[str]],
        *,
        head: Sequence[str] = (),
        indent: int = 2,
        wrap: Sequence[int] = (-1,),
        right: Sequence[int] = (),
        faint: Sequence[int] = (),
        least: Sequence[int] = (),
    ) -> list[str]:
        """Return a table as lines: columns as wide as their content, those in `wrap` narrower where they do not fit.

        Parameters
        ----------
        rows : iterable of sequence of str
        head : sequence of str, optional
        indent : int
            Characters before the first column.
        wrap, right, faint : sequence of int
            Columns that may be wrapped, are flush right, are of less importance.
        least : sequence of int, optional
            The least widths of the first columns, to align several tables.
        """
        cells = [[one_line(cell) for cell in row] for row in rows]
        if not cells and not head:
            return []
        from rich.cells import cell_len  # 60 ms, for tables only
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        count = len(head or cells[0])
        table = Table(box=None, show_header=bool(head), header_style="bold", padding=(0, GAP, 0, 0), pad_edge=False)
        needed = indent + GAP * (count - 1)
        for column in range(count):
            widest = max(cell_len(row[column]) for row in [*cells, *([head] if head else [])])
            may_wrap = column in wrap or column - count in wrap
            words = (word for row in cells for word in row[column].split())
            narrowest = max(min(widest, NARROWEST), *map(cell_len, words), 0) if may_wrap else widest  # no URL is cut
            narrowest = max(narrowest, [*least, *[0] * count][column])
            needed += narrowest
            table.add_column(
                Text(head[column]) if head else "",
                justify="right" if column in right else "left",
                style="dim" if column in faint or column - count in faint else "",
                min_width=narrowest,
                no_wrap=not may_wrap,
                overflow="fold",
            )
        for row in cells:
            table.add_row(*map(Text, row))
        return self._lines(Padding(table, (0, 0, 0, indent), expand=False), max(self.width, needed))

    def _lines(self, renderable: RenderableType, width: int) -> list[str]:
        from rich.console import Console as RichConsole  # see above

        written = io.StringIO()
        colours = {"force_terminal": True, "color_system": "standard"} if self.colours else {"color_system": None}
        console = RichConsole(
            file=written, width=width, highlight=False, markup=False, emoji=False, no_color=False, legacy_windows=False,
            _environ={}, **colours,
        )  # fmt: skip
        console.print(renderable)
        return [line.rstrip() for line in written.getvalue().splitlines()]


def one_line(text: str) -> str:
    """Return `text` on one line, without raw control or bidi characters: it may come from anywhere."""
    return " ".join(clean(text).split())
