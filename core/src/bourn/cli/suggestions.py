"""Suggestions for an option that `bourn send` does not have: one of a plugin, which is given by -o or -f."""

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
    """Return the schema of a plugin's options; an empty one where there is no such plugin, which the plan reports."""
    try:
        return session.registry.find(role, _type_of(name)).schema
    except BournError:
        return {}


def _type_of(name: str) -> str:
    """Return the name of a plugin, also where a mapping is given as JSON in place of it."""
    if not name.lstrip().startswith("{"):
        return name
    try:
        return str(json.loads(name).get("type"))
    except ValueError:
        return name


class PluginsOptions(click.Command):
    """A command that says how an option of a plugin is given where it is written as one of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; suggest the option of a plugin for an unknown option."""
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
            suggestion = key if key in options else nearest(key, options) if named and not is_like_ours else None
            if suggestion is None:
                continue
            flag = "-o" if role == "destination" else "-f"
            written = f"{flag} {suggestion}=VALUE" if named else f"--{role} {name} {flag} {suggestion}=VALUE"
            return f"{option!r} is no option of `bourn send`. {suggestion!r} is one of the {role} {name!r}: {written}"
        return None

    def _plugins(self, session: Session, args: list[str]) -> Iterator[tuple[str, str, bool]]:
        """Yield role and name of the plugins that are named, then of the others; and whether they are named."""
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
