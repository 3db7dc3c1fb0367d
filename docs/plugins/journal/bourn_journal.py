"""The destination journal: a result goes into a folder, and a line about it to the end of a log."""

from __future__ import annotations

import csv
import fcntl
import io
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from bourn.plugin import Artifact, Context, DeliveryError, Destination, Receipt, Transient, option

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = "log.csv"


def _fault(folder: str) -> str | None:
    if not folder.isprintable():
        return "expected a path of printable characters"
    return None if Path(folder).is_absolute() else "expected an absolute path"


@attrs.frozen
class Options:
    """What a request may say."""

    folder: str = option(help="Where results and their log are kept.", min_length=1, max_length=1000, check=_fault)


class Journal(Destination[Options]):
    """Put a result into a folder, and a line about it into the folder's log."""

    plugin_api = 1

    def deliver(self, artifact: Artifact, options: Options, context: Context) -> Receipt:
        """First the file, then its line: nobody reads of what is not there."""
        folder, name = Path(options.folder), f"{context.delivery_id}{artifact.suffix}"
        part = folder / f".{name}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with artifact.open() as source, part.open("wb") as file:
                shutil.copyfileobj(source, file)
            part.replace(folder / name)
            line = [str(context.delivery_id), context.clock().isoformat(), name, str(artifact.size_bytes)]
            with _alone(folder):
                lines = _lines(folder)
                # Looked for under the lock: an earlier try, of a process that died since, may have written it.
                if not any(other[0] == line[0] for other in lines):
                    _write(folder, [*lines, line])
        except OSError as error:
            raise Transient(f"{options.folder} can't be written to: {error.strerror}") from error
        return Receipt(url=(folder / name).as_uri(), detail={"path": str(folder / name)})

    def retract(self, options: Options, context: Context) -> None:
        """First the line, then the file."""
        folder, delivery = Path(options.folder), str(context.delivery_id)
        try:
            if not folder.is_dir():
                return
            with _alone(folder):
                lines = _lines(folder)
                kept = [line for line in lines if line[0] != delivery]
                if kept != lines:
                    _write(folder, kept)
            for path in (*folder.glob(f"{delivery}.*"), *folder.glob(f".{delivery}.*.part")):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise DeliveryError(f"{options.folder} may hold the result still: {error.strerror}") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time, of all threads and processes; the system takes the lock from a process that dies."""
    with (folder / ".lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lines(folder: Path) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO((folder / LOG).read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return []


def _write(folder: Path, lines: list[list[str]]) -> None:
    """All of it anew beside the old one, then renamed: an append that is cut off would leave half a line."""
    with (folder / f".{LOG}").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(folder / LOG)
