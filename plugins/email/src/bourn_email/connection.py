"""A connection to a mail server, for one message after the other."""

from __future__ import annotations

import functools
import re
import select
import smtplib
import socket
import ssl
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from bourn_email.failures import AnswerLost, PermanentFailure, TemporaryFailure, format_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bourn_email.server import Server

__all__ = ["Connection"]

FINAL_ANSWER_FACTOR = 10
"""Factor on the timeout of the answer after the message (RFC 5321, 4.5.3.2.6): giving up early produces copies."""

LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)

OK, START_INPUT, UNAVAILABLE = 250, 354, 421


def _report_nothing(step: str) -> None:
    pass


class Connection:
    """An open connection; the constructor raises `TemporaryFailure` or `PermanentFailure`.

    Parameters
    ----------
    server : Server
    report : callable, optional
        Called with a sentence at each step.
    """

    def __init__(self, server: Server, report: Callable[[str], None] = _report_nothing) -> None:
        self.server = server
        self.messages = 0
        self.broken = False
        self._report = report
        with _translate_errors(str(server), server_wide=True):
            self._smtp = self._connect()
            try:
                self._send_ehlo()
                if server.scheme == "smtp+starttls":
                    self._encrypt()
                self._log_in()
            except BaseException:
                self._smtp.close()
                raise

    # -- opening ----------------------------------------------------------------------------------------------------

    def _connect(self) -> smtplib.SMTP:
        server = self.server
        self._report(f"Connecting to {server.host}, port {server.port}.")
        own, timeout = _own_name(), server.timeout_seconds
        if server.scheme == "smtps":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, own, timeout=timeout, context=_ssl_context(server)
            )
            self._report_tls(smtp)
        else:
            smtp = smtplib.SMTP(server.host, server.port, own, timeout)
        self._report("The server sent its greeting.")
        return smtp

    def _send_ehlo(self) -> None:
        self._smtp.ehlo_or_helo_if_needed()
        offered = ", ".join(sorted(name.upper() for name in self._smtp.esmtp_features)) or "no extensions"
        self._report(f"It offers: {offered}.")

    def _encrypt(self) -> None:
        if not self._smtp.has_extn("starttls"):
            msg = f"{self.server} offers no STARTTLS, and nothing is sent unencrypted"
            raise PermanentFailure(msg, server_wide=True)
        self._smtp.starttls(context=_ssl_context(self.server))
        self._report_tls(self._smtp)
        self._send_ehlo()

    def _log_in(self) -> None:
        user = self.server.user.reveal()
        if not user:
            return
        self._smtp.login(user, self.server.password.reveal())
        self._report("The login succeeded.")

    def _report_tls(self, smtp: smtplib.SMTP) -> None:
        if not isinstance(smtp.sock, ssl.SSLSocket):
            return
        certificate = smtp.sock.getpeercert() or {}
        until = certificate.get("notAfter", "an unknown time")
        self._report(f"{smtp.sock.version()}: trusted certificate for {self.server.host}, valid until {until}.")

    # -- one message ------------------------------------------------------------------------------------------------

    def is_alive(self) -> bool:
        """Return whether the server is still connected; unsolicited data announces that it closes the connection."""
        sock = self._smtp.sock
        return sock is not None and not select.select([sock], [], [], 0)[0]

    def envelope(self, sender: str, recipient: str, size_bytes: int) -> None:
        """Send the envelope of the next message. If this raises, no message was sent."""
        with self._translate_errors():
            size = [f"size={size_bytes}"] if self._smtp.has_extn("size") else []
            code, text = self._smtp.mail(sender, size)
            if code != OK:
                raise smtplib.SMTPSenderRefused(code, text, sender)
            self._report(f"The sender {sender} is accepted.")
            code, text = self._smtp.rcpt(recipient)
            if code not in {OK, 251}:
                raise smtplib.SMTPRecipientsRefused({recipient: (code, text)})
            self._report(f"The recipient {recipient} is accepted.")

    def send(self, message: bytes) -> str:
        """Send the message; return the server's answer.

        Raises
        ------
        TemporaryFailure, PermanentFailure
            The server did not accept it.
        AnswerLost
            The connection was lost before the answer.
        """
        with self._translate_errors():
            code, text = self._smtp.docmd("DATA")
            if code != START_INPUT:
                raise smtplib.SMTPDataError(code, text)
            # If the last bytes can't be sent, the server has not seen the end of the message.
            self._smtp.send(LEADING_DOT.sub(b"..", message) + b".\r\n")
        code, text = self._final_answer()
        with self._translate_errors():
            if not OK <= code < 300:  # noqa: PLR2004  # 2xx
                raise smtplib.SMTPDataError(code, text)
        self.messages += 1
        return format_answer(code, text)

    def _final_answer(self) -> tuple[int, bytes]:
        sock = self._smtp.sock
        assert sock is not None  # a message was just sent over it
        try:
            sock.settimeout(self.server.timeout_seconds * FINAL_ANSWER_FACTOR)
            code, text = self._smtp.getreply()
            sock.settimeout(self.server.timeout_seconds)
        except (smtplib.SMTPException, OSError) as error:
            self.drop()
            msg = f"{self.server} received the whole message, but the connection was lost before its answer"
            raise AnswerLost(msg) from error
        if not 200 <= code < 600:  # noqa: PLR2004  # not an SMTP reply code
            self.drop()
            answer = format_answer(code, text)
            msg = f"{self.server} received the whole message, and its answer is not a valid SMTP reply: {answer}"
            raise AnswerLost(msg)
        return code, text

    # -- closing ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Send QUIT and close."""
        sock = self._smtp.sock
        if not self.broken and sock is not None:
            self.broken = True
            with suppress(smtplib.SMTPException, OSError):
                sock.settimeout(min(self.server.timeout_seconds, 1.0))
                self._smtp.quit()
        self._smtp.close()

    def drop(self) -> None:
        """Close without QUIT: the server is gone, or the connection belongs to a parent process."""
        self.broken = True
        self._smtp.close()

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Raise errors of smtplib as `SendFailure`; afterwards the connection is reset, or marked as broken."""
        try:
            with _translate_errors(str(self.server)):
                yield
        except (TemporaryFailure, PermanentFailure) as failure:
            if failure.server_wide:
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
def _translate_errors(server: str, *, server_wide: bool = False) -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        ((code, text),) = error.recipients.values()
        raise _refusal(code, text, server) from error
    except smtplib.SMTPResponseException as error:
        if isinstance(error.smtp_error, str) and not isinstance(error, smtplib.SMTPConnectError):
            # smtplib's own text for a line that is too long; a server's answer is bytes.
            msg = f"{server} does not speak SMTP: {error.smtp_error}"
            raise TemporaryFailure(msg, server_wide=True) from error
        raise _refusal(error.smtp_code, error.smtp_error, server, server_wide=server_wide) from error
    except smtplib.SMTPServerDisconnected as error:
        msg = f"{server} closed the connection"
        raise TemporaryFailure(msg, server_wide=True) from error
    except smtplib.SMTPException as error:
        msg = f"{server}: {error}"
        raise PermanentFailure(msg, server_wide=True) from error
    except ssl.SSLCertVerificationError as error:
        msg = f"the certificate of {server} is not trusted: {error.verify_message}"
        raise PermanentFailure(msg, server_wide=True) from error
    except ssl.SSLError as error:
        msg = f"{server} and TLS: {error.reason or error}"
        raise TemporaryFailure(msg, server_wide=True) from error
    except TimeoutError as error:
        msg = f"{server} does not answer in time"
        raise TemporaryFailure(msg, server_wide=True) from error
    except OSError as error:
        msg = f"{server} can't be reached: {error.strerror or error}"
        raise TemporaryFailure(msg, server_wide=True) from error


def _refusal(
    code: int, text: bytes | str, server: str, *, server_wide: bool = False
) -> TemporaryFailure | PermanentFailure:
    message = f"{server} answers {format_answer(code, text)}"
    if 500 <= code < 600:  # noqa: PLR2004  # 5xx: permanent
        return PermanentFailure(message, server_wide=server_wide)
    return TemporaryFailure(message, server_wide=server_wide or code == UNAVAILABLE)


def _ssl_context(server: Server) -> ssl.SSLContext:
    try:
        return _cached_ssl_context(server.ca_file)
    except OSError as error:
        msg = f"ca_file {server.ca_file} can't be read: {error.strerror or error}"
        raise PermanentFailure(msg, server_wide=True) from error


@functools.cache
def _cached_ssl_context(ca_file: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


@functools.cache
def _own_name() -> str:
    """Return the host name as smtplib does, but once per process: the look-up may take seconds."""
    name = socket.getfqdn()
    return name if "." in name else "[127.0.0.1]"
