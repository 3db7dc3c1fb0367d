"""What to do about a mail server that takes no message: which setting it may be, for whoever sets bourn up."""

from __future__ import annotations

import smtplib
import socket
import ssl
from typing import TYPE_CHECKING

from bourn_email.outcome import Never, NotNow, Unknown

if TYPE_CHECKING:
    from datetime import timedelta

    from bourn_email.outcome import Outcome
    from bourn_email.server import Server

__all__ = ["advice_on"]

ENDED, OTHER_NAME, OTHER_ADDRESS = 10, 62, 64
"""What OpenSSL finds wrong with a certificate (X509_V_ERR_...)."""

_PORTS = "The usual ports are 587 for smtp+starttls://, 465 for smtps://, and 25 for smtp:// on this machine."
_LOGIN = (
    "plugins.email.user and plugins.email.password (in the environment BOURN_EMAIL__USER and BOURN_EMAIL__PASSWORD), "
    "or USER:PASSWORD@ before the host in the URL"
)

_SAID_NO: tuple[tuple[type[smtplib.SMTPException], str], ...] = (
    (
        smtplib.SMTPAuthenticationError,
        f"User or password is not right: see {_LOGIN}. Some providers want a password made for programs.",
    ),
    (
        smtplib.SMTPNotSupportedError,
        "It lets nobody log in here; most servers do once there is TLS: smtp+starttls:// or smtps://.",
    ),
    (smtplib.SMTPRecipientsRefused, "It takes no mail for that recipient."),
    (
        smtplib.SMTPSenderRefused,
        "It takes no mail from that sender: plugins.email.sender says whom messages are from.",
    ),
    (smtplib.SMTPDataError, "It takes the sender and the recipient, but not this message."),
    (smtplib.SMTPResponseException, "It does not serve this machine now."),
)
"""What a server says no to, the more exact kinds before those that they are of."""


def advice_on(outcome: Outcome, server: Server, *, greeted: bool, retry_for: timedelta) -> str:
    """What may be wrong and where it is set, and what would become of a job's message.

    Parameters
    ----------
    outcome : Outcome
        As `Connection` raises it, with its cause.
    server : Server
    greeted : bool
        Whether the server has said a word of SMTP.
    retry_for : timedelta
        How long a job's message is tried again.
    """
    if isinstance(outcome, Unknown):
        return "Look into the mailbox whether it came. plugins.email.on_unknown says what jobs do in that case."
    if isinstance(outcome, NotNow):
        then = f"A job's message would be tried again, for {retry_for.total_seconds():g} s (plugins.email.retry_for)."
    else:
        then = "A job would fail at once; its result and its link are kept."
    cause = outcome.__cause__
    answered = isinstance(cause, smtplib.SMTPException | ssl.SSLCertVerificationError)
    if isinstance(outcome, Never) and isinstance(cause, OSError) and not answered:
        told = "It is to be a file (PEM) with the certificates to trust; without it those of the system are trusted."
    elif cause is None:
        told = f"Ask whoever runs it where it offers TLS. {_PORTS}"
    else:
        told = _on_answers(cause, server) or _on_tls(cause, server) or _on_the_way(cause, greeted=greeted)
    return f"{told}\n{then}" if told else then


def _on_answers(cause: BaseException, server: Server) -> str:
    told = next((said for kind, said in _SAID_NO if isinstance(cause, kind)), "")
    stranger = not server.user.reveal()
    return f"{told} It may want to know who you are: set {_LOGIN}." if told and stranger else told


def _on_tls(cause: BaseException, server: Server) -> str:
    """Of certificates, and of a connection that is encrypted at another moment than was thought."""
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in {OTHER_NAME, OTHER_ADDRESS}:
            return f"In plugins.email.url write the name that the certificate is for, in place of {server.host}."
        if cause.verify_code == ENDED:
            return "Its time is over: whoever runs the server must renew it. Or the clock of this machine is wrong."
        return (
            "If the server is one of your own, let plugins.email.ca_file be a file (PEM) with the certificate of the "
            "authority that has signed the server's. If it is not, somebody may stand between you and the server."
        )
    if isinstance(cause, ssl.SSLError):
        if cause.reason == "WRONG_VERSION_NUMBER":
            return f"That port begins in clear, it seems: use smtp+starttls:// there. {_PORTS}"
        return "The two can't agree on how to encrypt: the server's TLS may be too old."
    return ""


def _on_the_way(cause: BaseException, *, greeted: bool) -> str:
    """Of a server that is not reached, or does not speak."""
    if isinstance(cause, socket.gaierror):
        return "No machine of that name is known: see whether plugins.email.url spells the host rightly."
    if isinstance(cause, ConnectionRefusedError):
        return f"Nobody listens there: see whether host and port in plugins.email.url are right. {_PORTS}"
    silent = isinstance(cause, smtplib.SMTPServerDisconnected | TimeoutError | ConnectionResetError)
    if silent and not greeted:
        return (
            "It did not greet. A port that begins with TLS waits for it: use smtps:// there. Or a firewall is between, "
            f"or the server is slow (plugins.email.timeout). {_PORTS}"
        )
    return "The connection broke: the server, or the network, may be in trouble." if silent else ""
