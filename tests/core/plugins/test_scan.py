"""Names are read from metadata by the rules of importlib.metadata, and cost less than it."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import zipfile

import pytest
from bourn.plugins.entry_points import GROUPS, Entry
from bourn.plugins.installed import normal_name, scan

TEXT = "[bourn.formats]\nx = {module}:X\n"


def distribution(folder, name, version="1", text=None, kind="dist-info", module="m"):
    info = folder / f"{name}-{version}.{kind}"
    info.mkdir(parents=True)
    headers = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
    (info / ("METADATA" if kind == "dist-info" else "PKG-INFO")).write_text(headers)
    if text is not False:
        (info / "entry_points.txt").write_text(text or TEXT.format(module=module))


def found(*folders):
    entries, problems = scan([str(folder) for folder in folders])
    assert problems == []
    return entries


def test_entries_carry_name_place_distribution_and_version(tmp_path):
    text = """
        # a comment
        [console_scripts]
        bourn = bourn.cli:main
        [bourn.destinations]
        ; another
        email=a.b:C.D
        [ bourn.hooks ]
        email  =  a.hooks
        [bourn.formats]
        old = a:B [extra]
        [other]
        x = y
    """
    distribution(tmp_path, "bourn_email", "1.2", text)
    assert [
        Entry("destination", "email", "a.b", "C.D", "bourn-email", "1.2"),
        Entry("hook", "email", "a.hooks", "", "bourn-email", "1.2"),
        Entry("format", "old", "a", "B", "bourn-email", "1.2"),
    ] == found(tmp_path)


def test_the_first_distribution_of_a_name_on_the_path_hides_the_others(tmp_path):
    distribution(tmp_path / "one", "my_plugin", "1", module="first")
    distribution(tmp_path / "two", "My.Plugin", "2", module="second")
    distribution(tmp_path / "three", "my_plugin", "3", False)
    assert [entry.module for entry in found(tmp_path / "one", tmp_path / "two")] == ["first"]
    assert found(tmp_path / "three", tmp_path / "two") == []


def test_eggs_and_zips_are_left_to_importlib(tmp_path):
    egg = tmp_path / "old.egg"
    (egg / "EGG-INFO").mkdir(parents=True)
    (egg / "EGG-INFO" / "PKG-INFO").write_text("Name: old\nVersion: 1\n")
    (egg / "EGG-INFO" / "entry_points.txt").write_text(TEXT.format(module="egg"))
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("packed-2.dist-info/METADATA", "Name: packed\nVersion: 2\n")
        archive.writestr("packed-2.dist-info/entry_points.txt", TEXT.format(module="zipped"))
    assert [(entry.module, entry.distribution, entry.version) for entry in found(egg, packed)] == [
        ("egg", "old", "1"),
        ("zipped", "packed", "2"),
    ]


def test_egg_info_folders_are_read_and_egg_info_files_ignored(tmp_path):
    distribution(tmp_path, "developed", "1", kind="egg-info")
    (tmp_path / "flat-1.egg-info").write_text("Name: flat\n")
    assert [entry.distribution for entry in found(tmp_path)] == ["developed"]


def test_what_is_no_folder_and_what_pip_left_behind_is_ignored(tmp_path):
    distribution(tmp_path, "~ourn_email")
    assert found(tmp_path, tmp_path / "missing", "/dev/null", "") == []


def test_the_finder_of_importlib_metadata_is_not_asked(monkeypatch):
    """The package adds one that reads all of sys.path again, at 1 ms a distribution, each time."""
    finder = pytest.importorskip("importlib_metadata").MetadataPathFinder()
    asked = []
    monkeypatch.setattr(type(finder), "find_distributions", lambda self, context: asked.append(context) or [])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    scan()
    assert asked == []


def test_a_finder_of_somebody_elses_is_asked(tmp_path, monkeypatch):
    distribution(tmp_path, "found", module="foreign")

    class Finder:
        def find_spec(self, name, path=None, target=None):
            return None

        def find_distributions(self, context):
            within = importlib.metadata.DistributionFinder.Context(path=[str(tmp_path)])
            return importlib.metadata.MetadataPathFinder.find_distributions(within)

    class Broken(Finder):
        def find_distributions(self, context):
            raise SystemExit

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder(), Broken()])
    monkeypatch.setattr(sys, "path", [])
    entries, problems = scan()
    assert [entry.module for entry in entries] == ["foreign"]
    assert [(p.distribution, p.reason) for p in problems] == [("Broken", "can't be searched: SystemExit")]


def test_missing_metadata_leaves_the_folders_name(tmp_path):
    distribution(tmp_path, "my_plugin", "1.5")
    (tmp_path / "my_plugin-1.5.dist-info" / "METADATA").unlink()
    entries, (problem,) = scan([str(tmp_path)])
    assert (entries[0].distribution, entries[0].version) == ("my_plugin", "1.5")
    assert problem.reason.startswith("METADATA can't be read: FileNotFoundError")


def test_the_scan_agrees_with_importlib_metadata_here():
    entries, problems = scan()
    assert problems == []
    expected = {
        (GROUPS[entry.group], entry.name, entry.value, entry.dist.name, entry.dist.version)
        for group in GROUPS
        for entry in importlib.metadata.entry_points(group=group)
    }
    assert expected == {(e.role, e.name, e.value, e.distribution, e.version) for e in entries}


@pytest.mark.parametrize("name", ["a-b", "A_B", "a.b", "a--b", "a-_.b"])
def test_names_are_compared_as_pep_503_says(name):
    assert normal_name(name) == "a-b"


def test_listing_names_imports_nothing_heavy():
    code = (
        "import sys; from bourn.plugins.registry import Registry; registry = Registry.installed()\n"
        "assert list(registry.formats)\n"
        "heavy = 'attr attrs cattrs jsonschema pluggy logging numpy inspect importlib.metadata'.split()\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
