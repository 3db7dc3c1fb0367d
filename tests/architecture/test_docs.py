"""The documentation does what it says: its Python runs, its commands exist, its settings are taken, its links lead on.

Of every page, in its order: blocks of `python` are run, as doctests where they have prompts; `console` lines that begin
with `$ bourn` are parsed by the command line; `toml` is taken as settings. What can't be run here stands in a
`{code-block}`.
"""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from bourn.cli.commands import bourn

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[2] / "docs"
WHOLE_PROJECTS = DOCS / "plugins" / "new"  # made by `bourn new`, and tried as what they are by its tests
PAGES = sorted(
    path for path in DOCS.rglob("*.md") if "_build" not in path.parts and not path.is_relative_to(WHOLE_PROJECTS)
)
BLOCK = re.compile(r"^```(python|console|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

RUN = """
import doctest, sys
from datetime import timedelta
names, failed = {"timedelta": timedelta}, 0
for number, block in enumerate(sys.stdin.read().split(chr(0))):
    if ">>> " in block:
        test = doctest.DocTestParser().get_doctest(block, names, f"block {number}", None, 0)
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        failed += runner.run(test, clear_globs=False).failed
        names = test.globs
    elif block.strip():
        exec(compile(block, f"block {number}", "exec"), names)
sys.exit(bool(failed))
"""


def blocks(page, language):
    return [text for found, text in BLOCK.findall(page.read_text(encoding="utf-8")) if found == language]


def named(page):
    return str(page.relative_to(DOCS))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=named)
def test_what_a_page_shows_in_python_is_so(page, home, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", RUN], input=chr(0).join(blocks(page, "python")),
        cwd=tmp_path, env={**os.environ, "BOURN_HOME": str(home)}, capture_output=True, text=True, check=False,
        timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


COMMANDS = [
    (named(page), line[2:])
    for page in PAGES
    for text in blocks(page, "console")
    for line in text.splitlines()
    if line.startswith("$ bourn ")
]


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=lambda value: value)
def test_a_command_that_a_page_shows_exists(page, line, session):
    """Its options, and how many arguments it takes; nothing is run."""
    _, name, *arguments = shlex.split(line.partition(" > ")[0], comments=True)
    # With its settings: a command keeps the option for help that it makes here, and later tests ask it for -h.
    with click.Context(bourn, obj=session, **bourn.context_settings) as context:
        command = bourn.get_command(context, name)
        assert command is not None, name
        command.make_parser(context).parse_args(arguments)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=named)
def test_settings_that_a_page_shows_are_taken(page, home):
    from bourn import Settings

    home.mkdir(mode=0o700)
    for text in blocks(page, "toml"):
        if "entry-points" in text or "[project]" in text:
            continue  # the metadata of a plugin
        (home / "bourn.toml").write_text(text, encoding="utf-8")
        for key, value in tomllib.loads(text).items():
            assert getattr(Settings.load(), key) == value or key in {"database_url", "plugins"}


def test_links_between_pages_lead_somewhere():
    link = re.compile(r"\]\(([^)#:]+\.md)(?:#[\w-]+)?\)")
    targets = [(page, target) for page in PAGES for target in link.findall(page.read_text(encoding="utf-8"))]
    assert [(named(page), target) for page, target in targets if not (page.parent / target).exists()] == []
