"""The warning of values that a format could not keep as they were."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

from bourn.errors import BournWarning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn.job.job import Job

__all__ = ["change_message", "warn_of_changes"]

MOST_KINDS = 8
"""Kinds of changes that a message names."""


def warn_of_changes(jobs: Sequence[Job]) -> None:
    """Warn once of what the formats of these jobs changed, at the line outside of bourn that asked for them."""
    message = change_message(jobs)
    if message:
        depth = 2
        frame = sys._getframe(1)  # noqa: SLF001  # as `warnings` itself does it; skip_file_prefixes is of Python 3.12
        while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "bourn":
            frame = frame.f_back
            depth += 1
        warnings.warn(message, BournWarning, stacklevel=depth)


def change_message(jobs: Sequence[Job]) -> str:
    """Return what the formats of these jobs changed, with counts and the path of the first of each; empty if nothing.

    Of a format each change is named once, to however many destinations the result goes.
    """
    changes = {job.plan.chosen_format.name: _changes(job.report.get("encode", {})) for job in jobs}
    return "; ".join(f"written as {name} with changes: {', '.join(found)}" for name, found in changes.items() if found)


def _changes(report: Mapping[str, Any]) -> list[str]:
    """Return the counts of a report, which are its integers."""
    first = report.get("first", {})
    counts = [(kind, count) for kind, count in report.items() if type(count) is int and count > 0]
    said = [f"{kind} {count:,}" + (f" (first {first[kind]})" if kind in first else "") for kind, count in counts]
    return said if len(said) <= MOST_KINDS else [*said[:MOST_KINDS], f"and {len(said) - MOST_KINDS} more kinds"]
