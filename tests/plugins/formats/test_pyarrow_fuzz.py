"""Damaged and hostile streams by the thousand, in a process of its own: nothing is run, opened or hoarded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.deep

DEEP = 10 if os.environ.get("BOURN_DEEP") else 1

SCRIPT = Path(__file__).parent / "hostile_streams.py"


@pytest.mark.parametrize(("kind", "count"), [("random", 1000), ("damaged", 5000), ("described", 5000)])
def test_hostile_streams(record_property, kind, count):
    """Each is refused by a ValueError or read as some result; a crash of the process would fail the test, too."""
    command = [sys.executable, "-W", "ignore", str(SCRIPT), kind, str(count * DEEP), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    record_property(f"examples: streams to the pyarrow decoder, {kind}", found["decoded"] + found["refused"])
    assert found["foreign"] == []
    assert found["events"] == []
    assert found["memory"] < 200
    assert found["refused"] > 0
