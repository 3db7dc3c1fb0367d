"""A process under faults, and what must be so after it."""

import contextlib
import hashlib
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from bourn import Session, Settings

from servers.sweep import CHILD, COUNTED, figures


@pytest.fixture(scope="module")
def summary():
    figures.clear()
    yield
    for name in sorted({name for name, _ in figures}):
        counts = ", ".join(f"{figures[name, what]} {what}" for what in COUNTED)
        print(f"\nsweeps over {name}: {counts}")  # noqa: T201  # the figures that PROMISES asks for


@pytest.fixture
def run(backend, home, tmp_path):
    """Runs the child over the back end, under `strace` or not; gives its exit status and what it said."""

    def run(code, jobs, *more, under=(), **settings):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("BOURN_")}
        environment |= backend.environment | {
            "BOURN_HOME": str(home), "BOURN_WORKERS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        done = subprocess.run(
            [*under, sys.executable, "-c", code, str(jobs), *more],
            env=environment | settings, capture_output=True, timeout=280, check=False,
        )  # fmt: skip
        return done.returncode, [line.split(maxsplit=3) for line in done.stdout.decode().split("\n")[:-1]], done.stderr

    run(CHILD, 1)  # tables and keys are made
    return run


@pytest.fixture
def check(backend, home, summary):
    """Recovers as the next process would, and looks at everything there is."""

    def check(said, value=lambda number: number):
        seen = [(line[1], int(line[2])) for line in said if line[0] == "acknowledged"]
        session = Session(Settings(home=str(home), **backend.settings))
        with contextlib.closing(session):
            session.sweep()
            session.engine.drain()
            records = {record.id: record for record in session.services.ledger.list()}
            lost = [
                job for job, number in seen
                if job not in records or records[job].stage != "SUCCEEDED"
                or session.job(job).result() != value(number)
            ]  # fmt: skip
            stored = {record.artifact.key for record in records.values() if record.stage == "SUCCEEDED"}
            half = stored ^ set(session.store.keys())
            figures[backend.name, "acknowledged"] += len(seen)
            figures[backend.name, "refused"] += sum(line[0] == "refused" for line in said)
            figures[backend.name, "lost"] += len(lost)
            figures[backend.name, "half"] += len(half)
            assert (lost, half) == ([], set())
            for record in records.values():
                assert record.stage in {"SUCCEEDED", "FAILED", "CANCELLED"}, record
                if record.stage == "SUCCEEDED":
                    assert (
                        hashlib.sha256(session.engine.artifact_of(record).read()).hexdigest() == record.artifact.sha256
                    )
            assert session.compute(5) == 5  # no restart is needed
        later = Session(
            Settings(home=str(home), **backend.settings), clock=lambda: datetime.now(UTC) + timedelta(hours=2)
        )
        with contextlib.closing(later):
            later.sweep()
        assert backend.left_behind() == []

    return check
