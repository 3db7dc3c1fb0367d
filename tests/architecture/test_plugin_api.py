"""The plugin API: everything in it is documented with an example that runs, and it changes by its rules only."""

import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import bourn.plugin
import pytest

ROOT = Path(__file__).parents[2]


CONTEXT_ATTRIBUTES = {
    "job_id", "delivery_id", "attempt", "settings", "principal", "clock", "store", "database", "home",
    "format",
}  # fmt: skip
"""Documented together, in the docstring of the class."""


def _documented():
    """What `bourn.plugin` holds, and the methods of its classes that are contracts of ours."""
    for name in bourn.plugin.__all__:
        found = getattr(bourn.plugin, name)
        if not callable(found) or name in {
            "Image",
            "Session",
            "hookimpl",
        }:  # documented in bourn's own reference, and in pluggy's
            continue
        yield name, found
        if isinstance(found, type) and found.__module__.startswith("bourn.contract"):
            for method, value in vars(found).items():
                own = value.fget if isinstance(value, property) else value
                public = inspect.isfunction(own) and not method.startswith("_")
                if public and not (name == "Context" and method in CONTEXT_ATTRIBUTES):
                    yield f"{name}.{method}", own


@pytest.mark.parametrize(
    ("name", "found"), list(_documented()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_it_is_documented_with_an_example(name, found):
    assert ">>> " in inspect.getdoc(found)


def run(*command, cwd):
    return subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def repository(tmp_path):
    """A repository with core as it is, committed."""
    if importlib.util.find_spec("griffe") is None:
        pytest.skip("griffe is not installed")

    def git(*arguments):
        done = run("git", "-c", "user.name=T", "-c", "user.email=t@example.org", *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    for path in (ROOT / "core/src/bourn").rglob("*.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "As it is")
    return tmp_path, git


def check(folder):
    return run(sys.executable, ROOT / ".ci" / "interface.py", folder, cwd=folder)


def change(folder, file, old, new):
    path = folder / "core/src/bourn" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_without_a_tag_there_is_nothing_to_compare_with(repository):
    folder, _ = repository
    done = check(folder)
    assert (done.returncode, done.stdout) == (0, "bourn.plugin: no version has been tagged; nothing to compare with\n")


@pytest.mark.slow
def test_what_is_added_breaks_nobody(repository):
    folder, git = repository
    git("tag", "v0.1.0")
    change(
        folder,
        "contract/option.py",
        "    unit: str | None = None,\n",
        "    unit: str | None = None,\n    new: int = 0,\n",
    )
    done = check(folder)
    assert (done.returncode, done.stdout) == (0, "bourn.plugin: nothing breaks since v0.1.0\n")


BREAKING = {
    "an argument is gone": ("contract/option.py", "    unit: str | None = None,\n    ge", "    ge", "option"),
    "a step is gone": ("contract/destination.py", "def retract(self", "def _retract(self", "retract"),
    "a name is gone": ("plugin.py", '    "Transient",\n', "", "Transient"),
    "a step takes more": (
        "contract/destination.py", "def retract(self, options: OptionsT, context",
        "def retract(self, options: OptionsT, receipt: Receipt, context", "retract",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_plugins_is_red(repository, name):
    """Each is named with its place; a new version of the interface makes it legal, and is reported."""
    folder, git = repository
    git("tag", "v0.1.0")
    file, old, new, documented = BREAKING[name]
    change(folder, file, old, new)
    done = check(folder)
    assert done.returncode == 1, done.stdout + done.stderr
    assert documented in done.stdout
    assert "PLUGIN_API is still 1" in done.stdout

    change(folder, "contract/destination.py", "PLUGIN_API = 1\n", "PLUGIN_API = 2\n")
    done = check(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PLUGIN_API goes from 1 to 2" in done.stdout
