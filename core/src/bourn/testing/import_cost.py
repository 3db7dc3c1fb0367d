"""Heavy libraries that importing a module of a plugin loads, measured in a new process."""

from __future__ import annotations

import os
import subprocess
import sys

__all__ = ["HEAVY", "heavy_imports"]

HEAVY = ("dask", "numpy", "pandas", "pyarrow", "rasterio", "scipy", "sqlalchemy", "xarray")
"""Libraries that cost 0.1 s and more: for a plugin to import on first use."""

_LOOK = """
import importlib, sys
try:
    importlib.import_module(sys.argv[1])
except ModuleNotFoundError as error:
    sys.exit(3 if error.name == sys.argv[1].partition(".")[0] else str(error))
print(*[name for name in sys.argv[2:] if name in sys.modules])
"""


def heavy_imports(module: str) -> list[str] | None:
    """Which of `HEAVY` importing `module` loads; None where it can't be imported by that name, as in a test file.

    Raises
    ------
    RuntimeError
        Importing it fails; with what it said.
    """
    done = subprocess.run(  # noqa: S603  # this Python, and the name of a module that was imported here already
        [sys.executable, "-c", _LOOK, module, *HEAVY],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode == 3:  # noqa: PLR2004  # of the script above
        return None
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.split()
