"""``bourn new`` makes a project that installs from wheels, is found, and keeps what every plugin should."""

import re

import pytest

pytestmark = pytest.mark.slow

NEEDS = ["bourn", "bourn-core[new,testing]"]


@pytest.fixture(scope="module")
def environment(environment_of, tmp_path_factory):
    """A machine on which somebody has installed bourn, and wants to write a plugin."""
    environment = environment_of(tmp_path_factory.mktemp("author"))
    environment.install(*NEEDS)
    return environment


@pytest.mark.parametrize(("role", "name", "tests"), [("destination", "my-shelf", 30), ("format", "npy", 17)])
def test_what_is_made_passes_its_own_tests(environment, role, name, tests):
    """Made, installed with nothing but wheels, found by `bourn doctor`, and tested: nothing fails."""
    said = environment.run("bourn", "new", role, name)
    project = environment.folder / f"bourn-{name}"
    assert f"pytest {project.name}" in said

    environment.install("-e", f"{project}[test]")
    assert name in environment.run("bourn", "list")
    assert "No problems" in environment.run("bourn", "doctor")
    said = environment.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=project)
    assert int(re.search(r"(\d+) passed", said)[1]) >= tests, said
    assert "failed" not in said
