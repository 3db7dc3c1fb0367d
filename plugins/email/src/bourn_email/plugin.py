"""The email destination: its steps, in the order in which they are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bourn.plugin import ANY, DeliveryError, Destination, Example, Note, Problem

from bourn_email.options import Options, Settings, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bourn.plugin import Artifact, Context, Receipt, ResultInfo

    from bourn_email.message import Letter

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
            "With a subject of your own",
            destination={"type": "email", "to": "me@example.org", "subject": "My Computation is Done"},
            format="geotiff",
        ),
        Example(
            "To several people, with words of your own",
            destination={
                "type": "email", "to": ["me@example.org", "you@example.org"], "cc": "team@example.org",
                "subject": "The composite of June", "body": "Dear all,\n\nhere is the composite of June.",
            },
            format="geotiff",
        ),
    )  # fmt: skip

    def preflight(self, options: Options, info: ResultInfo, context: Context) -> Iterable[Problem | Note]:
        """Who may not be written to, what the settings lack, and where the message will go."""
        from bourn_email.render import template_fault  # on first use, as its neighbours
        from bourn_email.server import Folder, target_of, transport_fault

        settings: Settings = context.settings
        fault = transport_fault(settings)
        if fault is not None:
            yield Problem("", f"the settings of this installation, plugins.email.url: {fault}")
            return
        people, problems = _people(options, context)
        yield from problems
        fault = template_fault(settings.templates)
        if fault is not None:
            yield Problem("", f"the settings of this installation, plugins.email.templates: {fault}")
        target = target_of(settings, context.home)
        if isinstance(target, Folder):
            yield Note(f"the message is written to {target} as a file: plugins.email.url says how to send it")
        elif options.to is None and not problems:
            yield Note(f"the message goes to {', '.join(people[0])}", "to")

    def deliver(self, artifact: Artifact, options: Options, context: Context) -> Receipt:
        """Send the message to everybody who does not have it."""
        from bourn_email.delivery import filed, sent  # on first use, as its neighbours
        from bourn_email.server import Folder, target_of

        target = target_of(context.settings, context.home)
        letter = _letter(artifact, options, context)
        return filed(letter, target, context) if isinstance(target, Folder) else sent(letter, target, context)

    def retract(self, options: Options, context: Context) -> None:
        """Files are taken back; what was sent can't be."""
        from bourn_email.delivery import out_already  # on first use, as its neighbours
        from bourn_email.outbox import remove_all
        from bourn_email.server import Folder, target_of

        target = target_of(context.settings, context.home)
        if isinstance(target, Folder):
            remove_all(target.path, str(context.delivery_id))
            return
        out = out_already(context)
        if out:
            msg = f"it was too late to cancel: the message to {', '.join(out)} is out, and its link works on"
            raise DeliveryError(msg)


def _letter(artifact: Artifact, options: Options, context: Context) -> Letter:
    from bourn_email.address import sender_of
    from bourn_email.content import content_of
    from bourn_email.message import Letter
    from bourn_email.picture import picture_of
    from bourn_email.render import CONTENT_ID, rendered
    from bourn_email.text import prefixed

    settings: Settings = context.settings
    (to, cc), problems = _people(options, context)
    if problems:  # the settings have changed since it was asked for
        raise DeliveryError("; ".join(f"{problem.path}: {problem.message}" for problem in problems))
    subject = prefixed(options.subject, settings.subject_prefix)
    picture = picture_of(artifact)
    content = content_of(artifact, context, subject=subject, body=options.body, picture=picture)
    text, html = rendered(content, settings.templates)
    name, sender = sender_of(settings.sender)
    return Letter(
        sender_name=name, sender=sender, to=to, cc=cc, subject=subject, text=text, html=html,
        picture=None if picture is None else picture.data, picture_id=CONTENT_ID,
        date=context.clock(), delivery_id=str(context.delivery_id),
    )  # fmt: skip


def _people(options: Options, context: Context) -> tuple[tuple[Sequence[str], Sequence[str]], list[Problem]]:
    """Who gets the message and who a copy, as they go over the wire, each once; and those who may not."""
    from bourn_email.address import allowed, wire

    settings: Settings = context.settings
    given = options.to if options.to is not None else settings.to
    to = listed(given) or (f"{context.principal}@localhost",)
    seen: set[str] = set()
    problems: list[Problem] = []

    def several(addresses: Iterable[str], path: str, *, one: bool) -> Iterator[str]:
        for number, address in enumerate(addresses):
            at = path if one else f"{path}[{number}]"
            try:
                person = wire(address)
            except ValueError as error:
                problems.append(Problem(at, str(error)))
                continue
            if not allowed(person, settings.allowed_recipients):
                rules = ", ".join(settings.allowed_recipients)
                problems.append(Problem(at, f"{address!r} may not be written to from here, only {rules}"))
            elif person.lower() not in seen:
                seen.add(person.lower())
                yield person

    people = (
        tuple(several(to, "to", one=not isinstance(given, tuple))),
        tuple(several(listed(options.cc), "cc", one=not isinstance(options.cc, tuple))),
    )
    return people, problems
