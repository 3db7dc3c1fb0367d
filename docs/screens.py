"""Runs a command of bourn and prints what it says, as a block of Markdown: the screens in the README are real.

A README has ``<!-- [[[cog import screens; screens.show("bourn list") ]]] -->`` and below it what came out;
``python -m cogapp -r -I docs README.md`` writes it anew, and a test holds it current.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shlex
import sys
import tempfile
import tomllib
from pathlib import Path

from bourn import Session, Settings
from bourn.cli.commands import bourn
from bourn.plugins.installed import scan
from bourn.plugins.registry import Registry
from click.testing import CliRunner

__all__ = ["screen", "show"]

WIDTH = 100
ROOT = Path(__file__).parent.parent


def show(command: str) -> None:
    """Print a command and what it says as a fenced block."""
    import cog  # there only while cog runs

    cog.out(f"```console\n$ {command}\n{screen(command)}```\n")


def screen(command: str) -> str:
    """What a command says on a terminal of 100 columns without colours, errors among it.

    Only bourn's own distributions are there, whatever else is installed; the home is a new one, and the folder
    holds ``two.json`` and, where the command names it, ``scene.tif``.
    """
    name, *arguments = shlex.split(command)
    if name != "bourn":
        msg = f"a screen shows a command of bourn, not {name!r}"
        raise ValueError(msg)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        _furnish(Path(folder), arguments)
        session = Session(Settings(home=str(Path(folder, "home"))), _own_plugins())
        try:
            result = CliRunner(env=_environment()).invoke(bourn, arguments, obj=session, prog_name="bourn")
        finally:
            session.close()
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return _anywhere(result.output, folder)


def _anywhere(said: str, folder: str) -> str:
    """What a command said, without what is true of this machine and this moment only."""
    said = said.replace(str(Path(folder, "home")), "~/.local/share/bourn").replace(folder, "~")
    said = said.replace(sys.executable, "~/bourn/.venv/bin/python").replace(platform.python_version(), "3.11")
    # Some other server of this machine may have the port.
    said = said.replace(", a server answers", ", no server answers: `bourn serve` starts one")
    return re.sub(r"loads in \d+ ms", "loads", said)


def _environment() -> dict[str, str | None]:
    """Nothing of this installation's settings."""
    settings = {name: None for name in os.environ if name.startswith("BOURN_")}
    return {**settings, "COLUMNS": str(WIDTH), "NO_COLOR": "1"}


def _own_plugins() -> Registry:
    """The plugins of the distributions that the distribution `bourn` installs."""
    requirements = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    own = {requirement.partition("=")[0].partition("[")[0] for requirement in requirements}
    entries, _ = scan()
    return Registry(entry for entry in entries if entry.distribution in own)


def _furnish(folder: Path, arguments: list[str]) -> None:
    (folder / "two.json").write_text("2\n", encoding="utf-8")
    if "scene.tif" in arguments:
        from bourn.cli.demo.scene import scene  # 1 s, for a screen that needs it

        session = Session(Settings(home=str(folder / "made")), _own_plugins())
        session.compute(scene(256), format="geotiff", file=folder / "scene.tif")
        session.close()


if __name__ == "__main__":
    sys.stdout.write(screen(shlex.join(sys.argv[1:])))
