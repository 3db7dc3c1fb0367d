"""Validation of subject and body, and the prefix of subjects."""

from __future__ import annotations

import re

__all__ = ["add_prefix", "body_problem", "line_problem"]

_CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029"
_BIDI = "\u202a-\u202e\u2066-\u2069"
"""Characters that reverse the direction of text; joiners (U+200C, U+200D) are allowed."""

_NOT_IN_A_LINE = re.compile(f"[{_CONTROL}{_BIDI}]")
_NOT_IN_A_TEXT = re.compile(f"(?![\n\t])[{_CONTROL}{_BIDI}]")


def line_problem(text: str) -> str | None:
    r"""Return what is wrong with a subject, or None: it is one line of plain text.

    Examples
    --------
    >>> line_problem("Done\r\nBcc: everybody@example.org")
    "expected one line without control characters, got '\\r' at character 5"
    """
    found = _NOT_IN_A_LINE.search(text)
    if found is not None:
        return f"expected one line without control characters, got {found[0]!a} at character {found.start() + 1}"
    if "=?" in text:
        return "expected text without '=?', which begins an encoded word in a header (RFC 2047)"
    return None


def body_problem(text: str) -> str | None:
    """Return what is wrong with a body, or None: line ends and tabs are allowed, other control characters are not."""
    found = _NOT_IN_A_TEXT.search(text.replace("\r\n", "\n"))
    if found is not None:
        return f"expected text without control characters, got {found[0]!a} at character {found.start() + 1}"
    return None


def add_prefix(subject: str, prefix: str) -> str:
    """Return the subject with the prefix, once.

    Examples
    --------
    >>> add_prefix("Done", "Workflows: "), add_prefix("Workflows: Done", "Workflows: ")
    ('Workflows: Done', 'Workflows: Done')
    """
    return subject if subject.startswith(prefix) else prefix + subject
