"""Options and settings of the email destination."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path  # noqa: TC003  # the types of options are read at run time

import attrs
from bourn.plugin import Secret, option

from bourn_email.address import LONGEST_ADDRESS, address_problem, rule_problem, sender_problem
from bourn_email.server import secret_problem, url_problem
from bourn_email.text import body_problem, line_problem

__all__ = ["MAX_RECIPIENTS", "Options", "Settings", "address_list"]

MAX_RECIPIENTS = LONGEST_ADDRESS
"""Recipients per option; the same number limits the characters of a single address."""

Addresses = str | tuple[str, ...] | None


@attrs.frozen
class Options:
    """Recipients and text of the message."""

    to: Addresses = option(
        default=None, min_length=1, max_length=MAX_RECIPIENTS, check=address_problem, format="idn-email",
        help="Recipients: one address or several; by default the settings' `to`, else your mailbox on this machine.",
        examples=["me@example.org", ["me@example.org", "you@example.org"]],
    )  # fmt: skip
    cc: Addresses = option(
        default=None, min_length=1, max_length=MAX_RECIPIENTS, check=address_problem, format="idn-email",
        help="Recipients of a copy: one address or several.", examples=["team@example.org"],
        unlike=["bcc"],  # all recipients see who gets a copy
    )  # fmt: skip
    subject: str = option(
        default="Your job has completed", max_length=900, check=line_problem,
        help="The subject: one line. The installation's prefix is put before it, once.",
        examples=["My Computation is Done"],
    )  # fmt: skip
    body: str = option(
        default="Your Workflows job is done.", max_length=100_000, check=body_problem,
        help="The text above the link; empty lines separate paragraphs.",
    )  # fmt: skip


@attrs.frozen
class Settings:
    """How this installation sends mail."""

    url: Secret = option(
        default=Secret(""), check=url_problem,
        help="Where mail goes: smtp://HOST:PORT, smtp+starttls://, smtps://, or file:///FOLDER for .eml files. "
        "By default files in the folder `outbox` of the home. USER:PASSWORD@ may stand before the host.",
    )  # fmt: skip
    user: Secret = option(default=Secret(""), check=secret_problem, help="User name, if the URL has none.")
    password: Secret = option(default=Secret(""), check=secret_problem, help="Password, if the URL has none.")
    sender: str = option(
        default="bourn@localhost", max_length=320, check=sender_problem,
        help="Sender of the messages.", examples=["bourn@example.org", "Data Service <data@example.org>"],
    )  # fmt: skip
    to: Addresses = option(
        default=None, min_length=1, max_length=MAX_RECIPIENTS, check=address_problem, format="idn-email",
        help="Recipients of requests without `to`; by default {login}@localhost.",
    )  # fmt: skip
    subject_prefix: str = option(
        default="Workflows: ", max_length=60, check=line_problem, help="Prefix of every subject."
    )
    retry_for: timedelta = option(
        default=timedelta(minutes=15), ge=0, le=5 * 86_400, unit="seconds",
        help="How long a message that can't be sent is tried again: after 1, 2, 4, ... at most 60 s.",
    )  # fmt: skip
    on_unknown: str = option(
        default="resend", choices=["resend", "hold"],
        help="What to do if the connection was lost between the end of a message and the server's answer: send it "
        "again, or hold it and fail the job.",
    )  # fmt: skip
    allowed_recipients: tuple[str, ...] = option(
        factory=tuple, check=rule_problem,
        help="Allowed recipients: addresses, and patterns such as *@example.org; none allows all.",
    )  # fmt: skip
    templates: Path | None = option(
        default=None, help="A folder with `mail.html` and `mail.txt`, one or both, to use instead of ours (Jinja2)."
    )
    timeout: float = option(
        default=60.0, gt=0, le=600, unit="seconds",
        help="Timeout of each answer of the server; ten times as long for the answer after the message.",
    )  # fmt: skip
    ca_file: Path | None = option(default=None, help="Trusted certificates (PEM); by default those of the system.")


def address_list(given: Addresses) -> tuple[str, ...]:
    """Return one address or several as a tuple."""
    return () if given is None else (given,) if isinstance(given, str) else given
