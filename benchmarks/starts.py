"""What a start costs: whole processes, CPU seconds as the operating system counts them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import measure

if TYPE_CHECKING:
    from collections.abc import Callable

NOTHING = "pass"
IMPORT = "import bourn"
THEIR_LIST = """
import importlib.metadata
for group in ("bourn.destinations", "bourn.formats"):
    [entry.name for entry in importlib.metadata.entry_points(group=group)]
"""
OUR_LIST = "import bourn; registry = bourn.registry(); list(registry.destinations), list(registry.formats)"

STARTS = 10
"""Processes that are counted as one: a single start is shorter than the clock that the system counts in."""


def starts(code: str) -> Callable[[], measure.Figures]:
    """Several starts in a row, their figures added up."""

    def run() -> measure.Figures:
        each = [measure.whole([sys.executable, "-c", code]) for _ in range(STARTS)]
        return measure.Figures(
            sum(figures.cpu_seconds for figures in each),
            sum(figures.wall_seconds for figures in each),
            max(figures.peak_mib for figures in each),
        )

    return run
