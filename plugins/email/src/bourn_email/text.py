"""What may stand in a subject and in a body, and the prefix of subjects."""

from __future__ import annotations

import re

__all__ = ["body_fault", "line_fault", "prefixed"]

_CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029"
_BIDI = "\u202a-\u202e\u2066-\u2069"
"""Characters that turn around what follows; marks that join letters and emoji (U+200C, U+200D) are no such."""

_NOT_IN_A_LINE = re.compile(f"[{_CONTROL}{_BIDI}]")
_NOT_IN_A_TEXT = re.compile(f"(?![\n\t])[{_CONTROL}{_BIDI}]")


def line_fault(text: str) -> str | None:
    r"""What is wrong with a subject: it is one line, and nothing in it is taken for anything but text.

    Examples
    --------
    >>> line_fault("Done\r\nBcc: everybody@example.org")
    "expected one line without control characters, got '\\r' at character 5"
    """
    found = _NOT_IN_A_LINE.search(text)
    if found is not None:
        return f"expected one line without control characters, got {found[0]!a} at character {found.start() + 1}"
    if "=?" in text:
        return "expected text without '=?', which begins an encoded word in a header (RFC 2047)"
    return None


def body_fault(text: str) -> str | None:
    """What is wrong with a body: line ends and tabs are text, other control characters are not."""
    found = _NOT_IN_A_TEXT.search(text.replace("\r\n", "\n"))
    if found is not None:
        return f"expected text without control characters, got {found[0]!a} at character {found.start() + 1}"
    return None


def prefixed(subject: str, prefix: str) -> str:
    """The subject with the prefix, once.

    Examples
    --------
    >>> prefixed("Done", "Workflows: "), prefixed("Workflows: Done", "Workflows: ")
    ('Workflows: Done', 'Workflows: Done')
    """
    return subject if subject.startswith(prefix) else prefix + subject
