"""The house itself: what an import may load, what the doors hold, how big the rooms are."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = {
    "alembic", "dask", "msgpack", "numpy", "obstore", "odc", "orjson", "pandas", "pyarrow", "pyproj", "rasterio",
    "rich", "shapely", "smtplib", "sqlalchemy", "starlette", "uvicorn", "xarray",
}  # fmt: skip


def loaded_by(code):
    """Top-level modules that a new process has after `code`, beyond those that it starts with."""
    ask = "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    say = f"import sys; before = set(sys.modules)\n{code}\n{ask}"
    done = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_import_bourn_loads_nothing():
    assert loaded_by("import bourn") - {"__future__"} == {"bourn"}


@pytest.mark.parametrize(
    "code",
    [
        "import bourn; r = bourn.registry(); list(r.destinations), list(r.formats)",
        "import bourn; bourn.Settings, bourn.Session(), bourn.errors, bourn.Job",
        "import bourn.plugin",
        "import bourn.cli",
        "import bourn_download",
        "import bourn_email.plugin, bourn_email.hooks",
        "import bourn_formats.json, bourn_formats.pyarrow, bourn_formats.geotiff, bourn_formats.msgpack",
    ],
)
def test_what_is_only_named_is_not_loaded(code, home):
    assert loaded_by(code) & HEAVY == set()


def test_names_alone_need_not_even_attrs(home):
    loaded = loaded_by("import bourn; r = bourn.registry(); list(r.destinations), list(r.formats)")
    assert loaded & {"attr", "attrs", "cattrs", "importlib_metadata", "jsonschema", "pluggy"} == set()


def test_a_plan_needs_neither_database_nor_arrays(home):
    loaded = loaded_by("import bourn; bourn.plan(2, format='json')")
    assert loaded & (HEAVY - {"orjson"}) == set()


def test_a_plan_touches_nothing(home):
    import bourn

    bourn.Session().plan({"a": [1]}, format="json")
    assert not home.exists()


@pytest.mark.parametrize("name", ["bourn", "bourn.plugin", "bourn.errors", "bourn.testing"])
def test_a_door_holds_what_it_says(name):
    door = importlib.import_module(name)
    assert [each for each in door.__all__ if not hasattr(door, each)] == []


def test_no_public_function_is_hidden_by_a_room():
    rooms = {path.stem for path in (ROOT / "core/src/bourn").iterdir()}
    assert rooms & {"compute", "plan", "jobs", "registry"} == set()


def test_rooms_are_small():
    """A file of more than 400 lines needs a reason, and would have to be named here with it."""
    files = [*ROOT.glob("core/src/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
    assert [str(file.relative_to(ROOT)) for file in files if len(file.read_text().splitlines()) > 400] == []


def test_every_file_says_what_it_is_for():
    files = [*ROOT.glob("core/src/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
    assert [str(file) for file in files if not file.read_text().lstrip().startswith(('"""', 'r"""'))] == []


def test_imports_go_down_the_stairs():
    pytest.importorskip("importlinter")
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_readme_does_what_it_says(home):
    """In a process of its own: the default session is made on first use, with the home that the environment names."""
    done = subprocess.run(
        [sys.executable, "-m", "doctest", "-o", "ELLIPSIS", str(ROOT / "README.md")],
        cwd=home.parent, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_versions_agree():
    import tomllib

    files = [ROOT / "pyproject.toml", ROOT / "core/pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]
    versions = {str(file): tomllib.loads(file.read_text())["project"]["version"] for file in files}
    import bourn

    assert set(versions.values()) == {bourn.__version__}
