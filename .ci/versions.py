"""Installs every distribution at its lowest and newest direct versions, on each Python that is found, and uses it.

``python .ci/versions.py [--suite]``: each distribution alone is installed from its wheel, imported, and its plugins are
loaded; with ``--suite`` all of them together also run the fast tests. Interpreters are looked for under the names
``python3.11`` and so on, and among those of uv and pyenv (``uv python install 3.13``, ``pyenv install 3.13``).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
RESOLUTIONS = ("lowest-direct", "highest")
UV = shutil.which("uv", path=f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ.get('PATH', '')}") or "uv"

USE = """
import importlib, sys
import bourn
for name in sys.argv[1:]:
    importlib.import_module(name)
registry = bourn.registry()
for spec in [*registry.destinations.values(), *registry.formats.values()]:
    spec.load()
    spec.schema
assert not registry.problems, registry.problems
import subprocess
subprocess.run([sys.executable, "-m", "bourn.cli", "--help"], check=True, capture_output=True)
if registry.formats and registry.destinations:
    import numpy as np
    from odc.geo.geobox import GeoBox
    grid = GeoBox.from_bbox((500000, 4000000, 500160, 4000160), "EPSG:32613", resolution=10)
    image = bourn.Image(np.ones((1, 16, 16), "uint16"), bands=["red"], geobox=grid)
    for result in ({"a": [1, 2.5, None]}, np.arange(6.0).reshape(2, 3), image):
        for name in registry.formats:
            if name == "geotiff" and result is not image:
                continue
            bourn.compute(result, format=name)
"""


def interpreters() -> dict[str, str]:
    """Path of each supported Python that is installed."""
    found = {}
    for version in PYTHONS:
        candidates = [
            shutil.which(f"python{version}"),
            *sorted(map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))),
        ]
        asked = subprocess.run(
            [UV, "python", "find", "--no-project", version], capture_output=True, text=True, check=False
        )
        candidates.append(asked.stdout.strip() if asked.returncode == 0 else None)
        for path in filter(None, candidates):
            if subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout.startswith(
                f"Python {version}"
            ):
                found[version] = path
                break
    return found


def install(folder: Path, python: str, resolution: str, projects: list[Path], wheels: Path, *more: str) -> Path:
    """Make a virtual environment with the dependencies of some projects and their wheels; gives its Python."""
    run(UV, "venv", "--quiet", "--no-project", "--python", python, folder)
    inside = folder / "bin" / "python"
    common = ("--quiet", "--python", inside, "--find-links", wheels)
    requirements = [argument for project in projects for argument in ("-r", project / "pyproject.toml")]
    run(UV, "pip", "install", *common, "--resolution", resolution, "--only-binary", ":all:", *requirements, *more)
    names = [tomllib.loads((project / "pyproject.toml").read_text())["project"]["name"] for project in projects]
    run(UV, "pip", "install", *common, "--no-deps", *names)
    return inside


def run(*command: object, cwd: Path | None = None) -> None:
    """Run a command; its output is shown if it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOURN_")}
    with tempfile.TemporaryDirectory() as folder:
        environment |= {"BOURN_HOME": folder, "UV_SYSTEM_CERTS": "1"}
        done = subprocess.run(
            [*map(str, command)], cwd=cwd or folder, env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


def main() -> int:
    """Try all combinations; the first failure ends the run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--suite", action="store_true", help="run the fast tests, too")
    parser.add_argument("--python", action="append", help="only this version")
    arguments = parser.parse_args()
    found = {name: path for name, path in interpreters().items() if name in (arguments.python or PYTHONS)}
    missing = sorted(set(arguments.python or PYTHONS) - set(found))
    print(f"Python {', '.join(found)}" + (f" (not found: {', '.join(missing)})" if missing else ""), flush=True)
    projects = [ROOT / "core", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]
    development = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        run(UV, "build", "--quiet", "--wheel", "--all-packages", "--out-dir", work / "wheels", cwd=ROOT)
        for version, python in found.items():
            for resolution in RESOLUTIONS:
                for project in projects:
                    chosen = [ROOT / "core"] if project.name == "core" else [ROOT / "core", project]
                    inside = install(work / "alone", python, resolution, chosen, work / "wheels")
                    run(
                        inside,
                        "-W",
                        "ignore",
                        "-c",
                        USE,
                        *[path.name for path in project.glob("src/*") if path.is_dir()],
                    )
                    shutil.rmtree(work / "alone")
                    print(f"ok  {version}  {resolution:13}  {project.name}", flush=True)
                if arguments.suite:
                    inside = install(work / "all", python, resolution, projects, work / "wheels", *development)
                    run(
                        inside,
                        "-m",
                        "pytest",
                        "-q",
                        "-n",
                        "auto",
                        "-m",
                        "not deep and not servers and not slow",
                        "tests",
                        cwd=ROOT,
                    )
                    shutil.rmtree(work / "all")
                    print(f"ok  {version}  {resolution:13}  fast tests", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
