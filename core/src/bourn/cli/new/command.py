"""``bourn new``: the project of a working plugin with its tests, as a start for a new one."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bourn.cli.commands import pass_session
from bourn.wording import shown

if TYPE_CHECKING:
    from bourn.session import Session

__all__ = ["TEMPLATE", "new_command"]

TEMPLATE = Path(__file__).with_name("template")
"""For copier, which can also be run on it directly."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,55}", re.ASCII)


@click.command("new")
@click.argument("role", type=click.Choice(["destination", "format"], case_sensitive=False))
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the project; by default bourn-NAME here.",
)
@pass_session
def new_command(session: Session, *, role: str, name: str, into: Path | None) -> None:
    """Start a plugin.

    Makes the project of a destination or a format that works and is tested, to be changed into yours.
    """
    if not _NAME.fullmatch(name):
        msg = f"{shown(name)} can't be a name: at most 56 of a-z, 0-9, _ and -, beginning with a letter"
        raise click.BadParameter(msg, param_hint="NAME")
    named = session.registry.destinations if role == "destination" else session.registry.formats
    if name in named:
        msg = f"the {role} {name!r} is installed already, by {named[name].distribution}; names must differ"
        raise click.BadParameter(msg, param_hint="NAME")
    folder = into or Path(f"bourn-{name.replace('_', '-')}")
    if folder.exists() and any(folder.iterdir()):
        msg = f"{folder} is not empty; say another folder by --into"
        raise click.ClickException(msg)
    if find_spec("copier") is None:
        msg = "`bourn new` needs copier. Install it: pip install 'bourn-core[new]'"
        raise click.ClickException(msg)
    _copy(folder, role=role, name=name)
    click.echo(_what_next(folder))


def _copy(folder: Path, **answers: str) -> None:
    import copier  # 0.4 s, and an extra

    copier.run_copy(str(TEMPLATE), folder, data=answers, defaults=True, quiet=True)


def _what_next(folder: Path) -> str:
    (plugin,) = folder.glob("src/*/__init__.py")
    (tests,) = folder.glob("tests/test_*.py")
    return "\n".join([
        f"{folder}: a plugin that works.",
        f"  {plugin.relative_to(folder)}  the plugin",
        f"  {tests.relative_to(folder)}  its tests: those that every plugin of its kind should pass",
        "Install it and try it:",
        f"  pip install -e './{folder}[test]'" if not folder.is_absolute() else f"  pip install -e '{folder}[test]'",
        f"  pytest {folder}",
        "  bourn doctor",
    ])  # fmt: skip
