"""The group of all commands: its session, errors, and the commands of plugins."""

from __future__ import annotations

import functools
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec

import click

from bourn import __version__
from bourn.cli.failure import INTERRUPTED, Failure, of_the_system
from bourn.cli.terminal import notify
from bourn.errors import BournError
from bourn.wording import clean, hide_credentials, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn.session import Session

__all__ = ["Commands", "bourn", "main", "pass_session", "session_of"]

P = ParamSpec("P")

CHOSEN = "BOURN_SETTINGS"
"""The variable that names the file of settings; written out here, since `bourn --version` loads no settings."""

# Command -> where it is. Its module is imported when it is run, or when `--help` tells of it.
_OWN = {
    "send": "bourn.cli.send",
    "list": "bourn.cli.plugins",
    "show": "bourn.cli.plugins",
    "matrix": "bourn.cli.plugins",
    "schema": "bourn.cli.plugins",
    "docs": "bourn.cli.plugins",
    "doctor": "bourn.cli.doctor",
    "trust": "bourn.cli.trust",
    "jobs": "bourn.cli.jobs",
    "job": "bourn.cli.jobs",
    "cancel": "bourn.cli.jobs",
    "extend": "bourn.cli.jobs",
    "revoke": "bourn.cli.jobs",
    "serve": "bourn.cli.server",
    "sweep": "bourn.cli.server",
    "demo": "bourn.cli.demo.command",
    "new": "bourn.cli.new.command",
}


class _Offered(click.Group):
    """Collects the commands of plugins; the first of a name is kept, and names of bourn itself are refused."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        name = name or cmd.name
        if name in _OWN or name in self.commands:
            msg = f"there is a command {name!r} already"
            raise ValueError(msg)
        super().add_command(cmd, name)


class Commands(click.Group):
    """The commands of bourn and of plugins; a plugin that fails takes no other command away."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Make the context; from here on warnings are printed plainly, also those of `--help`."""
        _log_to_stderr(debug="--debug" in args)
        return super().make_context(info_name, args, parent, **extra)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands of bourn in the order of use, then those of plugins."""
        return [*_OWN, *sorted(self._offered(ctx).commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name; plugins are asked only for other names than those of bourn."""
        if cmd_name in _OWN:
            from importlib import import_module  # see above

            command: click.Command = getattr(import_module(_OWN[cmd_name]), f"{cmd_name}_command")
            return command
        return self._offered(ctx).commands.get(cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of bourn becomes one that click prints."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            # It may quote what the shell handed over. click means it for the class, and reads it from the object.
            error.message = clean(error.message)  # type: ignore[misc]
            raise
        except (BournError, OSError, KeyboardInterrupt) as error:
            if ctx.params.get("debug"):
                raise
            if isinstance(error, BrokenPipeError):
                _leave_pipe()
            if isinstance(error, KeyboardInterrupt):
                notify("")
                raise click.exceptions.Exit(INTERRUPTED) from error
            if isinstance(error, OSError) and not isinstance(error, BournError):
                raise of_the_system(error) from error
            raise Failure(error, ctx.meta.get("bourn.command")) from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command, or raise an error that names the nearest: click suggests registered commands only."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            suggestion = nearest(args[0], self.list_commands(ctx))
            hint = f" Did you mean {suggestion!r}?" if suggestion else ""
            msg = f"No such command {shown(args[0])}.{hint}"
            raise click.UsageError(msg, ctx)
        return super().resolve_command(ctx, args)

    @staticmethod
    def _offered(ctx: click.Context) -> _Offered:
        root = ctx.find_root()
        if "bourn.offered" not in root.meta:
            offered = _Offered()
            try:
                session_of(ctx).registry.hooks.call("bourn_commands", group=offered)
            except BournError as error:  # settings that can't be read: `--help` works all the same
                notify(f"Warning: {error.message}")
            root.meta["bourn.offered"] = offered
        found: _Offered = root.meta["bourn.offered"]
        return found


class _Plainly(logging.Formatter):
    """One line for each warning; the traceback is for `--debug`."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.capitalize()}: {hide_credentials(clean(record.getMessage()))}"


def _choose_settings(_context: click.Context, _option: click.Parameter, file: str | None) -> None:
    """Name the file in the environment, so that the processes that a command starts read it, too."""
    if file is not None:
        os.environ[CHOSEN] = os.path.abspath(file)  # noqa: PTH100  # without a look at the disk


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bourn", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.option(
    "--settings",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_choose_settings,
    help="Read the settings from this file.",
)
def bourn(*, debug: bool) -> None:  # Commands.make_context reads it
    """Put the result of a computation where it should go, in the form it should have.

    A destination says where, a format says how; both are plugins. Begin with `bourn list` and `bourn demo`.
    """


def _log_to_stderr(*, debug: bool) -> None:
    handler = logging.StreamHandler()
    handler.setLevel(logging.DEBUG if debug else logging.WARNING)
    if not debug:
        handler.setFormatter(_Plainly())
    logger = logging.getLogger("bourn")
    logger.handlers[:] = [handler]
    logger.propagate = False


def session_of(context: click.Context) -> Session:
    """Return the session of this run: the default one, unless a test gave another."""
    root = context.find_root()
    if root.obj is None:
        from bourn.session import default_session  # attrs, 30 ms, which `--version` need not pay

        root.obj = default_session()
    session: Session = root.obj
    return session


def pass_session(command: Callable[Concatenate[Session, P], None]) -> Callable[P, None]:
    """Give a command the session as its first argument."""

    @functools.wraps(command)
    def with_session(*args: P.args, **kwargs: P.kwargs) -> None:
        context = click.get_current_context()
        context.find_root().meta["bourn.command"] = context
        command(session_of(context), *args, **kwargs)

    return with_session


def _leave_pipe() -> NoReturn:
    """End quietly where the reader has closed the pipe (`bourn list | head -1`); Python must not write at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise click.exceptions.Exit(0)


def main() -> None:
    """Run the command line, and leave with its exit status."""
    bourn(prog_name="bourn")
