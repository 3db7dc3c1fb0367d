"""The email destination: its steps in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bourn.plugin import ANY, DeliveryError, Destination, Example, Note, Problem

from bourn_email.options import Options, Settings, address_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bourn.plugin import Artifact, Context, Receipt, ResultInfo

    from bourn_email.message import Message

__all__ = ["Email"]


class Email(Destination[Options]):
    """A link to the result, and a message with it: download, and an e-mail when the job is done.

    The message goes out only after the result is stored for good. Anyone who has the link can download the result.
    """

    Settings = Settings
    formats = ANY
    kinds = ANY
    examples = (
        Example("A message to yourself when the job is done", destination="email", format="json"),
        Example(
            "With a subject",
            destination={"type": "email", "to": "me@example.org", "subject": "My Computation is Done"},
            format="geotiff",
        ),
        Example(
            "To several people, with a text",
            destination={
                "type": "email", "to": ["me@example.org", "you@example.org"], "cc": "team@example.org",
                "subject": "The composite of June", "body": "Dear all,\n\nhere is the composite of June.",
            },
            format="geotiff",
        ),
    )  # fmt: skip

    def preflight(self, options: Options, info: ResultInfo, context: Context) -> Iterable[Problem | Note]:
        """Check recipients, mail server and templates; note where the message goes."""
        from bourn_email.render import template_problem  # on first use, as its neighbours
        from bourn_email.server import Folder, target_of, transport_problem

        settings: Settings = context.settings
        problem = transport_problem(settings)
        if problem is not None:
            yield Problem("", f"the settings of this installation, plugins.email.url: {problem}")
            return
        recipients, problems = _recipients(options, context)
        yield from problems
        problem = template_problem(settings.templates)
        if problem is not None:
            yield Problem("", f"the settings of this installation, plugins.email.templates: {problem}")
        target = target_of(settings, context.home)
        if isinstance(target, Folder):
            yield Note(f"the message is written to {target} as a file: plugins.email.url says how to send it")
        elif options.to is None and not problems:
            yield Note(f"the message goes to {', '.join(recipients[0])}", "to")

    def deliver(self, artifact: Artifact, options: Options, context: Context) -> Receipt:
        """Send the message to each recipient who does not have it."""
        from bourn_email.delivery import send, write_files  # on first use, as its neighbours
        from bourn_email.server import Folder, target_of

        target = target_of(context.settings, context.home)
        message = _message(artifact, options, context)
        return write_files(message, target, context) if isinstance(target, Folder) else send(message, target, context)

    def retract(self, options: Options, context: Context) -> None:
        """Delete message files; a message that was sent can't be retracted."""
        from bourn_email.delivery import recipients_reached  # on first use, as its neighbours
        from bourn_email.outbox import remove_all
        from bourn_email.server import Folder, target_of

        target = target_of(context.settings, context.home)
        if isinstance(target, Folder):
            remove_all(target.path, str(context.delivery_id))
            return
        out = recipients_reached(context)
        if out:
            msg = f"too late to cancel: the message to {', '.join(out)} was sent, and its link stays valid"
            raise DeliveryError(msg)


def _message(artifact: Artifact, options: Options, context: Context) -> Message:
    from bourn_email.address import sender_of
    from bourn_email.content import content_of
    from bourn_email.message import Message
    from bourn_email.picture import picture_of
    from bourn_email.render import CONTENT_ID, render
    from bourn_email.text import add_prefix

    settings: Settings = context.settings
    (to, cc), problems = _recipients(options, context)
    if problems:  # the settings have changed since the request
        raise DeliveryError("; ".join(f"{problem.path}: {problem.message}" for problem in problems))
    subject = add_prefix(options.subject, settings.subject_prefix)
    picture = picture_of(artifact)
    content = content_of(artifact, context, subject=subject, body=options.body, picture=picture)
    text, html = render(content, settings.templates)
    name, sender = sender_of(settings.sender)
    return Message(
        sender_name=name, sender=sender, to=to, cc=cc, subject=subject, text=text, html=html,
        picture=None if picture is None else picture.data, picture_id=CONTENT_ID,
        date=context.clock(), delivery_id=str(context.delivery_id),
    )  # fmt: skip


def _recipients(options: Options, context: Context) -> tuple[tuple[Sequence[str], Sequence[str]], list[Problem]]:
    """Return the normalized addresses of `to` and `cc`, each once, and the problems of those that are not allowed."""
    from bourn_email.address import allowed, normalize_address

    settings: Settings = context.settings
    given = options.to if options.to is not None else settings.to
    to = address_list(given) or (f"{context.principal}@localhost",)
    seen: set[str] = set()
    problems: list[Problem] = []

    def normalized(addresses: Iterable[str], path: str, *, one: bool) -> Iterator[str]:
        for number, address in enumerate(addresses):
            at = path if one else f"{path}[{number}]"
            try:
                address_ = normalize_address(address)
            except ValueError as error:
                problems.append(Problem(at, str(error)))
                continue
            if not allowed(address_, settings.allowed_recipients):
                rules = ", ".join(settings.allowed_recipients)
                problems.append(Problem(at, f"{address!r} is not an allowed recipient, only {rules}"))
            elif address_.lower() not in seen:
                seen.add(address_.lower())
                yield address_

    recipients = (
        tuple(normalized(to, "to", one=not isinstance(given, tuple))),
        tuple(normalized(address_list(options.cc), "cc", one=not isinstance(options.cc, tuple))),
    )
    return recipients, problems
