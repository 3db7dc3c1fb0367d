"""The kit can fail: each broken destination is caught, and by the tests that should catch it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

HERE = Path(__file__).parent

AUTHOR = """
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

    def witness(self, receipt, job):
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

CAUGHT = {
    "HasNoHelp": {"it_says_what_it_is"},
    "HasNoDocstring": {"it_says_what_it_is"},
    "ShowsWhatItRefuses": {"its_examples_are_right"},
    "ChangesItsOptions": {"options_survive_their_json_form", "a_plan_survives_its_json_form"},
    "TakesAnyText": {"hostile_options_are_refused"},
    "NamesByChance": {"the_same_delivery_twice_is_one", "cancelled_after_it_leaves_nothing"},
    "RemembersInItself": {"the_same_delivery_twice_is_one"},
    "NamesByContent": {"equal_results_are_two_deliveries"},
    "TakesNothingBack": {"cancelled_after_it_leaves_nothing"},
    "IsSeenTooEarly": {"a_failure_in_the_middle_leaves_nothing", "cancelled_after_it_leaves_nothing"},
    "SwallowsFailures": {"a_failure_in_the_middle_leaves_nothing"},
    "NeedsALocalFile": {"the_artifact_may_be_elsewhere"},
    "LetsForeignErrorsOut": {"an_outage_is_waited_out", "an_outage_that_lasts_is_a_delivery_error"},
    "GivesUpAtOnce": {"an_outage_is_waited_out"},
    "TellsItsSecretInTheReceipt": {"secrets_appear_nowhere"},
    "TellsItsSecretWhenItFails": {"secrets_appear_nowhere"},
    "LogsItsSecret": {"secrets_appear_nowhere"},
    "ReservesAPlace": {"a_plan_touches_nothing"},
    "SharesItsState": {"threads"},
    "LoadsFromItself": {"its_result_is_had_from_another_session"},
    "LoadsALot": {"import_is_light"},
}
"""Broken destinations of `shelves`, and the tests that fail for them: these and no others."""

ALSO = {
    "NamesFormatsWrongly": {"it_loads_and_keeps_the_contract"},
    "CutsTheLastByte": {"it_delivers[json-value]"},
    "AnswersWithNoJSON": {"it_delivers[json-value]"},
}
"""Those with which so little works that other tests fail, too."""

BROKEN = {**CAUGHT, **ALSO}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Whether a test of the kit failed, by destination and test, in one process that an author might have started.

    All of them for the one that keeps the contract, for the others those that should catch them: all for all are 600.
    """
    folder = tmp_path_factory.mktemp("author")
    (folder / "test_shelves.py").write_text(AUTHOR)
    asked = [f"test_shelves.py::Test{name}::test_{test}" for name, tests in BROKEN.items() for test in sorted(tests)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "error",
         "--junitxml=out.xml", "-o", "junit_family=xunit1", "test_shelves.py::TestShelf", *asked],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])},
        cwd=folder, capture_output=True, text=True, timeout=250, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    found = {}
    for case in ET.parse(folder / "out.xml").iter("testcase"):
        bad = case.find("failure") is not None or case.find("error") is not None
        name, test = case.get("classname").rpartition(".Test")[2], case.get("name").removeprefix("test_")
        found.setdefault(name, {})[test] = bad
    return found


def test_the_one_that_keeps_the_contract_passes(outcomes):
    assert len(outcomes["Shelf"]) > 24
    assert not any(outcomes["Shelf"].values())


@pytest.mark.parametrize("name", BROKEN)
def test_it_is_caught_by(outcomes, name):
    assert outcomes[name] == dict.fromkeys(BROKEN[name], True)


def test_each_broken_one_is_tried():
    broken = {
        name
        for path in (HERE / "shelves.py", HERE / "heavy_shelves.py")
        for name in re.findall(r"^class (\w+)\((?:shelves\.)?Shelf\)", path.read_text(), re.MULTILINE)
    }
    assert broken == BROKEN.keys()
