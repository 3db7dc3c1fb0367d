"""A stranger's distribution is installed for real, is seen by everything, is used, and is gone once it is removed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bourn.discovery.registry import Registry

PROJECT = Path(__file__).parents[2] / "examples" / "plugins" / "webhook"


def uv(*arguments):
    # Quietly and behind whatever certificates the system has.
    environment = {**os.environ, "UV_SYSTEM_CERTS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "uv", *map(str, arguments)],
        env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built as an index would have it."""
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--quiet", "--out-dir", folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture
def installed(wheel, tmp_path):
    """A folder into which the wheel is installed."""
    folder = tmp_path / "site"
    uv("pip", "install", "--quiet", "--target", folder, "--no-deps", wheel)
    return folder


def ask(code, home, *path):
    """What a fresh Python prints that has these folders on its path."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "BOURN_HOME": str(home), "PYTHONPATH": os.pathsep.join(map(str, path))},
        cwd=home, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


LOOK = """
import json, bourn
registry = bourn.registry()
print(json.dumps({
    "destinations": sorted(registry.destinations),
    "matrix": {f"{to} {written}": list(cell.kinds) for (to, written), cell in registry.matrix().items()},
    "described": sorted(registry.describe()["destinations"]),
}))
"""


def test_it_is_seen_once_installed_and_gone_once_removed(installed, tmp_path):
    without = ask(LOOK, tmp_path)
    having = ask(LOOK, tmp_path, installed)
    added = {pair for pair in having["matrix"] if pair.startswith("webhook ")}

    assert "webhook" not in without["destinations"]
    assert having["destinations"] == sorted([*without["destinations"], "webhook"]) == having["described"]
    assert having["matrix"]["webhook json"]
    assert having["matrix"]["webhook pyarrow"] == []
    # The rest of the matrix is as it was.
    assert {pair: kinds for pair, kinds in having["matrix"].items() if pair not in added} == without["matrix"]

    uv("pip", "uninstall", "--quiet", "--target", installed, "bourn-webhook")
    assert ask(LOOK, tmp_path, installed) == without


def test_its_name_is_known_without_importing_it(installed):
    before = set(sys.modules)
    spec = Registry.installed(paths=[str(installed)]).destinations["webhook"]
    assert (spec.distribution, spec.version, spec.loaded) == ("bourn-webhook", "1.0.0", False)
    assert not {name for name in set(sys.modules) - before if name.startswith("bourn_webhook")}


USE = """
import json, bourn
try:
    bourn.compute(2, destination={"type": "webhook", "url": "https://a:b@example.org", "retires": 1}, format="json")
except bourn.errors.InvalidOptions as error:
    print(json.dumps([list(problem) for problem in error.problems]))
"""


def test_its_options_are_checked_by_core(installed, tmp_path):
    problems = dict(ask(USE, tmp_path, installed))
    assert sorted(problems) == ["destination.retires", "destination.url"]
    assert "did you mean 'retries'" in problems["destination.retires"]


def test_it_uses_nothing_but_the_plugin_module():
    text = (PROJECT / "src" / "bourn_webhook" / "__init__.py").read_text()
    ours = [line for line in text.splitlines() if line.startswith(("from bourn", "import bourn"))]
    assert ours == [line for line in ours if line.startswith("from bourn.plugin import")]
    assert len(ours) == 1
