"""Advice for operators on a mail server that accepts no message: which setting may be wrong."""

from __future__ import annotations

import smtplib
import socket
import ssl
from typing import TYPE_CHECKING

from bourn_email.failures import AnswerLost, PermanentFailure, TemporaryFailure

if TYPE_CHECKING:
    from datetime import timedelta

    from bourn_email.failures import SendFailure
    from bourn_email.server import Server

__all__ = ["advice_on"]

EXPIRED, OTHER_NAME, OTHER_ADDRESS = 10, 62, 64
"""OpenSSL's codes of certificate errors (X509_V_ERR_...)."""

_PORTS = "The usual ports are 587 for smtp+starttls://, 465 for smtps://, and 25 for smtp:// on this machine."
_LOGIN = (
    "plugins.email.user and plugins.email.password (in the environment BOURN_EMAIL__USER and BOURN_EMAIL__PASSWORD), "
    "or USER:PASSWORD@ before the host in the URL"
)

_REFUSALS: tuple[tuple[type[smtplib.SMTPException], str], ...] = (
    (
        smtplib.SMTPAuthenticationError,
        f"User or password is wrong: see {_LOGIN}. Some providers require an app password.",
    ),
    (
        smtplib.SMTPNotSupportedError,
        "The server allows no login on this connection; most servers do with TLS: smtp+starttls:// or smtps://.",
    ),
    (smtplib.SMTPRecipientsRefused, "The server accepts no mail for that recipient."),
    (
        smtplib.SMTPSenderRefused,
        "The server accepts no mail from that sender: set plugins.email.sender.",
    ),
    (smtplib.SMTPDataError, "The server accepts sender and recipient, but not this message."),
    (smtplib.SMTPResponseException, "The server does not serve this machine now."),
)
"""Refusals of a server, subclasses before their base classes."""


def advice_on(failure: SendFailure, server: Server, *, greeted: bool, retry_for: timedelta) -> str:
    """Return what may be wrong, where it is set, and what would happen to the message of a job.

    Parameters
    ----------
    failure : SendFailure
        Raised by `Connection`, with its cause.
    server : Server
    greeted : bool
        Whether the server has sent its greeting.
    retry_for : timedelta
        How long the message of a job is retried.
    """
    if isinstance(failure, AnswerLost):
        return "Check whether the message arrived. plugins.email.on_unknown sets what jobs do in that case."
    if isinstance(failure, TemporaryFailure):
        then = f"A job's message would be retried for {retry_for.total_seconds():g} s (plugins.email.retry_for)."
    else:
        then = "A job would fail at once; its result and its link are kept."
    cause = failure.__cause__
    answered = isinstance(cause, smtplib.SMTPException | ssl.SSLCertVerificationError)
    if isinstance(failure, PermanentFailure) and isinstance(cause, OSError) and not answered:
        advice = "It must be a file (PEM) of trusted certificates; without it those of the system are used."
    elif cause is None:
        advice = f"Ask its operator for the port with TLS. {_PORTS}"
    else:
        advice = _on_refusal(cause, server) or _on_tls(cause, server) or _on_network(cause, greeted=greeted)
    return f"{advice}\n{then}" if advice else then


def _on_refusal(cause: BaseException, server: Server) -> str:
    advice = next((text for kind, text in _REFUSALS if isinstance(cause, kind)), "")
    anonymous = not server.user.reveal()
    return f"{advice} It may require a login: set {_LOGIN}." if advice and anonymous else advice


def _on_tls(cause: BaseException, server: Server) -> str:
    """Return advice on certificates, and on a port that uses TLS at another moment."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in {OTHER_NAME, OTHER_ADDRESS}:
            return f"In plugins.email.url use the name of the certificate instead of {server.host}."
        if cause.verify_code == EXPIRED:
            return "The certificate has expired: its operator must renew it. Or the clock of this machine is wrong."
        return (
            "If the server is your own, set plugins.email.ca_file to a file (PEM) with the certificate of its "
            "authority. If it is not, the connection may be intercepted."
        )
    if isinstance(cause, ssl.SSLError):
        if cause.reason == "WRONG_VERSION_NUMBER":
            return f"That port starts without TLS: use smtp+starttls://. {_PORTS}"
        return "No common TLS version or cipher: the server's TLS may be too old."
    return ""


def _on_network(cause: BaseException, *, greeted: bool) -> str:
    """Return advice on a server that can't be reached, or does not answer."""
    if isinstance(cause, socket.gaierror):
        return "Unknown host: check the spelling in plugins.email.url."
    if isinstance(cause, ConnectionRefusedError):
        return f"No server listens there: check host and port in plugins.email.url. {_PORTS}"
    silent = isinstance(cause, smtplib.SMTPServerDisconnected | TimeoutError | ConnectionResetError)
    if silent and not greeted:
        return (
            "The server sent no greeting. A port that starts with TLS needs smtps://. Or a firewall blocks it, "
            f"or the server is slow (plugins.email.timeout). {_PORTS}"
        )
    return "The connection was lost: check the server and the network." if silent else ""
