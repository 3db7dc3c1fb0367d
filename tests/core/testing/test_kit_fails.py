"""The kit can fail: each broken plugin is caught, and by the tests that should catch it.

Which those are stands in ``docs/plugins/broken.csv``, the table that the documentation shows.
"""

import ast
import csv
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
TABLE = HERE.parents[2] / "docs" / "plugins" / "broken.csv"

SHELVES = """
from contextlib import contextmanager
from pathlib import Path

import pytest
import heavy_shelves
import shelves

from bourn.testing import DestinationContract


class Shelves(DestinationContract):
    name = "shelf"

    @pytest.fixture
    def options(self, tmp_path):
        self.folder = tmp_path / "shelf"
        return {"folder": str(self.folder)}

    def read_back(self, receipt, job):
        return Path(receipt.detail["path"]).read_bytes()

    def visible(self):
        return [path for path in self.folder.glob("*") if path.name[0] != "."]

    @contextmanager
    def outage(self):
        away = self.folder.with_name("away")
        if self.folder.exists():
            self.folder.rename(away)
        self.folder.touch()
        yield
        self.folder.unlink()
        if away.exists():
            away.rename(self.folder)


for module in (shelves, heavy_shelves):
    for name, cls in vars(module).copy().items():
        if isinstance(cls, type) and issubclass(cls, shelves.Shelf):
            globals()[f"Test{name}"] = type(f"Test{name}", (Shelves,), {"destination": cls})
"""

SCROLLS = """
import json

import heavy_scrolls
import scrolls

from bourn.testing import FormatContract


class Scrolls(FormatContract):
    name = "scroll"

    def read_back(self, data, kind, result):
        header, _, values = data.partition(b"\\n")
        read = json.loads(header)
        assert (tuple(read["shape"]), read["dtype"]) == (result.shape, result.dtype.str)
        assert values == result.tobytes()


for module in (scrolls, heavy_scrolls):
    for name, cls in vars(module).copy().items():
        if isinstance(cls, type) and issubclass(cls, scrolls.Scroll):
            globals()[f"Test{name}"] = type(f"Test{name}", (Scrolls,), {"format": cls})
"""

AUTHORS = {"destination": SHELVES, "format": SCROLLS}
SOUND = {"destination": "Shelf", "format": "Scroll"}
FILES = {"destination": ("shelves", "heavy_shelves"), "format": ("scrolls", "heavy_scrolls")}

with TABLE.open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
BROKEN = {(row["role"], row["plugin"]): row["caught by"].split("; ") for row in ROWS}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Whether a test of the kit failed, by plugin and test, in one process that an author might have started.

    All of them for the one that keeps the contract, for the others those that should catch them: all for all are 1,200.
    """
    folder = tmp_path_factory.mktemp("author")
    asked = []
    for role, author in AUTHORS.items():
        (folder / f"test_{role}.py").write_text(author)
        asked.append(f"test_{role}.py::Test{SOUND[role]}")
    asked += [f"test_{role}.py::Test{name}::{test}" for (role, name), tests in BROKEN.items() for test in tests]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "error",
         "--junitxml=out.xml", "-o", "junit_family=xunit1", *asked],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])},
        cwd=folder, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    found = {}
    for case in ET.parse(folder / "out.xml").iter("testcase"):
        bad = case.find("failure") is not None or case.find("error") is not None
        role, _, name = case.get("classname").removeprefix("test_").partition(".Test")
        found.setdefault((role, name), {})[case.get("name")] = bad
    return found


@pytest.mark.parametrize("role", AUTHORS)
def test_the_one_that_keeps_the_contract_passes(outcomes, role):
    tests = outcomes[role, SOUND[role]]
    assert len(tests) > 24
    assert not any(tests.values())


@pytest.mark.parametrize(("role", "name"), BROKEN)
def test_it_is_caught_by(outcomes, role, name):
    assert outcomes[role, name] == dict.fromkeys(BROKEN[role, name], True)


@pytest.mark.parametrize("role", AUTHORS)
def test_each_broken_one_is_tried_and_reported(role):
    """The table has every class, in words that are its own docstring's."""
    documented = {}
    for file in FILES[role]:
        for node in ast.parse((HERE / f"{file}.py").read_text()).body:
            if isinstance(node, ast.ClassDef) and SOUND[role] in [
                ast.unparse(base).rpartition(".")[2] for base in node.bases
            ]:
                documented[node.name] = ast.get_docstring(node) or "It has no docstring."
    assert documented == {row["plugin"]: row["what is wrong with it"] for row in ROWS if row["role"] == role}
    assert len(documented) >= 15
