"""The architecture: what an import may load, what public modules hold, how large files are."""

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


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import bourn; r = bourn.registry(); list(r.destinations), list(r.formats)",
        "import bourn; bourn.Settings, bourn.Session(), bourn.errors, bourn.Job",
        "import bourn.plugin",
        "import bourn.cli",
        "import bourn_download",
        "import bourn_email.plugin, bourn_email.hooks",
        "import bourn_tables.csv, bourn_tables.parquet, bourn_pictures.plugin, bourn_cubes.netcdf",
        "import bourn_formats.json, bourn_formats.pyarrow, bourn_formats.geotiff, bourn_formats.msgpack",
        "import bourn_formats.geojson",
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
def test_a_public_module_has_all_its_names(name):
    module = importlib.import_module(name)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []


def test_no_public_function_is_hidden_by_a_module():
    modules = {path.stem for path in (ROOT / "core/src/bourn").iterdir()}
    assert modules & {"compute", "plan", "jobs", "registry"} == set()


LARGE = {
    "core/src/bourn/errors.py": "the whole tree of errors, in one place",
    "core/src/bourn/image/image.py": "the Image: its methods pass on to the modules beside it",
    "core/src/bourn/image/reproject.py": "one algorithm, from the target's blocks to the source's windows",
    "core/src/bourn/image/resample.py": "one kernel for each resampling",
    "core/src/bourn/job/engine.py": "the engine: to be divided into submitting and taking up",
    "core/src/bourn/job/job.py": "the Job: its public methods",
    "core/src/bourn/session.py": "the Session: the public signatures with their docstrings",
    "core/src/bourn/store/objects.py": "object stores: small objects, parts, and translation of errors",
}
"""Files of more than 400 lines, each with its reason."""


def test_large_files_have_a_reason():
    files = [*ROOT.glob("core/src/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
    large = {str(file.relative_to(ROOT)) for file in files if len(file.read_text().splitlines()) > 400}
    assert large == set(LARGE)


def test_every_file_says_what_it_is_for():
    files = [*ROOT.glob("core/src/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]
    assert [str(file) for file in files if not file.read_text().lstrip().startswith(('"""', 'r"""'))] == []


def test_imports_follow_the_layers():
    pytest.importorskip("importlinter")
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
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
