"""Options of the format csv."""

from __future__ import annotations

from typing import Literal

import attrs
from bourn.plugin import option

__all__ = ["Options"]


def _delimiter_problem(value: str) -> str | None:
    if len(value) != 1 or value == '"' or not value.isascii() or not (value.isprintable() or value == "\t"):
        return f"expected one printable ASCII character other than a quote, or a tab, got {value[:20]!r}"
    return None


def _pattern_problem(value: str) -> str | None:
    if value != "iso" and ("%" not in value or not value.isprintable()):
        return f'expected "iso" or a pattern of strftime, such as "%d.%m.%Y", got {value!r}'
    return None


@attrs.frozen
class Options:
    """Options of the format csv."""

    delimiter: str = option(
        default=",", check=_delimiter_problem, help="The character between two cells.", examples=[";", "\t"]
    )
    decimal: Literal[".", ","] = option(default=".", help="The decimal separator of floats and decimals.")
    dates: str = option(
        default="iso",
        min_length=1,
        max_length=100,
        check=_pattern_problem,
        help='How dates and times are written: "iso" (2026-01-02 03:04:05), or a pattern of strftime.',
        examples=["%d.%m.%Y"],
    )
    header: bool = option(default=True, help="Whether the first line has the names of the columns.")
    encoding: Literal["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"] = option(
        default="utf-8",
        help="The encoding of the text; utf-8-sig begins with a byte order mark, by which Excel knows UTF-8.",
    )
    line_end: Literal["crlf", "lf"] = option(default="crlf", help="The end of a line; RFC 4180 demands crlf.")
