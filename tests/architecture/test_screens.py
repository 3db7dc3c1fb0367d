"""What the README shows of the command line is what the command line says."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def cog(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "cogapp", "-I", str(ROOT / "docs"), *arguments],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


@pytest.mark.slow
def test_the_readme_is_current():
    """Else: python -m cogapp -r -I docs README.md."""
    done = cog("--check", str(ROOT / "README.md"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def readme(tmp_path):
    file = tmp_path / "README.md"
    file.write_text('<!-- [[[cog import screens; screens.show("bourn show json") ]]] -->\n<!-- [[[end]]] -->\n')
    return file


@pytest.mark.slow
def test_a_screen_is_a_real_one(readme):
    """Cog writes what the command says, as a block, and then finds nothing to change."""
    assert cog("--check", str(readme)).returncode != 0
    assert cog("-r", str(readme)).returncode == 0
    text = readme.read_text()
    assert "```console\n$ bourn show json\njson  format, bourn-formats" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 120
    assert cog("--check", str(readme)).returncode == 0
