"""State of each recipient of a delivery, stored durably so that nobody gets the message twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn.plugin import Context

__all__ = ["RecipientStates"]

MAX_COMPLETED = 1_000

_completed: dict[str, Mapping[str, Any]] = {}
"""States of the last completed deliveries of this process: the engine records their end a moment later."""


class RecipientStates:
    """Reads and writes the delivery's checkpoint.

    The recipient is recorded as `sending` before the end of a message is sent: if the process dies before it records
    the answer, the next process sees that the outcome is unknown.

    Attributes
    ----------
    sent : dict of str to mapping
        Entry of the receipt, by recipient.
    refused : dict of str to str
        Reason, by recipient.
    copies : dict of str to int
        Number of further copies with unknown outcome, by recipient.
    held : dict of str to str
        Reason why the outcome is unknown, by recipient, if it is not tried again.
    sending : str
        The recipient whose message is being sent.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        kept: Mapping[str, Any] = context.checkpoint
        self.sent: dict[str, Any] = dict(_completed.get(str(context.delivery_id)) or kept.get("sent", {}))
        self.refused: dict[str, str] = dict(kept.get("refused", {}))
        self.copies: dict[str, int] = dict(kept.get("copies", {}))
        self.held: dict[str, str] = dict(kept.get("held", {}))
        self.sending: str = kept.get("sending", "")
        if self.sending in self.sent:
            self.sending = ""

    def save(self) -> None:
        """Store the states durably; raises if another process has claimed the delivery."""
        states = {
            "sent": self.sent, "refused": self.refused, "copies": self.copies, "held": self.held,
            "sending": self.sending,
        }  # fmt: skip
        self._context.checkpoint = {key: value for key, value in states.items() if value}

    def complete(self) -> None:
        """Record that everybody has the message: in memory only, since the end of the job is stored durably at once."""
        _completed[str(self._context.delivery_id)] = self.sent
        while len(_completed) > MAX_COMPLETED:
            _completed.pop(next(iter(_completed)), None)

    def mark_unknown(self, recipient: str, reason: str, *, hold: bool) -> None:
        """Record that the outcome of a recipient is unknown."""
        self.sending = ""
        if hold:
            self.held[recipient] = reason
        else:
            self.copies[recipient] = self.copies.get(recipient, 0) + 1

    def pending(self, recipients: Sequence[str]) -> list[str]:
        """Return the recipients without a final state."""
        return [each for each in recipients if each not in self.sent | self.refused | self.held]

    def reached(self) -> list[str]:
        """Return the recipients who have the message, or may have it."""
        return sorted({*self.sent, *self.copies, *self.held, *([self.sending] if self.sending else [])})
