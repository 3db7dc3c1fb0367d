"""What is written on: its width, its colours, and tables that fit it."""

from __future__ import annotations

import textwrap
import unicodedata
from typing import TYPE_CHECKING

from bourn.wording import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Paper", "one_line"]

GAP = "  "
NARROWEST = 16
"""A column that is wrapped is never narrower than this; the line then runs over the edge."""


class Paper:
    """A page of text of a given width.

    Parameters
    ----------
    width : int
        In characters.
    colours : bool
        Whether headings are bold and what is broken is red; otherwise the text is plain.
    """

    def __init__(self, width: int = 100, *, colours: bool = False) -> None:
        self.width = width
        self.colours = colours

    def strong(self, text: str) -> str:
        """For headings."""
        return self._inked(text, "1")

    def faint(self, text: str) -> str:
        """For what is read last."""
        return self._inked(text, "2")

    def bad(self, text: str) -> str:
        """For what does not work."""
        return self._inked(text, "31")

    def _inked(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours and text.strip() else text

    def wrapped(self, text: str, indent: int = 0, hanging: int | None = None) -> list[str]:
        """A paragraph as lines."""
        first, others = " " * indent, " " * (indent if hanging is None else hanging)
        return _wrap(one_line(text), self.width, first, others)

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
        """Columns as wide as what stands in them; where they do not fit, the columns in `wrap` share what is left.

        Parameters
        ----------
        rows : iterable of sequence of str
        head : sequence of str, optional
        indent : int
            Characters before the first column.
        wrap, right, faint : sequence of int
            Columns that may be wrapped, are flush right, are read last.
        least : sequence of int, optional
            The least widths of the first columns, so that tables beneath each other stand as one.
        """
        cells = [[one_line(cell) for cell in row] for row in rows]
        every = [list(head), *cells] if head else cells
        if not every:
            return []
        count = len(every[0])
        widths = [max(_columns(row[column]) for row in every) for column in range(count)]
        widths = [max(pair) for pair in zip(widths, [*least, *[0] * count][:count], strict=True)]
        self._squeeze(widths, [column % count for column in wrap], indent)
        lines = []
        for number, row in enumerate(every):
            heading = bool(head) and number == 0
            folded = [_wrap(cell, widths[column]) or [""] for column, cell in enumerate(row)]
            for line in range(max(map(len, folded))):
                parts = []
                for column, pieces in enumerate(folded):
                    piece = pieces[line] if line < len(pieces) else ""
                    last = column == count - 1
                    text = _padded(piece, widths[column], right=column in right, last=last)
                    if heading:
                        text = self.strong(text)
                    elif column in faint or column - count in faint:
                        text = self.faint(text)
                    parts.append(text)
                lines.append((" " * indent + GAP.join(parts)).rstrip())
        return lines

    def _squeeze(self, widths: list[int], wrap: Sequence[int], indent: int) -> None:
        """Take from the widest of the columns that may be wrapped until the table fits."""
        room = self.width - indent - len(GAP) * (len(widths) - 1)
        while wrap and sum(widths) > room:
            widest = max(wrap, key=lambda column: widths[column])
            if widths[widest] <= NARROWEST:
                return
            widths[widest] -= 1


def one_line(text: str) -> str:
    """`text` on one line, without raw control or bidi characters: a stranger wrote it."""
    return " ".join(clean(text).split())


def _wrap(text: str, width: int, first: str = "", others: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        max(1, width),
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: most ideographs take two, and combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _padded(text: str, width: int, *, right: bool, last: bool) -> str:
    blank = " " * max(0, width - _columns(text))
    if right:
        return blank + text
    return text if last else text + blank
