"""``bourn email test``: sends a message by the settings, and tells each step in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bourn_email.options import Settings

if TYPE_CHECKING:
    from datetime import timedelta

    from bourn_email.server import Server

__all__ = ["email_command"]

SUBJECT = "A test of bourn's mail"
TEXT = """This message was sent by `bourn email test`.

Since you can read it, results can be sent from here by mail.
"""


@click.group("email")
def email_command() -> None:
    """Mail: how it leaves this installation."""


@email_command.command("test")
@click.option("--to", "recipient", metavar="ADDRESS", required=True, help="Who gets the message.")
@click.pass_obj
def test_command(session: Any, *, recipient: str) -> None:
    """Send a test message, and tell each step of the connection.

    Nothing is tried again: what does not work is said at once.
    """
    from bourn_email.address import allowed, sender_of, wire
    from bourn_email.message import Letter, composed
    from bourn_email.server import Folder, target_of, transport_fault
    from bourn_email.text import prefixed

    settings: Settings = session.settings.of_plugin("email", Settings)
    try:
        person = wire(recipient)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--to") from error
    if not allowed(person, settings.allowed_recipients):
        rules = ", ".join(settings.allowed_recipients)
        msg = f"{person} may not be written to from here, only {rules}"
        raise click.BadParameter(msg, param_hint="--to")
    fault = transport_fault(settings)
    if fault is not None:
        msg = f"plugins.email.url: {fault}"
        raise click.ClickException(msg)
    name, sender = sender_of(settings.sender)
    import secrets  # on first use

    letter = Letter(
        sender_name=name, sender=sender, to=(person,), cc=(), subject=prefixed(SUBJECT, settings.subject_prefix),
        text=TEXT, html=_html(), picture=None, picture_id="", date=session.clock(), delivery_id=secrets.token_hex(16),
    )  # fmt: skip
    message = composed(letter, person)
    target = target_of(settings, session.settings.folder)
    if isinstance(target, Folder):
        from bourn_email.outbox import write

        path = write(target.path, letter.delivery_id, 0, message)
        click.echo(f"No mail server is set, so that messages become files. This one is {path}.")
        click.echo('To send them, say where in bourn.toml, in its part [plugins.email]: url = "smtp+starttls://HOST"')
        click.echo("or in the environment: BOURN_EMAIL__URL=smtp+starttls://HOST")
        return
    _send(target, sender, person, message, settings.retry_for)


def _send(server: Server, sender: str, recipient: str, message: bytes, retry_for: timedelta) -> None:
    from bourn_email.advice import advice_on
    from bourn_email.connection import Connection
    from bourn_email.outcome import Outcome

    steps: list[str] = []

    def tell(step: str) -> None:
        steps.append(step)
        click.echo(step)

    try:
        connection = Connection(server, tell=tell)
        try:
            connection.envelope(sender, recipient, len(message))
            click.echo(f"The message is taken: {connection.hand_over(message)}.")
        finally:
            connection.close()
    except Outcome as outcome:
        # The first step is told before the server has said a word.
        advice = advice_on(outcome, server, greeted=len(steps) > 1, retry_for=retry_for)
        raise click.ClickException(f"{outcome}\n{advice}") from outcome
    click.echo(f"Sent. Look into the mailbox of {recipient}, and into its folder for spam.")


def _html() -> str:
    from bourn_email.content import paragraphs

    said = "".join(f"<p>{' '.join(lines)}</p>" for lines in paragraphs(TEXT))
    return f'<!DOCTYPE html><html lang="en"><body style="font-family:sans-serif">{said}</body></html>'
