"""Hooks of the email destination: its command, and its part of the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.plugin import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click import Group

__all__ = ["bourn_commands", "bourn_demo"]


@hookimpl
def bourn_commands(group: Group) -> None:
    """Add ``bourn email``."""
    from bourn_email.commands import email_command  # on the command line only

    group.add_command(email_command, "email")


@hookimpl
def bourn_demo(session: Any) -> Iterator[dict[str, Any]]:
    """Show a message as an .eml file: the demo sends no mail."""
    from bourn_email.options import Settings  # in a demo only
    from bourn_email.server import Folder, target_of

    if not isinstance(target_of(session.settings.of_plugin("email", Settings), session.settings.folder), Folder):
        return
    yield {
        "title": "A mail, as a file",
        "destination": {
            "type": "email", "to": "you@localhost", "subject": "The composite of June",
            "body": "Dear you,\n\nhere is the composite of June.",
        },
        "format": "geotiff",
        "tell": _describe_message,
    }  # fmt: skip


def _describe_message(job: Any) -> str:
    """Return path and content of the message."""
    import email.policy  # in a demo only
    from pathlib import Path

    path = job.receipt.detail["messages"][0]["written_to"]
    message = email.message_from_bytes(Path(path).read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain",))
    head = [f"{name}: {message[name]}" for name in ("From", "To", "Subject")]
    pictures = sum(part.get_content_maintype() == "image" for part in message.walk())
    beside = "The same as HTML, with a small picture of it." if pictures else "The same as HTML."
    return "\n".join([path, "", *head, "", body.get_content().strip() if body else "", "", beside])
