"""Every figure of the README: `make bench` prints the table, and with ``--write`` puts it there."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile

import formats
import measure
import serving
import starts

README = measure.HERE.parent / "README.md"
MARKS = ("<!-- figures: make bench -->", "<!-- end of figures -->")


def rows() -> list[tuple[str, str, str, str]]:
    """What, against what, measured, at most."""
    start = _starts(starts.IMPORT, starts.NOTHING)
    listing = _starts(starts.OUR_LIST, starts.THEIR_LIST)
    jobs = measure.paired(_jobs("bourn"), _jobs("hand"), field="wall_seconds", runs=5)
    many = measure.paired(_jobs("many-bourn"), _jobs("many-core"), field="wall_seconds", runs=3)
    files = measure.paired(_jobs("many-bourn"), _jobs("many-core-files"), field="wall_seconds", runs=3)
    found = [
        _ratio("`import bourn`, CPU", "`python -c pass`", "1.5 x", start),
        _ratio("`import bourn` and list all plugins, CPU", "`importlib.metadata` listing the same", "1.2 x", listing),
        _plan(),
        _ratio(
            "1,000 jobs `compute(i)` into download, durable, wall", "the same files and commits by hand", "2 x", jobs
        ),
        _ratio(
            "10,000 jobs `compute(i)` from 16 threads, durable, wall",
            "SQLAlchemy Core doing the same commits, no files",
            "1.0 x",
            many,
        ),
        _ratio("the same, wall", "SQLAlchemy Core doing the same commits, and the same files by hand", "", files),
    ]
    found += formats.rows()
    if serving.NGINX is None:
        found.append(("1 GiB through a link, wall", "nginx on the same file", "nginx is not installed here", "1.6 x"))
        return found
    with serving.both() as (ours, theirs):
        ratio = measure.paired(ours.fetch, theirs.fetch, field="wall_seconds", runs=9)
        memory = f"; the server's memory peaks at {ours.peak_mib():.0f} MiB"
    what, against, measured, most = _ratio("1 GiB through a link, wall", "nginx on the same file", "1.6 x", ratio)
    found.append((what, against, measured + memory, most))
    return found


def _starts(ours: str, theirs: str) -> dict[str, float]:
    return measure.paired(starts.starts(ours), starts.starts(theirs), field="cpu_seconds", runs=9)


def _jobs(side: str):
    return lambda: measure.run([str(measure.HERE / "jobs.py"), side])


def _plan() -> tuple[str, str, str, str]:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, measure.HERE / "plans.py", folder], capture_output=True, text=True, check=True
        )
    measured = json.loads(done.stdout.splitlines()[-1])["microseconds"]
    return "plan of a webhook request with 3 options, warm, CPU", "", f"{measured:.0f} µs", "50 µs"


def _ratio(what: str, against: str, most: str, ratio: dict[str, float]) -> tuple[str, str, str, str]:
    measured = f"{ratio['median']:.2f} x ({ratio['least']:.2f} to {ratio['greatest']:.2f})"
    return what, against, measured, most


def table(found: list[tuple[str, str, str, str]]) -> str:
    """The rows in Markdown."""
    head = ("what", "against", "measured: median (least to greatest)", "at most")
    lines = [head, ("---",) * len(head), *found]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write(text: str) -> None:
    """Put the table into the README, between its marks."""
    before, _, rest = README.read_text(encoding="utf-8").partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    README.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    made = table(rows())
    print(made)
    if "--write" in sys.argv:
        write(made)
