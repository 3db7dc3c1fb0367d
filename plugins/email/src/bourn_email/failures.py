"""Why a mail server did not accept a message."""

from __future__ import annotations

__all__ = ["AnswerLost", "PermanentFailure", "SendFailure", "TemporaryFailure", "format_answer"]

MAX_ANSWER_LENGTH = 300
"""Characters of a server's answer that are kept."""


class SendFailure(Exception):  # what happened, see the subclasses
    """The message was not accepted, or it is unknown whether it was.

    Attributes
    ----------
    server_wide : bool
        Whether it concerns the server as a whole, and not one recipient.
    """

    def __init__(self, message: str, *, server_wide: bool = False) -> None:
        super().__init__(message)
        self.server_wide = server_wide


class TemporaryFailure(SendFailure):
    """The message was not accepted now; another try may succeed."""


class PermanentFailure(SendFailure):
    """The message is refused for good."""


class AnswerLost(SendFailure):
    """The connection was lost after the end of the message, before the answer (RFC 5321, 4.5.4.2; RFC 1047)."""


def format_answer(code: int, text: bytes | str) -> str:
    r"""Return a server's answer as one short line of printable characters.

    Examples
    --------
    >>> format_answer(250, b"2.0.0 OK\nid=1abc\x1b[2J")
    '250 2.0.0 OK id=1abc?[2J'
    """
    decoded = text if isinstance(text, str) else text.decode("utf-8", "replace")
    line = "".join(sign if sign.isprintable() else "?" for sign in " ".join(decoded.split()))
    return f"{code} {line}".strip()[:MAX_ANSWER_LENGTH]
