"""Delivery of a message to each of its recipients once, across retries and crashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.plugin import DeliveryError, Receipt, Transient

from bourn_email import outbox
from bourn_email.connections import open_envelope
from bourn_email.failures import AnswerLost, PermanentFailure, SendFailure, TemporaryFailure
from bourn_email.message import compose, message_id
from bourn_email.recipients import RecipientStates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn.plugin import Context

    from bourn_email.message import Message
    from bourn_email.options import Settings
    from bourn_email.server import Folder, Server

__all__ = ["recipients_reached", "send", "write_files"]

DIED = "the process that sent it ended before it recorded the server's answer"


def write_files(message: Message, folder: Folder, context: Context) -> Receipt:
    """Write the message of each recipient to a file, the same files at every try; return the receipt."""
    messages = []
    for number, recipient in enumerate([*message.to, *message.cc]):
        try:
            path = outbox.write_message(folder.path, message.delivery_id, number, compose(message, recipient))
        except OSError as error:
            msg = f"{folder}: {error.strerror or error}"
            raise Transient(msg, retry_for=context.settings.retry_for) from error
        messages.append({**_about(message, recipient, context), "written_to": str(path)})
    return Receipt(url=context.link(), detail={"via": "files", "messages": messages})


def send(message: Message, server: Server, context: Context) -> Receipt:
    """Send the message to each recipient that does not have it; return the receipt.

    Raises
    ------
    Transient
        Some recipients are to be tried again.
    DeliveryError
        No recipient is to be tried again, and at least one may not have the message.
    """
    attempt = _Attempt(message, server, context)
    attempt.run()
    return attempt.receipt()


def recipients_reached(context: Context) -> Sequence[str]:
    """Return the recipients who have the message of this delivery, or may have it."""
    return RecipientStates(context).reached()


class _Attempt:
    """One attempt for all pending recipients."""

    def __init__(self, message: Message, server: Server, context: Context) -> None:
        self._message = message
        self._server = server
        self._context = context
        self._settings: Settings = context.settings
        self._recipients = [*message.to, *message.cc]
        self._states = RecipientStates(context)
        self._failures: dict[str, SendFailure] = {}
        if self._states.sending:
            self._states.mark_unknown(self._states.sending, DIED, hold=self._hold)

    @property
    def _hold(self) -> bool:
        return self._settings.on_unknown == "hold"

    def run(self) -> None:
        """Send to all pending recipients; the refusal of one does not affect the others."""
        total = len(self._recipients)
        for recipient in self._states.pending(self._recipients):
            if self._context.cancelled() and not self._states.reached():
                msg = "cancelled before anything was sent"
                raise DeliveryError(msg)
            if total > 1:
                self._context.progress(len(self._states.sent), total, f"mail to {recipient}")
            try:
                self._send(recipient)
            except SendFailure as failure:
                self._failures[recipient] = failure
                if failure.server_wide:
                    break
        pending = self._states.pending(self._recipients)
        if not pending:
            return
        permanent = next((each for each in self._failures.values() if isinstance(each, PermanentFailure)), None)
        if permanent is not None:
            raise DeliveryError(self._with_result(f"{permanent}")) from permanent
        first = next(iter(self._failures.values()))
        # Stored only if somebody may have the message: there is nothing to record of a server that is down.
        if self._states.reached():
            self._states.save()
        raise Transient(f"{first}", retry_for=self._settings.retry_for) from first

    def receipt(self) -> Receipt:
        """Return the receipt; raises DeliveryError if a recipient was refused, or the outcome is unknown."""
        states = self._states
        if states.refused or states.held:
            failures = [f"{who} was refused: {why}" for who, why in states.refused.items()]
            failures += [
                f"it is unknown whether {who} has it: {why}; it is not sent again" for who, why in states.held.items()
            ]
            raise DeliveryError(self._with_result("; ".join(failures)))
        detail: dict[str, Any] = {
            "via": str(self._server),
            "messages": [states.sent[recipient] for recipient in self._recipients],
        }
        if states.copies:
            detail["copies_possible"] = states.copies
        return Receipt(url=self._context.link(), detail=detail)

    def _send(self, recipient: str) -> None:
        """Send to one recipient, and record the outcome."""
        message, states = self._message, self._states
        data = compose(message, recipient)
        try:
            with open_envelope(self._server, message.sender, recipient, len(data)) as connection:
                states.sending = recipient
                states.save()
                answer = connection.send(data)
        except AnswerLost as failure:
            states.mark_unknown(recipient, str(failure), hold=self._hold)
            states.save()
            if not self._hold:
                raise
        except PermanentFailure as failure:
            if failure.server_wide:
                raise
            states.sending = ""
            states.refused[recipient] = str(failure)
            states.save()
        except TemporaryFailure:
            if states.sending:
                states.sending = ""
                states.save()
            raise
        else:
            states.sending = ""
            states.sent[recipient] = {**_about(message, recipient, self._context), "answer": answer}
            if len(states.sent) == len(self._recipients):
                states.complete()
            else:
                states.save()

    def _with_result(self, what: str) -> str:
        states = self._states
        has = f" {', '.join(states.sent)} has it." if states.sent else ""
        until = f"{self._context.link_until():%Y-%m-%d %H:%M} UTC"
        return f"{what}.{has} The result stays at {self._context.link()} until {until}, at least"


def _about(message: Message, recipient: str, context: Context) -> Mapping[str, str]:
    return {
        "to": recipient,
        "message_id": message_id(message.delivery_id, recipient, message.sender),
        "at": context.clock().isoformat(timespec="seconds"),
    }
