"""What a request may say to the email destination, and what an installation has to."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path  # noqa: TC003  # the types of options are read at run time

import attrs
from bourn.plugin import Secret, option

from bourn_email.address import LONGEST_ADDRESS, address_fault, rule_fault, sender_fault
from bourn_email.server import secret_fault, url_fault
from bourn_email.text import body_fault, line_fault

__all__ = ["MOST_RECIPIENTS", "Options", "Settings", "listed"]

MOST_RECIPIENTS = LONGEST_ADDRESS
"""Of one option: one limit is said of a text's characters and of a list's items, so they are the same."""

Addresses = str | tuple[str, ...] | None


@attrs.frozen
class Options:
    """Who is told, and what."""

    to: Addresses = option(
        default=None, min_length=1, max_length=MOST_RECIPIENTS, check=address_fault, format="idn-email",
        help="Who gets the message: one address or several; by default the settings' `to`, else you on this machine.",
        examples=["me@example.org", ["me@example.org", "you@example.org"]],
    )  # fmt: skip
    cc: Addresses = option(
        default=None, min_length=1, max_length=MOST_RECIPIENTS, check=address_fault, format="idn-email",
        help="Who gets a copy of it: one address or several.", examples=["team@example.org"],
        unlike=["bcc"],  # everybody sees who gets a copy
    )  # fmt: skip
    subject: str = option(
        default="Your job has completed", max_length=900, check=line_fault,
        help="The subject: one line. The installation's prefix is put before it, once.",
        examples=["My Computation is Done"],
    )  # fmt: skip
    body: str = option(
        default="Your Workflows job is done.", max_length=100_000, check=body_fault,
        help="The text above the link; paragraphs are parted by empty lines.",
    )  # fmt: skip


@attrs.frozen
class Settings:
    """How mail leaves this installation."""

    url: Secret = option(
        default=Secret(""), check=url_fault,
        help="Where mail goes: smtp://HOST:PORT, smtp+starttls://, smtps://, or file:///FOLDER for .eml files. "
        "By default files in the folder `outbox` of the home. USER:PASSWORD@ may stand before the host.",
    )  # fmt: skip
    user: Secret = option(default=Secret(""), check=secret_fault, help="Who logs in, where the URL does not say.")
    password: Secret = option(default=Secret(""), check=secret_fault, help="The password, where the URL does not say.")
    sender: str = option(
        default="bourn@localhost", max_length=320, check=sender_fault,
        help="Whom the messages are from.", examples=["bourn@example.org", "Data Service <data@example.org>"],
    )  # fmt: skip
    to: Addresses = option(
        default=None, min_length=1, max_length=MOST_RECIPIENTS, check=address_fault, format="idn-email",
        help="Who gets messages of requests that name nobody; by default {login}@localhost.",
    )  # fmt: skip
    subject_prefix: str = option(
        default="Workflows: ", max_length=60, check=line_fault, help="What every subject begins with, once."
    )
    retry_for: timedelta = option(
        default=timedelta(minutes=15), ge=0, le=5 * 86_400, unit="seconds",
        help="How long a message that can't be sent is tried again: after 1, 2, 4, ... at most 60 s.",
    )  # fmt: skip
    on_unknown: str = option(
        default="resend", choices=["resend", "hold"],
        help="What to do where the connection was lost between the end of a message and the server's answer, so that "
        "nobody knows whether it was taken: send it again, or hold it and say so.",
    )  # fmt: skip
    allowed_recipients: tuple[str, ...] = option(
        factory=tuple, check=rule_fault,
        help="Whom messages may go to: addresses, and patterns such as *@example.org; none lets them go anywhere.",
    )  # fmt: skip
    templates: Path | None = option(
        default=None, help="A folder with `mail.html` and `mail.txt`, one or both, to use instead of ours (Jinja2)."
    )
    timeout: float = option(
        default=60.0, gt=0, le=600, unit="seconds",
        help="How long to wait for each answer of the server; for the one after the message ten times as long.",
    )  # fmt: skip
    ca_file: Path | None = option(
        default=None, help="Certificates (PEM) to trust the server's by; by default those of the system."
    )


def listed(given: Addresses) -> tuple[str, ...]:
    """One address or several, as several."""
    return () if given is None else (given,) if isinstance(given, str) else given
