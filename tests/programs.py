"""Programs that are not Python's and that tests need: found, or the test is skipped with the way to install it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

PACKAGES = {
    "bash": "bash",
    "ceph": "ceph-common",
    "ceph-authtool": "ceph-common",
    "ceph-mon": "ceph-mon",
    "ceph-osd": "ceph-osd",
    "chromium": "chromium",
    "curl": "curl",
    "exim4": "exim4-daemon-light",
    "initdb": "postgresql",
    "monmaptool": "ceph-common",
    "nginx": "nginx-light",
    "pg_ctl": "postgresql",
    "pgbouncer": "pgbouncer",
    "postgres": "postgresql",
    "radosgw": "radosgw",
    "radosgw-admin": "radosgw",
    "strace": "strace",
    "unshare": "util-linux",
}
"""The package of Debian and Ubuntu that has each program."""

OTHER_NAMES = {"chromium": ("chromium-browser", "google-chrome")}

WITHOUT = "TESTS_WITHOUT"
"""Variable with packages, separated by commas, that are taken for missing: other machines are tried on this one."""


class MissingProgram(Exception):
    """A program that a test needs is not installed here."""


def find(name: str) -> str:
    """Path of a program; PostgreSQL's newest version first. Raises MissingProgram."""
    package = PACKAGES[name]
    postgresql = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    path = os.pathsep.join([*map(str, postgresql), os.environ.get("PATH", ""), "/usr/sbin"])
    found = next(filter(None, (shutil.which(each, path=path) for each in (name, *OTHER_NAMES.get(name, ())))), None)
    if found is None or package in os.environ.get(WITHOUT, "").split(","):
        msg = f"{name} is not installed: apt-get install {package}"
        raise MissingProgram(msg)
    return found


def require(name: str) -> str:
    """Path of a program, or the test is skipped with the reason; in continuous integration it fails instead."""
    try:
        return find(name)
    except MissingProgram as missing:
        skip(str(missing))


def skip(reason: str):
    """Skip the test; in continuous integration nothing is skipped."""
    if os.environ.get("CI"):
        pytest.fail(f"nothing is skipped in CI: {reason}")
    pytest.skip(reason)
