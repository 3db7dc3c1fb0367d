"""What was meant by an option that `bourn send` does not have: one of a plugin's, which is given by -o or -f."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from bourn.errors import BournError
from bourn.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bourn.session import Session

__all__ = ["PluginsOptions", "schema_of"]


def schema_of(session: Session, role: str, name: str) -> dict[str, Any]:
    """The schema of a plugin's options; an empty one where there is no such plugin, which the plan will say."""
    try:
        return session.registry.find(role, _type_of(name)).schema
    except BournError:
        return {}


def _type_of(name: str) -> str:
    """The name in a mapping that is given as JSON in place of a name."""
    if not name.lstrip().startswith("{"):
        return name
    try:
        return str(json.loads(name).get("type"))
    except ValueError:
        return name


class PluginsOptions(click.Command):
    """A command that says how an option of a plugin is given, where somebody writes it as one of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click has it, but for what it does not know."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = None if ctx.resilient_parsing else self._hint(error, given)
            if hint is None:
                raise
            raise click.UsageError(hint, ctx) from error

    def _hint(self, error: click.NoSuchOption, args: list[str]) -> str | None:
        from bourn.cli.commands import session_of  # which imports commands when they are run

        option, is_like_ours = error.option_name, bool(error.possibilities)
        key = option.lstrip("-").replace("-", "_")
        session = session_of(click.get_current_context())
        for role, name, named in self._plugins(session, args):
            options = schema_of(session, role, name).get("properties", {})
            meant = key if key in options else nearest(key, options) if named and not is_like_ours else None
            if meant is None:
                continue
            flag = "-o" if role == "destination" else "-f"
            written = f"{flag} {meant}=VALUE" if named else f"--{role} {name} {flag} {meant}=VALUE"
            return f"{option!r} is no option of `bourn send`. {meant!r} is one of the {role} {name!r}: {written}"
        return None

    def _plugins(self, session: Session, args: list[str]) -> Iterator[tuple[str, str, bool]]:
        """Role and name of those that are asked for, then of the others; and whether they are asked for."""
        lenient = click.Context(self, ignore_unknown_options=True, allow_extra_args=True, resilient_parsing=True)
        asked = self.make_parser(lenient).parse_args(list(args))[0]
        destinations = asked.get("destinations") or [session.settings.default_destination]
        named = [("destination", _type_of(name).lower()) for name in destinations]
        if asked.get("written"):
            named.append(("format", _type_of(asked["written"]).lower()))
        yield from ((role, name, True) for role, name in named)
        for role in ("destination", "format"):
            for name in getattr(session.registry, f"{role}s"):
                if (role, name) not in named:
                    yield role, name, False
