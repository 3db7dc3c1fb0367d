"""Each distribution has what an index asks for, and all of them have one version."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT, ROOT / "core", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]
PROJECTS = {
    folder: tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"] for folder in FOLDERS
}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_has_a_description_and_a_licence(folder):
    project = PROJECTS[folder]
    assert project["license"] == "Apache-2.0"
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert project["license-files"] == ["LICENSE"]
    assert len((folder / project["readme"]).read_text(encoding="utf-8")) > 200
    assert project["requires-python"] == ">=3.11"


def test_all_are_of_one_version():
    (version,) = {project["version"] for project in PROJECTS.values()}
    names = {project["name"] for project in PROJECTS.values()}
    for project in PROJECTS.values():
        extras = project.get("optional-dependencies", {}).values()
        for requirement in [*project.get("dependencies", []), *(each for extra in extras for each in extra)]:
            name, _, required = requirement.partition("==")
            if name.partition("[")[0] in names:
                assert required == version, requirement
