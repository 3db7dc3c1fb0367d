"""``bourn new``: a project from a template, and what it refuses; tests/thirdparty installs what it makes."""

import ast
import builtins
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SHOWN = Path(__file__).parents[3] / "docs" / "plugins" / "new"


@pytest.fixture
def new(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: run("new", *arguments)


@pytest.mark.parametrize("role", ["destination", "format"])
@pytest.mark.parametrize("name", ["cupboard", "path", "none", "any", "sink", "a-b_c", "x1", "a" * 56])
def test_its_files_hide_nothing_that_they_import(new, tmp_path, role, name):
    """The class has a name of its own, whatever the plugin's is, and each file is Python."""
    assert new(role, name).exit_code == 0
    folder = tmp_path / f"bourn-{name.replace('_', '-')}"
    (module,) = folder.glob("src/*/__init__.py")
    tree = ast.parse(module.read_text())
    imported = {alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)
                for alias in node.names}  # fmt: skip
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    assert len(classes) == 2
    assert classes & (imported | set(dir(builtins))) == set()
    for file in folder.glob("**/*.py"):
        ast.parse(file.read_text())
    assert f'"{name}' in (folder / "tests" / f"test_{module.parent.name}.py").read_text()
    assert "{{" not in "".join(file.read_text() for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("name", ["Shelf", "1st", "", "a b", "../x", "a" * 57, "-x", "ä"])
def test_what_can_not_be_a_name(new, tmp_path, name):
    said = new("destination", "--", name)
    assert said.exit_code == 2
    assert "can't be a name" in said.output
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken(new):
    said = new("format", "text")
    assert said.exit_code == 2
    assert "the format 'text' is installed already, by given" in said.output


def test_another_role_is_named(new):
    assert "'destination', 'format'" in new("source", "x").output


def test_a_folder_that_is_not_empty_is_left_alone(new, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    said = new("destination", "cupboard", "--into", "mine")
    assert said.exit_code == 1
    assert "mine is not empty" in said.output
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_without_copier_it_says_what_to_install(new, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "copier", None)
    said = new("destination", "cupboard")
    assert said.exit_code == 1
    assert "pip install 'bourn-core[new]'" in said.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("role", "name"), [("destination", "shelf"), ("format", "npy")])
def test_the_guide_shows_what_is_made(tmp_path, role, name):
    """Else: bourn new ROLE NAME --into docs/plugins/new/bourn-NAME, after that folder is removed."""
    import copier
    from bourn.cli.new.command import TEMPLATE

    copier.run_copy(str(TEMPLATE), tmp_path, data={"role": role, "name": name}, defaults=True, quiet=True)
    made = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    shown = SHOWN / f"bourn-{name}"
    assert made == {str(path.relative_to(shown)): path.read_text() for path in shown.rglob("*") if path.is_file()}
