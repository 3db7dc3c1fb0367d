"""Whether a long-lived process stays as it is: memory, open files and threads over many jobs and many sessions.

``python benchmarks/flat.py [JOBS] [SESSIONS]`` prints the figures after a tenth of each, and at the end.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import tempfile
import threading
from pathlib import Path

import bourn


def figures() -> str:
    """What this process holds now."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    (kib,) = (int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    files = len(list(Path("/proc/self/fd").iterdir()))
    return f"{kib / 1024:7.1f} MiB  {files:4} files  {threading.active_count():3} threads"


def jobs(count: int) -> None:
    """Small jobs of one session; every tenth in the background, every hundredth fails."""
    with tempfile.TemporaryDirectory(prefix="bourn-bench-") as home:
        session = bourn.Session(bourn.Settings(home=home))
        waiting = []
        for number in range(count):
            if number % 100 == 99:
                with contextlib.suppress(bourn.errors.JobFailed):
                    session.compute(lambda: 1 / 0)
            elif number % 10 == 0:
                waiting.append(session.compute(number, format="json", block=False))
            else:
                session.compute(number, format="json")
            if len(waiting) == 100:
                for job in waiting:
                    job.result()
                waiting.clear()
            if number + 1 in {count // 10, count // 2, count}:
                print(f"{number + 1:6} jobs      {figures()}", flush=True)
        session.close()


def sessions(count: int) -> None:
    """Sessions one after the other, on one home; half of them are closed, half are dropped."""
    with tempfile.TemporaryDirectory(prefix="bourn-bench-") as home:
        for number in range(count):
            session = bourn.Session(bourn.Settings(home=home))
            session.compute(number, format="json")
            if number % 2:
                session.close()
            del session
            if number + 1 in {count // 10, count // 2, count}:
                print(f"{number + 1:6} sessions  {figures()}", flush=True)


if __name__ == "__main__":
    wanted = [int(value) for value in sys.argv[1:]]
    jobs(wanted[0] if wanted else 20_000)
    sessions(wanted[1] if len(wanted) > 1 else 1_000)
