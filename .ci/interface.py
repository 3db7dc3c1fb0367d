"""Whether `bourn.plugin` breaks plugins of the last tagged version: ``python .ci/interface.py [REPOSITORY]``.

Exit status 1 if it does and `PLUGIN_API` was not raised. What is added breaks nobody.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import griffe

PACKAGE = "bourn"
API = "bourn.plugin"
SOURCE = Path("core") / "src"


def last_tag(repository: Path) -> str | None:
    """The newest version's tag that this commit comes after."""
    done = _git(repository, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")
    return done.stdout.strip() if done.returncode == 0 else None


def read_api(source: Path) -> griffe.Module:
    """What plugins import, with what stands behind each name."""
    package = griffe.load(PACKAGE, search_paths=[source], allow_inspection=False, resolve_aliases=True)
    found = package["plugin"]
    assert isinstance(found, griffe.Module)
    return found


def version(module: griffe.Module) -> int:
    """Its `PLUGIN_API`."""
    return int(str(module["PLUGIN_API"].final_target.value))


def main(repository: Path) -> int:
    """Compare, and print what breaks."""
    tag = last_tag(repository)
    if tag is None:
        print(f"{API}: no version has been tagged; nothing to compare with")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "then.tar")
        _git(repository, "archive", "--output", str(archive), tag, str(SOURCE)).check_returncode()
        subprocess.run(["tar", "-xf", str(archive), "-C", folder], check=True)
        then, now = read_api(Path(folder) / SOURCE), read_api(repository / SOURCE)
        breakages = list(griffe.find_breaking_changes(then, now))
        gone = sorted(set(then.exports or ()) - set(now.exports or ()))
        changes = [breakage.explain(style=griffe.ExplanationStyle.ONE_LINE) for breakage in breakages]
        changes += [f"{API}.{name}: it is no longer in __all__" for name in gone]
        before, after = version(then), version(now)
    if not changes:
        print(f"{API}: nothing breaks since {tag}")
        return 0
    print(f"{API}: {len(changes)} changes since {tag} break plugins:", *changes, sep="\n  ")
    if after > before:
        print(f"PLUGIN_API goes from {before} to {after}: plugins of version {before} are refused")
        return 0
    print(f"PLUGIN_API is still {before}: raise it, or take the changes back")
    return 1


def _git(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
