"""What has become of each recipient of a delivery so far: kept durable, so that nobody is told twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn.plugin import Context

__all__ = ["Log"]

MOST_ENDED = 1_000

_ended: dict[str, Mapping[str, Any]] = {}
"""What became of the last deliveries of this process, whose end the engine writes down a moment later."""


class Log:
    """Reads and writes the delivery's checkpoint.

    Before the end of a message is sent it says so: where the process dies before it can write down what became of
    it, the next one knows that nobody knows.

    Attributes
    ----------
    sent : dict of str to mapping
        What stands on the receipt, by recipient.
    refused : dict of str to str
        Why, by recipient.
    copies : dict of str to int
        How many copies may be out besides, by recipient: those of which nobody knows.
    held : dict of str to str
        Why nobody knows, by recipient, where that is not to be tried again.
    sending : str
        The recipient whose message is on its way just now.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        kept: Mapping[str, Any] = context.checkpoint
        self.sent: dict[str, Any] = dict(_ended.get(str(context.delivery_id)) or kept.get("sent", {}))
        self.refused: dict[str, str] = dict(kept.get("refused", {}))
        self.copies: dict[str, int] = dict(kept.get("copies", {}))
        self.held: dict[str, str] = dict(kept.get("held", {}))
        self.sending: str = kept.get("sending", "")
        if self.sending in self.sent:
            self.sending = ""

    def keep(self) -> None:
        """Write it down, durably; raises where another process has taken the delivery over."""
        whole = {
            "sent": self.sent, "refused": self.refused, "copies": self.copies, "held": self.held,
            "sending": self.sending,
        }  # fmt: skip
        self._context.checkpoint = {key: value for key, value in whole.items() if value}

    def end(self) -> None:
        """Everybody has it: the job's end says so durably, at once, and what is written down twice is written late."""
        _ended[str(self._context.delivery_id)] = self.sent
        while len(_ended) > MOST_ENDED:
            _ended.pop(next(iter(_ended)), None)

    def lose(self, recipient: str, reason: str, *, hold: bool) -> None:
        """Nobody knows whether that recipient has it."""
        self.sending = ""
        if hold:
            self.held[recipient] = reason
        else:
            self.copies[recipient] = self.copies.get(recipient, 0) + 1

    def waiting(self, recipients: Sequence[str]) -> list[str]:
        """Those of whom nothing is settled."""
        return [each for each in recipients if each not in self.sent | self.refused | self.held]

    def out(self) -> list[str]:
        """Those who have it, or may have it."""
        return sorted({*self.sent, *self.copies, *self.held, *([self.sending] if self.sending else [])})
