"""Stops the servers of a test run; as a script, once the process of the run has ended: ``stop.py FOLDER PID``."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path


def stop_servers(folder):
    """Stop the servers whose PID files are in `folder` and that were started from there; remove the folder."""
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
    stop_servers(Path(sys.argv[1]))
