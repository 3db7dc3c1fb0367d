"""The journal of the author's guide keeps the contract: the guide shows the files that are run here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "plugins" / "journal"))

import pytest
from test_bourn_journal import TestJournal

pytestmark = pytest.mark.slow

__all__ = ["TestJournal"]
