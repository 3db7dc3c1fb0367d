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
import time
from pathlib import Path

FOLDER = "SERVERS_OF_BOURN_TESTS"
"""The variable that tells the processes of a run where its servers are; BOURN_* would be a setting."""


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
    folder.parent.mkdir(parents=True, exist_ok=True)
    told = folder.with_suffix(".json")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            told.write_text(json.dumps(start(folder)))
    return json.loads(told.read_text())


def kill(pid_file, folder):
    """End the process of a pid file, if it is indeed one that was started with this folder."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
        pid = int(pid_file.read_text().split()[0])
        if str(folder) in Path(f"/proc/{pid}/environ").read_text():
            os.kill(pid, signal.SIGKILL)
