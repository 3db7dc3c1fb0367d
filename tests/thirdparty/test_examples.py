"""Third-party distributions are installed for real, are seen by everything, are used, and are gone once removed."""

import json
import re
import sys

import pytest

from .conftest import ROOT, uv

pytestmark = pytest.mark.slow

PLUGINS = {"bucket": "destinations", "webhook": "destinations", "parquet": "formats"}
PROJECTS = {
    "bucket": ROOT / "examples" / "plugins" / "bucket",
    "webhook": ROOT / "examples" / "plugins" / "webhook",
    "parquet": ROOT / "plugins" / "tables",
}
DISTRIBUTIONS = {"bucket": "bourn-bucket", "webhook": "bourn-webhook", "parquet": "bourn-tables"}
VERSIONS = {"bucket": "1.0.0", "webhook": "1.0.0", "parquet": "0.1.0"}

LOOK = """
import json, bourn
registry = bourn.registry()
described = {role: sorted(getattr(registry, role)) for role in ("destinations", "formats")}
described["imported"] = [name for name in __import__("sys").modules if name.startswith("bourn_")]
described["matrix"] = {f"{to} {written}": list(cell.kinds) for (to, written), cell in registry.matrix().items()}
described["described"] = registry.describe()
described["problems"] = [list(map(str, problem)) for problem in registry.problems]
print(json.dumps(described))
"""


@pytest.fixture(scope="module")
def environment(environment_of, tmp_path_factory):
    """A machine with bourn, and no third-party plugin."""
    environment = environment_of(tmp_path_factory.mktemp("platform"))
    environment.install("bourn")
    return environment


@pytest.fixture(scope="module")
def plugin_wheels(tmp_path_factory):
    """Their wheels, by the name of the plugin."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in PLUGINS:
        uv("build", "--wheel", "--quiet", "--out-dir", folder, PROJECTS[name])
    return {name: next(folder.glob(f"{DISTRIBUTIONS[name].replace('-', '_')}-*.whl")) for name in PLUGINS}


def look(environment):
    return json.loads(environment.run("python", "-c", LOOK))


def described(environment):
    """All that bourn says of what is installed, as text."""
    parts = [environment.run("bourn", *words.split()) for words in ("list", "matrix", "schema")]
    if "docs" in environment.run("bourn", "--help").split():
        folder = environment.folder / "docs"
        environment.run("bourn", "docs", folder)
        parts += [f"{file.relative_to(folder)}\n{file.read_text()}" for file in sorted(folder.rglob("*.*"))]
    return "\n".join(parts)


def test_they_are_seen_once_installed_and_gone_once_removed(environment, plugin_wheels):
    """Lists, matrix, schema and documentation change with what is installed, and with no line of bourn's."""
    without, pages = look(environment), described(environment)
    environment.install(*plugin_wheels.values())
    having, more = look(environment), described(environment)

    assert having["imported"] == []
    assert having["problems"] == []
    for name, role in PLUGINS.items():
        assert name not in without[role]
        assert name in having[role]
        assert having["described"][role][name]["distribution"] == DISTRIBUTIONS[name]
        for text, seen in ((pages, False), (more, True)):
            assert bool(re.search(rf"\b{name}\b", text)) is seen
    assert having["matrix"]["bucket parquet"] == ["table", "features"]  # third parties that do not know each other
    assert having["matrix"]["download parquet"] == ["table", "features"]
    assert having["matrix"]["webhook parquet"] == []
    # The rest of the matrix is as it was.
    old = {pair: kinds for pair, kinds in having["matrix"].items() if not set(pair.split()) & {*PLUGINS, "csv"}}
    assert old == without["matrix"]

    environment.uninstall(*DISTRIBUTIONS.values())
    assert look(environment) == without
    assert described(environment) == pages


USE = """
import json, os, bourn
from pathlib import Path
import pyarrow as pa
folder = Path("bucket").absolute()
Path("bourn.toml").write_text(f'[plugins.bucket]\\nallow = ["{folder.as_uri()}"]')
os.environ["BOURN_SETTINGS"] = "bourn.toml"
to = {"type": "bucket", "url": folder.as_uri(), "key": "a.parquet"}
job = bourn.compute(pa.table({"a": [1, 2]}), destination=to, format="parquet", block=False).wait()
wrong = {"type": "webhook", "url": "https://a:b@example.org", "retires": 1}
try:
    bourn.compute(2, destination=wrong, format="json")
except bourn.errors.InvalidOptions as error:
    problems = [list(problem) for problem in error.problems]
print(json.dumps({"url": job.url, "read": (folder / "a.parquet").read_bytes()[:4].decode(), "problems": problems}))
"""


def test_they_are_used_by_their_names(environment, plugin_wheels, tmp_path):
    """One third party's format goes to another's destination; a third one's options are checked by core."""
    environment.install(*plugin_wheels.values())
    said = json.loads(environment.run("python", "-c", USE, cwd=tmp_path))
    assert said["url"] == (tmp_path / "bucket" / "a.parquet").as_uri()
    assert said["read"] == "PAR1"
    problems = dict(said["problems"])
    assert sorted(problems) == ["destination.retires", "destination.url"]
    assert "did you mean 'retries'" in problems["destination.retires"]


@pytest.mark.parametrize("name", PLUGINS)
def test_they_use_nothing_but_the_plugin_module(name):
    """Of bourn they import ``bourn.plugin`` only."""
    project = PROJECTS[name]
    for file in project.glob("src/**/*.py"):
        ours = re.findall(r"^\s*(?:from|import) (bourn\b(?:\.\w+)*)", file.read_text(), re.MULTILINE)
        assert set(ours) <= {"bourn.plugin"}, file
    for file in project.glob("tests/*.py"):
        ours = set(re.findall(r"^\s*(?:from|import) (bourn\b(?:\.\w+)*)", file.read_text(), re.MULTILINE))
        assert ours <= {"bourn", "bourn.errors", "bourn.testing"}, file


def test_their_names_are_known_without_importing_them(plugin_wheels, tmp_path):
    """Names, distributions and versions stand in the metadata."""
    from bourn.plugins.registry import Registry

    for wheel in plugin_wheels.values():
        uv("pip", "install", "--quiet", "--target", tmp_path, "--no-deps", wheel)
    before = set(sys.modules)
    registry = Registry.installed(paths=[str(tmp_path)])
    for name, role in PLUGINS.items():
        spec = getattr(registry, role)[name]
        assert (spec.distribution, spec.version, spec.loaded) == (DISTRIBUTIONS[name], VERSIONS[name], False)
    assert set(sys.modules) == before
