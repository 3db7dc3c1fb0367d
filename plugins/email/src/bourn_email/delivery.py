"""A letter on its way: to each recipient once, whatever happens in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.plugin import DeliveryError, Receipt, Transient

from bourn_email import outbox
from bourn_email.connections import addressed
from bourn_email.log import Log
from bourn_email.message import composed, message_id
from bourn_email.outcome import Never, NotNow, Outcome, Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn.plugin import Context

    from bourn_email.message import Letter
    from bourn_email.options import Settings
    from bourn_email.server import Folder, Server

__all__ = ["filed", "out_already", "sent"]

DIED = "the process that sent it died before it could write down the server's answer"


def filed(letter: Letter, folder: Folder, context: Context) -> Receipt:
    """The receipt for files that are written; the same ones at every try."""
    messages = []
    for number, recipient in enumerate([*letter.to, *letter.cc]):
        try:
            path = outbox.write(folder.path, letter.delivery_id, number, composed(letter, recipient))
        except OSError as error:
            msg = f"{folder}: {error.strerror or error}"
            raise Transient(msg, retry_for=context.settings.retry_for) from error
        messages.append({**_about(letter, recipient, context), "written_to": str(path)})
    return Receipt(url=context.link(), detail={"via": "files", "messages": messages})


def sent(letter: Letter, server: Server, context: Context) -> Receipt:
    """The receipt for messages that are sent to everybody.

    Raises
    ------
    Transient
        Some, or all, are to be tried again.
    DeliveryError
        Nobody is to be tried again, and somebody has it not for certain.
    """
    round_ = _Round(letter, server, context)
    round_.go()
    return round_.receipt()


def out_already(context: Context) -> Sequence[str]:
    """Those who have the message of this delivery, or may have it."""
    return Log(context).out()


class _Round:
    """One try at all who wait."""

    def __init__(self, letter: Letter, server: Server, context: Context) -> None:
        self._letter = letter
        self._server = server
        self._context = context
        self._settings: Settings = context.settings
        self._recipients = [*letter.to, *letter.cc]
        self._log = Log(context)
        self._failures: dict[str, Outcome] = {}
        if self._log.sending:
            self._log.lose(self._log.sending, DIED, hold=self._hold)

    @property
    def _hold(self) -> bool:
        return self._settings.on_unknown == "hold"

    def go(self) -> None:
        """Send to everybody who waits; what one is refused hinders no other."""
        total = len(self._recipients)
        for recipient in self._log.waiting(self._recipients):
            if self._context.cancelled() and not self._log.out():
                msg = "cancelled before anything was sent"
                raise DeliveryError(msg)
            if total > 1:
                self._context.progress(len(self._log.sent), total, f"mail to {recipient}")
            try:
                self._send(recipient)
            except Outcome as outcome:
                self._failures[recipient] = outcome
                if outcome.of_all:
                    break
        waiting = self._log.waiting(self._recipients)
        if not waiting:
            return
        lasting = next((each for each in self._failures.values() if isinstance(each, Never)), None)
        if lasting is not None:
            raise DeliveryError(self._in_words(f"{lasting}")) from lasting
        first = next(iter(self._failures.values()))
        # Kept only if there is something in it: a server that is down is no news.
        if self._log.out():
            self._log.keep()
        raise Transient(f"{first}", retry_for=self._settings.retry_for) from first

    def receipt(self) -> Receipt:
        """What became of everybody."""
        log = self._log
        if log.refused or log.held:
            told = [f"{who} was refused: {why}" for who, why in log.refused.items()]
            told += [f"nobody knows whether {who} has it: {why}; it is held" for who, why in log.held.items()]
            raise DeliveryError(self._in_words("; ".join(told)))
        detail: dict[str, Any] = {
            "via": str(self._server),
            "messages": [log.sent[recipient] for recipient in self._recipients],
        }
        if log.copies:
            detail["copies_possible"] = log.copies
        return Receipt(url=self._context.link(), detail=detail)

    def _send(self, recipient: str) -> None:
        """Send to one recipient, and keep what came of it."""
        letter, log = self._letter, self._log
        message = composed(letter, recipient)
        try:
            with addressed(self._server, letter.sender, recipient, len(message)) as connection:
                log.sending = recipient
                log.keep()
                answer = connection.hand_over(message)
        except Unknown as outcome:
            log.lose(recipient, str(outcome), hold=self._hold)
            log.keep()
            if not self._hold:
                raise
        except Never as outcome:
            if outcome.of_all:
                raise
            log.sending = ""
            log.refused[recipient] = str(outcome)
            log.keep()
        except NotNow:
            if log.sending:
                log.sending = ""
                log.keep()
            raise
        else:
            log.sending = ""
            log.sent[recipient] = {**_about(letter, recipient, self._context), "answer": answer}
            if len(log.sent) == len(self._recipients):
                log.end()
            else:
                log.keep()

    def _in_words(self, what: str) -> str:
        log = self._log
        has = f" {', '.join(log.sent)} has it." if log.sent else ""
        until = f"{self._context.link_until():%Y-%m-%d %H:%M} UTC"
        return f"{what}.{has} The result stays at {self._context.link()} until {until}, at least"


def _about(letter: Letter, recipient: str, context: Context) -> Mapping[str, str]:
    return {
        "to": recipient,
        "message_id": message_id(letter.delivery_id, recipient, letter.sender),
        "at": context.clock().isoformat(timespec="seconds"),
    }
