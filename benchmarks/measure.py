"""How figures are taken: each side in a process of its own, in turn, the ratio pair by pair, the median quoted."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).parent

_begun = (0.0, 0.0)


class Figures(NamedTuple):
    """What one run took."""

    cpu_seconds: float
    wall_seconds: float
    peak_mib: float


def begin() -> None:
    """Start counting in this process: what came before is preparation."""
    global _begun  # noqa: PLW0603  # one measurement a process
    _begun = (time.process_time(), time.perf_counter())


def end(**more: float) -> None:
    """Stop counting, and say the figures on standard output."""
    cpu, wall = time.process_time() - _begun[0], time.perf_counter() - _begun[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu_seconds": cpu, "wall_seconds": wall, "peak_mib": peak, **more}))


def run(arguments: Sequence[str]) -> Figures:
    """One run of a script that calls `begin` and `end`; it gets an empty folder as its last argument."""
    with tempfile.TemporaryDirectory(prefix="bourn-bench-") as folder:
        done = subprocess.run(
            [sys.executable, *arguments, folder], capture_output=True, text=True, check=True, env=_environment(folder)
        )
    said = json.loads(done.stdout.strip().splitlines()[-1])
    return Figures(**{name: said[name] for name in Figures._fields})


def whole(arguments: Sequence[str]) -> Figures:
    """A whole process from outside: what the operating system says of it when it has ended."""
    with tempfile.TemporaryDirectory(prefix="bourn-bench-") as folder:
        started = time.perf_counter()
        process = subprocess.Popen(arguments, env=_environment(folder), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    assert status == 0, arguments
    return Figures(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def paired(ours: Callable[[], Figures], theirs: Callable[[], Figures], *, field: str, runs: int) -> dict[str, float]:
    """The ratio ours / theirs of one figure, pair by pair after one warm-up: its median, least and greatest."""
    ours(), theirs()
    ratios = [getattr(ours(), field) / getattr(theirs(), field) for _ in range(runs)]
    return {"median": statistics.median(ratios), "least": min(ratios), "greatest": max(ratios)}


def _environment(folder: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": folder, "BOURN_HOME": folder}
