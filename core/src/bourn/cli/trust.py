"""Files of settings of projects: ``bourn trust``."""

from __future__ import annotations

from pathlib import Path

import click

from bourn.settings.sources import FILE, default_home
from bourn.settings.trust import trust, untrust

__all__ = ["trust_command"]


@click.command("trust")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=Path(FILE))
@click.option("--remove", is_flag=True, help="Trust it no longer.")
def trust_command(*, file: Path, remove: bool) -> None:
    """Trust the bourn.toml of a folder.

    A file of the current folder is read only once it is trusted, by its path and its content: after a change it is
    ignored until it is trusted again. Look at it before: it says where results, mails and jobs go. FILE is by default
    bourn.toml in the current folder.
    """
    home = Path(default_home())
    if remove:
        click.echo(f"{file} is trusted no longer." if untrust(file, home) else f"{file} was not trusted.")
        return
    trust(file, home)
    click.echo(f"{file.resolve()} is trusted as it is now.")
