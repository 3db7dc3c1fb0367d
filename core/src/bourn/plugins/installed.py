"""Which distributions are installed and what they name in our groups, read from their folders; nothing is imported.

`importlib.metadata` costs 40 ms to import, more than all of this; so the folders are read here by the same rules (the
first distribution of a name on the path wins), and it is used only for what is not a plain folder: zips, eggs, and
third-party finders.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from bourn.plugins.entry_points import Entry, PluginProblem, parsed, split
from bourn.wording import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["normal_name", "scan"]

Found = list[Entry]
Problems = list[PluginProblem]

MARK = "bourn."
"""What the text of an entry_points.txt that concerns us must have in it."""


def scan(paths: Iterable[object] | None = None) -> tuple[Found, Problems]:
    """What is named in our groups on the given path entries (``sys.path`` by default), and what is wrong with it."""
    entries: Found = []
    problems: Problems = []
    seen: set[str] = set()
    if paths is None:
        paths = sys.path
        for finder in _foreign_finders():
            _ask_metadata(finder, "", seen, entries, problems)
    for path in paths:
        if not isinstance(path, str):  # some put a Path there, which Python's import ignores as well
            continue
        if path.endswith(".egg") or (path and os.path.isfile(path)):  # noqa: PTH113  # pathlib costs 10 ms to import
            _ask_metadata(None, path, seen, entries, problems)
        else:
            _scan_folder(path or ".", seen, entries, problems)
    return entries, problems


def _scan_folder(path: str, seen: set[str], entries: Found, problems: Problems) -> None:
    try:
        with os.scandir(path) as listing:
            names = sorted(item.name for item in listing if item.name.endswith((".dist-info", ".egg-info")))
    except OSError:
        return  # as Python's import does: what is not a folder holds nothing
    # Within one folder the order of names decides, not that of the file system; the latest version comes last.
    for name in reversed(names):
        stem = name.rpartition(".")[0]
        if stem.startswith("~"):  # what pip leaves of an uninstall that was cut off
            continue
        project, _, version = stem.partition("-")
        key = normal_name(project)
        if key in seen:
            continue
        seen.add(key)
        _read(f"{path}/{name}", project, version, entries, problems)


def _read(folder: str, project: str, version: str, entries: Found, problems: Problems) -> None:
    fault: BaseException | None = None
    try:
        with open(f"{folder}/entry_points.txt", "rb") as file:  # noqa: PTH123  # pathlib costs 10 ms to import
            raw = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        reason = f"entry_points.txt can't be read: {reason_of(error)}"
        problems.append(PluginProblem("", "", project, version, reason, error))
        return
    if MARK.encode() not in raw:
        return
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        fault = error
        # What is readable is used: a policy must not vanish because a line beside it is broken.
        text = raw.decode("utf-8", "backslashreplace")
    distribution, version, trouble = _identity(folder, project, version)
    for reason, cause in ((_reported("entry_points.txt", fault), fault), (_reported("METADATA", trouble), trouble)):
        if cause is not None:
            problems.append(PluginProblem("", "", distribution, version, reason, cause))
    _take(text, distribution, version, entries, problems)


def _reported(file: str, fault: BaseException | None) -> str:
    return "" if fault is None else f"{file} can't be read: {reason_of(fault)}"


def _take(text: str, distribution: str, version: str, entries: Found, problems: Problems) -> None:
    for role, name, value, fault in parsed(text):
        if fault:
            problems.append(PluginProblem(name, role, distribution, version, fault))
        # A policy that can't be read refuses; anything else that can't be read is not there.
        if not fault or role == "policy":
            entries.append(Entry(role, name, *(("", "") if fault else split(value)), distribution, version))


def _identity(folder: str, project: str, version: str) -> tuple[str, str, BaseException | None]:
    """Name and version as the distribution writes them; those of its folder where they can't be read."""
    file_name = "METADATA" if folder.endswith(".dist-info") else "PKG-INFO"
    said = {"name": project, "version": version}
    try:
        with open(f"{folder}/{file_name}", "rb") as file:  # noqa: PTH123  # pathlib costs 10 ms to import
            for raw in file:
                key, colon, value = raw.decode().partition(":")
                if not colon:
                    break  # the headers are over
                if key.lower() in said and value.strip():
                    said[key.lower()] = value.strip()
                if key.lower() == "version":
                    break  # it stands third, after the name
    except (OSError, UnicodeDecodeError) as error:
        return project, version, error
    return said["name"], said["version"], None


def _foreign_finders() -> Iterator[object]:
    for finder in sys.meta_path:
        # These two look into the folders of sys.path, which is done here: Python's, and the one of the package
        # importlib_metadata, which is there once anything imports it, and takes 200 ms for 200 distributions.
        name = getattr(finder, "__name__", type(finder).__name__)
        if name not in ("PathFinder", "MetadataPathFinder") and hasattr(finder, "find_distributions"):
            yield finder


def _ask_metadata(finder: object, path: str, seen: set[str], entries: Found, problems: Problems) -> None:
    from importlib import metadata  # 40 ms, for what is not a plain folder

    try:
        if finder is None:
            found = list(metadata.distributions(path=[path]))
        else:
            found = list(finder.find_distributions(metadata.DistributionFinder.Context()))  # type: ignore[attr-defined]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # third-party code may raise anything
        where = path if finder is None else type(finder).__name__
        problems.append(PluginProblem("", "", str(where), "", f"can't be searched: {reason_of(error)}", error))
        return
    for distribution in found:
        _take_distribution(distribution, seen, entries, problems)


def _take_distribution(distribution: object, seen: set[str], entries: Found, problems: Problems) -> None:
    name = version = ""
    try:
        name = str(distribution.metadata["Name"])  # type: ignore[attr-defined]
        version = str(distribution.version)  # type: ignore[attr-defined]
        if normal_name(name) in seen:
            return
        seen.add(normal_name(name))
        _take(distribution.read_text("entry_points.txt") or "", name, version, entries, problems)  # type: ignore[attr-defined]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # third-party code may raise anything
        problems.append(PluginProblem("", "", name, version, f"its metadata can't be read: {reason_of(error)}", error))


def normal_name(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)
