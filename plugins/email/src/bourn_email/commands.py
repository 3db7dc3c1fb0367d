"""``bourn email test``: send a test message and show each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bourn_email.options import Settings

if TYPE_CHECKING:
    from datetime import timedelta

    from bourn_email.server import Server

__all__ = ["email_command"]

SUBJECT = "Test message from bourn"
TEXT = """This message was sent by `bourn email test`.

If you can read it, results can be sent by mail.
"""


@click.group("email")
def email_command() -> None:
    """Mail settings."""


@email_command.command("test")
@click.option("--to", "recipient", metavar="ADDRESS", required=True, help="Recipient of the message.")
@click.pass_obj
def test_command(session: Any, *, recipient: str) -> None:
    """Send a test message and show each step of the connection.

    Failures are not retried.
    """
    from bourn_email.address import allowed, normalize_address, sender_of
    from bourn_email.message import Message, compose
    from bourn_email.server import Folder, target_of, transport_problem
    from bourn_email.text import add_prefix

    settings: Settings = session.settings.of_plugin("email", Settings)
    try:
        address = normalize_address(recipient)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--to") from error
    if not allowed(address, settings.allowed_recipients):
        rules = ", ".join(settings.allowed_recipients)
        msg = f"{address} is not an allowed recipient, only {rules}"
        raise click.BadParameter(msg, param_hint="--to")
    problem = transport_problem(settings)
    if problem is not None:
        msg = f"plugins.email.url: {problem}"
        raise click.ClickException(msg)
    name, sender = sender_of(settings.sender)
    import secrets  # on first use

    mail = Message(
        sender_name=name, sender=sender, to=(address,), cc=(), subject=add_prefix(SUBJECT, settings.subject_prefix),
        text=TEXT, html=_html(), picture=None, picture_id="", date=session.clock(), delivery_id=secrets.token_hex(16),
    )  # fmt: skip
    message = compose(mail, address)
    target = target_of(settings, session.settings.folder)
    if isinstance(target, Folder):
        from bourn_email.outbox import write_message

        path = write_message(target.path, mail.delivery_id, 0, message)
        click.echo(f"No mail server is set: messages are written to files. This one is {path}.")
        click.echo('To send them, set the server in bourn.toml, section [plugins.email]: url = "smtp+starttls://HOST"')
        click.echo("or in the environment: BOURN_EMAIL__URL=smtp+starttls://HOST")
        return
    _send(target, sender, address, message, settings.retry_for)


def _send(server: Server, sender: str, recipient: str, message: bytes, retry_for: timedelta) -> None:
    from bourn_email.connection import Connection
    from bourn_email.failures import SendFailure
    from bourn_email.troubleshooting import advice_on

    steps: list[str] = []

    def report(step: str) -> None:
        steps.append(step)
        click.echo(step)

    try:
        connection = Connection(server, report=report)
        try:
            connection.envelope(sender, recipient, len(message))
            click.echo(f"The message is accepted: {connection.send(message)}.")
        finally:
            connection.close()
    except SendFailure as failure:
        # The first step is reported before the server answers.
        advice = advice_on(failure, server, greeted=len(steps) > 1, retry_for=retry_for)
        raise click.ClickException(f"{failure}\n{advice}") from failure
    click.echo(f"Sent. Check the mailbox of {recipient}, and its spam folder.")


def _html() -> str:
    from bourn_email.content import paragraphs

    paragraphs_html = "".join(f"<p>{' '.join(lines)}</p>" for lines in paragraphs(TEXT))
    return f'<!DOCTYPE html><html lang="en"><body style="font-family:sans-serif">{paragraphs_html}</body></html>'
