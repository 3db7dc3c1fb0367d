"""The pages on the design name files and tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DESIGN = ROOT / "docs" / "design"


def test_the_tests_of_the_promises_exist():
    named = re.findall(r"`([a-z_/]+\.py)(?:::(\w+))?`", (DESIGN / "promises.md").read_text())
    assert len(named) > 30
    missing = [
        (file, test) for file, test in named
        if not (ROOT / "tests" / file).is_file() or f"def {test}" not in (ROOT / "tests" / file).read_text()
    ]  # fmt: skip
    assert missing == []


@pytest.mark.parametrize("page", ["architecture.md", "changes.md"])
def test_the_files_that_a_page_names_exist(page):
    folders = [
        ROOT / "core/src/bourn",
        *ROOT.glob("plugins/*/src/*"),
        *ROOT.glob("plugins/*/src"),
        ROOT,
        ROOT / "plugins",
    ]
    named = re.findall(r"`([a-z_]+/(?:[a-z_/]+(?:\.py)?)?|[a-z_]+\.py)`", (DESIGN / page).read_text())
    assert len(named) > 10
    assert [name for name in named if not any((folder / name).exists() for folder in folders)] == []
