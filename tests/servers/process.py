"""What all servers need: their programs, a free port, a folder that is shared by the processes of a test run."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from programs import MissingProgram

from servers import stop

FOLDER = "SERVERS_OF_BOURN_TESTS"
"""The variable that tells the processes of a run where its servers are; BOURN_* would be a setting."""

RUN = "RUN_OF_BOURN_TESTS"
"""The same for the process that lives as long as the run."""


def free_port():
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(command, *, seconds=60, log=None, **options):
    """Run a command that must succeed; what it says goes to the end of `log`, which a daemon of its may keep open."""
    with Path(log or os.devnull).open("ab") as said:
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=True, timeout=seconds, **options
        )


def until(so, what, seconds=30):
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not so():
        if time.monotonic() > end:
            msg = f"{what}: not within {seconds} s"
            raise TimeoutError(msg)
        time.sleep(0.05)


def shared(folder, start):
    """Facts, JSON, of the server that `start(folder)` starts; once for all processes of the run that share `folder`.

    A start that failed is not tried again: every later call gives the same answer at once, MissingProgram included.
    """
    outcome = folder.with_suffix(".json")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not outcome.exists():
            guard(folder.parent)
            try:
                found = {"facts": start(folder)}
            except MissingProgram as missing:
                found = {"missing": str(missing)}
            except Exception as error:  # noqa: BLE001  # the first test shows it, the others need not wait for it again
                found = {"failed": f"{type(error).__name__}: {error}"}
            outcome.write_text(json.dumps(found))
    found = json.loads(outcome.read_text())
    if "missing" in found:
        raise MissingProgram(found["missing"])
    if "failed" in found:
        msg = f"the server in {folder} did not start: {found['failed']}"
        raise RuntimeError(msg)
    return found["facts"]


def guard(folder):
    """Have the servers in `folder` ended when the run is, however it ends."""
    guards = folder / "guarded"
    with contextlib.suppress(FileExistsError):
        guards.touch(exist_ok=False)
        command = [sys.executable, stop.__file__, str(folder), os.environ[RUN]]
        nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
        os.posix_spawn(sys.executable, command, os.environ, file_actions=nowhere, setsid=True)  # nobody waits for it
