"""A plan as text, as ``bourn send --plan`` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.cli.job_text import spoken_size
from bourn.describe.option import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn.describe.console import Console
    from bourn.dispatch.plan import Plan
    from bourn.results.info import ResultInfo

__all__ = ["plan_page", "result_in_words"]

MOST_BANDS = 8


def plan_page(plan: Plan, console: Console) -> list[str]:
    """Return a plan as lines: result, destination and format with every option, notes."""
    rows = [("result", result_in_words(plan.info), "")]
    for role, chosen in (("destination", plan.chosen_destination), ("format", plan.chosen_format)):
        rows.append((role, chosen.name, f"{chosen.distribution} {chosen.version}"))
        rows += [("", *row) for row in _options(chosen.as_mapping())]
    lines = console.table([row[:2] for row in rows if not row[2]][:1], indent=0, least=(11,))
    lines += console.table(rows[1:], indent=0, wrap=(2,), least=(11,))
    notes = [note.message for note in plan.notes]
    return lines + console.table(
        [("note" if not n else "", note) for n, note in enumerate(notes)], indent=0, least=(11,)
    )


def _options(mapping: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, plain_text(value)) for key, value in mapping.items() if key != "type"]


def result_in_words(info: ResultInfo) -> str:
    """Return what is known of a result without computing it."""
    shape = " x ".join(map(str, info.shape)) if info.shape else ""
    parts = [
        " or ".join(info.kinds) or "not known before it is computed",
        " ".join(part for part in (shape, info.dtype or "") if part),
        _bands(info.bands) if info.bands else "",
        "" if info.grid is None else _crs(info.grid.crs),
        "" if info.size_bytes is None else spoken_size(info.size_bytes),
        "still to be read or computed" if info.lazy else "",
        info.type_name,
    ]
    return ", ".join(part for part in parts if part)


def _bands(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_BANDS} more" if len(names) > MOST_BANDS else ""
    return f"bands {' '.join(names[:MOST_BANDS])}{more}"


def _crs(crs: Any) -> str:
    if crs is None:
        return "no CRS"
    return f"EPSG:{crs.epsg}" if crs.epsg else "a CRS of its own"
