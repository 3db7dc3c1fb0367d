"""What the email destination adds to bourn besides itself: a command, and its part of the demo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.plugin import Example, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click import Group

__all__ = ["bourn_commands", "bourn_demo"]


@hookimpl
def bourn_commands(group: Group) -> None:
    """Add ``bourn email``."""
    from bourn_email.command import email_command  # on the command line only

    group.add_command(email_command, "email")


@hookimpl
def bourn_demo(session: Any) -> Iterator[Example]:
    """Show a message with words of one's own, as an .eml file: nobody gets mail from a demo."""
    if session.settings.plugins.get("email", {}).get("url"):
        return
    yield Example(
        "an .eml file",
        destination={
            "type": "email", "to": "you@localhost", "subject": "The composite of June",
            "body": "Dear you,\n\nhere is the composite of June.",
        },
        format="geotiff",
    )  # fmt: skip
