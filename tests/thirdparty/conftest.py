"""Fresh environments into which wheels are installed, as on another machine."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command, cwd=None, env=None, timeout=300):
    """What a command says; it must succeed."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout


def uv(*arguments, cwd=None):
    # Quietly and behind whatever certificates the system has.
    return run(sys.executable, "-m", "uv", *arguments, cwd=cwd, env={**os.environ, "UV_SYSTEM_CERTS": "1"})


class Environment:
    """A virtual environment of its own, with a home of its own."""

    def __init__(self, folder, wheels, constraints):
        self.folder, self._wheels, self._constraints = folder, wheels, constraints
        self.bin = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        self.home = folder / "home"
        uv("venv", "--quiet", "--python", sys.executable, folder / "venv")

    def install(self, *what):
        """Install: what is bourn's own from the wheels built here, the rest in the versions that all is tested with."""
        pip = ["pip", "install", "--quiet", "--python", self.bin / "python", "--find-links", self._wheels]
        pip += ["--constraints", self._constraints, *what]
        try:
            uv(*pip, "--offline")  # all of it was installed once, for the tests themselves
        except AssertionError:
            uv(*pip)

    def uninstall(self, *what):
        uv("pip", "uninstall", "--quiet", "--python", self.bin / "python", *what)

    def run(self, program, *arguments, cwd=None, timeout=300):
        """What a program of the environment says."""
        clean = {name: text for name, text in os.environ.items() if not name.startswith(("BOURN_", "PYTHON", "COV"))}
        environment = {**clean, "BOURN_HOME": str(self.home), "NO_COLOR": "1", "COLUMNS": "100"}
        return run(self.bin / program, *arguments, cwd=cwd or self.folder, env=environment, timeout=timeout)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """The wheels of bourn, built as an index would have them."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, ROOT / "core", *sorted((ROOT / "plugins").glob("*/"))):
        if (project / "pyproject.toml").exists():
            uv("build", "--wheel", "--quiet", "--out-dir", folder, project)
    return folder


@pytest.fixture(scope="session")
def environment_of(wheels):
    """Makes environments: ``environment_of(folder)``."""
    own = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]
    constraints = wheels / "constraints.txt"
    constraints.write_text("\n".join(own["constraint-dependencies"]))
    return lambda folder: Environment(folder, wheels, constraints)
