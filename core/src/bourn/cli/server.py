"""The server and garbage collection: ``bourn serve``, ``bourn sweep``."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import click

from bourn.cli.commands import pass_session
from bourn.cli.job_text import spoken_size
from bourn.cli.terminal import as_json_option, print_json, print_lines

if TYPE_CHECKING:
    from bourn.session import Session

__all__ = ["LOCAL", "serve_command", "sweep_command"]

DEFAULT_PORT = 8622
LOCAL = ("127.0.0.1", "localhost", "::1")


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address it listens at.")
@click.option("--port", type=click.IntRange(1, 65535), help="By default that of the settings' public_url.")
@pass_session
def serve_command(session: Session, *, host: str, port: int | None) -> None:
    """Serve links to results.

    Also the registry at /registry, /healthz, and what plugins add. What has expired is erased now and then.
    """
    from bourn.serve import run  # the web server is imported for this command only

    port = port or _port_of(session.settings.public_url)
    try:
        run(session, host, port)
    except OSError as error:
        reasons = {errno.EADDRINUSE: "another program listens there", errno.EACCES: "this user may not listen there"}
        why = reasons.get(error.errno or 0, error.strerror or str(error))
        msg = f"can't serve at {host}:{port}: {why}. Say where by --host and --port, and in the setting public_url."
        raise click.ClickException(msg) from error


def _port_of(public_url: str) -> int:
    """Return the port of links where they lead to this machine, else the one for a proxy."""
    from urllib.parse import urlsplit  # see above

    parts = urlsplit(public_url)
    return (parts.port or DEFAULT_PORT) if parts.hostname in LOCAL else DEFAULT_PORT


@click.command("sweep")
@as_json_option
@pass_session
def sweep_command(session: Session, *, as_json: bool) -> None:
    """Erase what has expired.

    Also carry on what dead processes left, and deliver what is due.
    """
    import attrs  # loaded with the session by now

    swept = session.sweep()
    if as_json:
        print_json(attrs.asdict(swept))
        return
    print_lines([
        f"Links that expired: {swept.expired}. Artifacts erased: {swept.erased}, {spoken_size(swept.freed_bytes)}.",
        f"Remains of dead processes: {swept.orphans + swept.stale}. Jobs forgotten: {swept.tombstones}.",
    ])  # fmt: skip
    if swept.failed:
        print_lines([f"Could not be removed this time: {swept.failed}."])
