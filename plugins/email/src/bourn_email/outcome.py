"""What may come of handing a message to a server, besides that it is taken."""

from __future__ import annotations

__all__ = ["Never", "NotNow", "Outcome", "Unknown", "spoken"]

LONGEST_ANSWER = 300
"""Characters of a server's answer that are kept."""


class Outcome(Exception):  # an answer, not a fault
    """It was not taken, or nobody knows.

    Attributes
    ----------
    of_all : bool
        Whether it is said of the server as a whole, and not of one recipient.
    """

    def __init__(self, message: str, *, of_all: bool = False) -> None:
        super().__init__(message)
        self.of_all = of_all


class NotNow(Outcome):
    """It was not taken, and may be later."""


class Never(Outcome):
    """It was not taken, and never will be."""


class Unknown(Outcome):
    """The connection was lost after the end of the message, before the answer (RFC 5321, 4.5.4.2; RFC 1047)."""


def spoken(code: int, text: bytes | str) -> str:
    r"""A server's answer on one line, harmless and short.

    Examples
    --------
    >>> spoken(250, b"2.0.0 OK\nid=1abc\x1b[2J")
    '250 2.0.0 OK id=1abc?[2J'
    """
    told = text if isinstance(text, str) else text.decode("utf-8", "replace")
    line = "".join(sign if sign.isprintable() else "?" for sign in " ".join(told.split()))
    return f"{code} {line}".strip()[:LONGEST_ANSWER]
