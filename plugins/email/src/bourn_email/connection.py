"""A connection to a mail server: one message after the other, and what came of each said exactly."""

from __future__ import annotations

import functools
import re
import select
import smtplib
import socket
import ssl
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from bourn_email.outcome import Never, NotNow, Unknown, spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bourn_email.server import Server

__all__ = ["Connection"]

LAST_ANSWER = 10
"""Times as long as other answers the one after the message is waited for (RFC 5321, 4.5.3.2.6): giving up early is what
makes copies."""

LINE_AT_ITS_BEGIN = re.compile(rb"^\.", re.MULTILINE)

OK, GO_ON, BUSY = 250, 354, 421


def _say_nothing(step: str) -> None:
    pass


class Connection:
    """Opened when it is made; raises `NotNow` or `Never` where that can't be.

    Parameters
    ----------
    server : Server
    tell : callable, optional
        Told of each step, in words.
    """

    def __init__(self, server: Server, tell: Callable[[str], None] = _say_nothing) -> None:
        self.server = server
        self.messages = 0
        self.broken = False
        self._tell = tell
        with _outcomes(str(server), of_all=True):
            self._smtp = self._greeted()
            try:
                self._introduce()
                if server.scheme == "smtp+starttls":
                    self._encrypt()
                self._log_in()
            except BaseException:
                self._smtp.close()
                raise

    # -- opening ----------------------------------------------------------------------------------------------------

    def _greeted(self) -> smtplib.SMTP:
        server = self.server
        self._tell(f"Connecting to {server.host}, port {server.port}.")
        own, timeout = _own_name(), server.timeout_seconds
        if server.scheme == "smtps":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, own, timeout=timeout, context=_trust(server)
            )
            self._tell_of_tls(smtp)
        else:
            smtp = smtplib.SMTP(server.host, server.port, own, timeout)
        self._tell("The server greets.")
        return smtp

    def _introduce(self) -> None:
        self._smtp.ehlo_or_helo_if_needed()
        offered = ", ".join(sorted(name.upper() for name in self._smtp.esmtp_features)) or "nothing besides plain SMTP"
        self._tell(f"It offers: {offered}.")

    def _encrypt(self) -> None:
        if not self._smtp.has_extn("starttls"):
            msg = f"{self.server} offers no STARTTLS, and nothing is sent in clear"
            raise Never(msg, of_all=True)
        self._smtp.starttls(context=_trust(self.server))
        self._tell_of_tls(self._smtp)
        self._introduce()

    def _log_in(self) -> None:
        user = self.server.user.reveal()
        if not user:
            return
        self._smtp.login(user, self.server.password.reveal())
        self._tell("User and password are right.")

    def _tell_of_tls(self, smtp: smtplib.SMTP) -> None:
        if not isinstance(smtp.sock, ssl.SSLSocket):
            return
        certificate = smtp.sock.getpeercert() or {}
        until = certificate.get("notAfter", "an unknown time")
        self._tell(f"{smtp.sock.version()}: its certificate is for {self.server.host}, is trusted, and ends {until}.")

    # -- one message ------------------------------------------------------------------------------------------------

    def answers(self) -> bool:
        """Whether the other end is there still: one that has something to say unasked says farewell."""
        sock = self._smtp.sock
        return sock is not None and not select.select([sock], [], [], 0)[0]

    def envelope(self, sender: str, recipient: str, size_bytes: int) -> None:
        """Say whom the next message is from and for. Nothing is sent where this raises."""
        with self._outcomes():
            size = [f"size={size_bytes}"] if self._smtp.has_extn("size") else []
            code, text = self._smtp.mail(sender, size)
            if code != OK:
                raise smtplib.SMTPSenderRefused(code, text, sender)
            self._tell(f"The sender {sender} is welcome.")
            code, text = self._smtp.rcpt(recipient)
            if code not in {OK, 251}:
                raise smtplib.SMTPRecipientsRefused({recipient: (code, text)})
            self._tell(f"The recipient {recipient} is welcome.")

    def hand_over(self, message: bytes) -> str:
        """Send the message; gives the server's answer.

        Raises
        ------
        NotNow, Never
            It was not taken.
        Unknown
            The answer got lost.
        """
        with self._outcomes():
            code, text = self._smtp.docmd("DATA")
            if code != GO_ON:
                raise smtplib.SMTPDataError(code, text)
            # Whoever fails to send the last bytes has not sent the end of the message.
            self._smtp.send(LINE_AT_ITS_BEGIN.sub(b"..", message) + b".\r\n")
        code, text = self._last_answer()
        with self._outcomes():
            if not OK <= code < 300:  # noqa: PLR2004  # 2xx
                raise smtplib.SMTPDataError(code, text)
        self.messages += 1
        return spoken(code, text)

    def _last_answer(self) -> tuple[int, bytes]:
        sock = self._smtp.sock
        assert sock is not None  # a message was just sent over it
        try:
            sock.settimeout(self.server.timeout_seconds * LAST_ANSWER)
            code, text = self._smtp.getreply()
            sock.settimeout(self.server.timeout_seconds)
        except (smtplib.SMTPException, OSError) as error:
            self.drop()
            msg = f"{self.server} took the whole message, and was lost before it said whether it keeps it"
            raise Unknown(msg) from error
        if not 200 <= code < 600:  # noqa: PLR2004  # no answer that SMTP knows
            self.drop()
            msg = f"{self.server} took the whole message, and answered what is no answer: {spoken(code, text)}"
            raise Unknown(msg)
        return code, text

    # -- closing ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Take leave."""
        sock = self._smtp.sock
        if not self.broken and sock is not None:
            self.broken = True
            with suppress(smtplib.SMTPException, OSError):
                sock.settimeout(min(self.server.timeout_seconds, 1.0))
                self._smtp.quit()
        self._smtp.close()

    def drop(self) -> None:
        """Let go of it without a word: the other end is gone, or it is a parent process's."""
        self.broken = True
        self._smtp.close()

    @contextmanager
    def _outcomes(self) -> Iterator[None]:
        """What smtplib raises, as an outcome; the connection is fit for the next message afterwards, or broken."""
        try:
            with _outcomes(str(self.server)):
                yield
        except (NotNow, Never) as outcome:
            if outcome.of_all:
                self.drop()
            else:
                self._reset()
            raise

    def _reset(self) -> None:
        try:
            code, _ = self._smtp.rset()
        except (smtplib.SMTPException, OSError):
            code = 0
        if code != OK:
            self.drop()


@contextmanager
def _outcomes(server: str, *, of_all: bool = False) -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        ((code, text),) = error.recipients.values()
        raise _answered(code, text, server) from error
    except smtplib.SMTPResponseException as error:
        if isinstance(error.smtp_error, str) and not isinstance(error, smtplib.SMTPConnectError):
            # smtplib's own word for a line that is too long; a server's are bytes.
            msg = f"{server} answers what is no SMTP: {error.smtp_error}"
            raise NotNow(msg, of_all=True) from error
        raise _answered(error.smtp_code, error.smtp_error, server, of_all=of_all) from error
    except smtplib.SMTPServerDisconnected as error:
        msg = f"{server} closed the connection"
        raise NotNow(msg, of_all=True) from error
    except smtplib.SMTPException as error:
        msg = f"{server}: {error}"
        raise Never(msg, of_all=True) from error
    except ssl.SSLCertVerificationError as error:
        msg = f"the certificate of {server} is not trusted: {error.verify_message}"
        raise Never(msg, of_all=True) from error
    except ssl.SSLError as error:
        msg = f"{server} and TLS: {error.reason or error}"
        raise NotNow(msg, of_all=True) from error
    except TimeoutError as error:
        msg = f"{server} does not answer in time"
        raise NotNow(msg, of_all=True) from error
    except OSError as error:
        msg = f"{server} can't be reached: {error.strerror or error}"
        raise NotNow(msg, of_all=True) from error


def _answered(code: int, text: bytes | str, server: str, *, of_all: bool = False) -> NotNow | Never:
    message = f"{server} answers {spoken(code, text)}"
    if 500 <= code < 600:  # noqa: PLR2004  # 5xx: for good
        return Never(message, of_all=of_all)
    return NotNow(message, of_all=of_all or code == BUSY)


def _trust(server: Server) -> ssl.SSLContext:
    try:
        return _trusting(server.ca_file)
    except OSError as error:
        msg = f"ca_file {server.ca_file} can't be read: {error.strerror or error}"
        raise Never(msg, of_all=True) from error


@functools.cache
def _trusting(ca_file: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


@functools.cache
def _own_name() -> str:
    """As smtplib finds it, but once: it asks the network, and may wait for it."""
    name = socket.getfqdn()
    return name if "." in name else "[127.0.0.1]"
