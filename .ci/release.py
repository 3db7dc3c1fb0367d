"""Builds the distributions, checks them, and sets their version.

- ``python .ci/release.py build``: a wheel and an sdist of each into ``dist/``, checked by twine.
- ``python .ci/release.py check``: builds, installs the wheels into an empty environment, runs ``bourn doctor`` and
  ``bourn demo``, uninstalls, and looks for what was left.
- ``python .ci/release.py version X.Y.Z``: writes the version into every ``pyproject.toml``, dependencies included.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
TOOLS = ROOT / ".venv/bin"


def projects() -> list[Path]:
    """Folders of all distributions: the root, the core, the plugins."""
    return [
        ROOT,
        *sorted(path.parent for path in [ROOT / "core/pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]),
    ]


def run(*command: str | Path, **more: str) -> str:
    """Run a command; what it prints is returned, or shown where it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BOURN_", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [*map(str, command)],
        cwd=more.pop("cwd", ROOT),
        env=environment | more,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def build() -> None:
    """Build and check every distribution."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(TOOLS / "uv", "build", "--quiet", "--all-packages", "--out-dir", DIST)
    run(TOOLS / "uv", "build", "--quiet", "--out-dir", DIST, ROOT)
    files = sorted(path for path in DIST.iterdir() if path.suffix in {".whl", ".gz"})
    print(run(TOOLS / "uv", "tool", "run", "--quiet", "twine", "check", "--strict", *files), end="")
    for path in files:
        print(f"{path.stat().st_size / 1000:8.1f} kB  {path.name}")


def check() -> None:
    """Install from the wheels into an empty environment, use it, and take it away again."""
    build()
    with tempfile.TemporaryDirectory(prefix="bourn-release-") as folder:
        python, home = Path(folder, "venv/bin/python"), Path(folder, "home")
        run(TOOLS / "uv", "venv", "--quiet", "--python", sys.executable, Path(folder, "venv"))
        pip = (TOOLS / "uv", "pip")
        wheels = sorted(DIST.glob("*.whl"))
        run(*pip, "install", "--quiet", "--python", python, *wheels)
        bourn = python.with_name("bourn")
        print(run(bourn, "doctor", BOURN_HOME=str(home), cwd=folder), end="")
        print(run(bourn, "demo", BOURN_HOME=str(home), cwd=folder).splitlines()[-9])
        names = [re.match(r"(bourn(?:_\w+?)?)-\d", path.name)[1].replace("_", "-") for path in wheels]
        run(*pip, "uninstall", "--quiet", "--python", python, *names)
        left = sorted(str(path) for path in Path(folder, "venv").rglob("bourn*"))
        if left:
            sys.exit(f"left after uninstalling: {', '.join(left)}")
    print("installed, used, uninstalled")


def set_version(version: str) -> None:
    """Write the version of all distributions; they are released together."""
    for folder in projects():
        path = folder / "pyproject.toml"
        text = path.read_text(encoding="utf-8")
        text = re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', text, count=1)
        text = re.sub(r'("bourn(?:-\w+)?(?:\[[\w,]+\])?==)[^"]+"', rf'\g<1>{version}"', text)
        path.write_text(text, encoding="utf-8")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build")
    commands.add_parser("check")
    commands.add_parser("version").add_argument("version")
    given = parser.parse_args()
    {"build": build, "check": check, "version": lambda: set_version(given.version)}[given.command]()


if __name__ == "__main__":
    main()
