"""What all servers need: their programs, a free port, a folder that is shared by the processes of a test run."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

FOLDER = "SERVERS_OF_BOURN_TESTS"
"""The variable that tells the processes of a run where its servers are; BOURN_* would be a setting."""

RUN = "RUN_OF_BOURN_TESTS"
"""The same for the process that lives as long as the run."""


class Missing(Exception):
    """A program that a server needs is not installed here."""


def program(name, *folders):
    """The program's path; newest folder first."""
    found = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ.get("PATH", ""), "/usr/sbin"]))
    if found is None:
        msg = f"{name} is not installed; CONTRIBUTING.md says how to get the servers of the tests"
        raise Missing(msg)
    return found


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
    """What `start(folder)` gives, JSON; called once for all processes of the run that share `folder`."""
    told = folder.with_suffix(".json")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            guard(folder.parent)
            told.write_text(json.dumps(start(folder)))
    return json.loads(told.read_text())


def guard(folder):
    """Have the servers in `folder` ended when the run is, however it ends."""
    guards = folder / "guarded"
    with contextlib.suppress(FileExistsError):
        guards.touch(exist_ok=False)
        command = [sys.executable, __file__, str(folder), os.environ[RUN]]
        nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
        os.posix_spawn(sys.executable, command, os.environ, file_actions=nowhere, setsid=True)  # nobody waits for it


def end(folder):
    """End the servers in `folder`, if they are indeed those that were started there, and remove it."""
    for file in [*folder.glob("*/*.pid"), *folder.glob("*/data/postmaster.pid")]:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError, IndexError):
            pid = int(file.read_text().split()[0])
            about = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
            if str(folder).encode() in about:
                # PostgreSQL takes its children along.
                os.kill(pid, signal.SIGQUIT if file.name == "postmaster.pid" else signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    while Path("/proc", sys.argv[2]).exists():
        time.sleep(1)
    end(Path(sys.argv[1]))
