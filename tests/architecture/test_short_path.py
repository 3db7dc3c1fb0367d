"""From `bourn.compute` to `Format.encode` it is ten calls, each of which is a step."""

import sys
import traceback
from pathlib import Path

import bourn
from bourn.job.executor import Executor
from bourn.plugin import Format
from bourn_download import Download

SOURCE = str(Path(bourn.__file__).parent)

STEPS = [
    "compute", "compute", "run", "submit", "submit",  # bourn, Session, TimeLimit, Engine, Executor
    "_serve", "_work", "run", "_store", "encode", "encode",  # Executor, Engine, JobGroup, Format
]  # fmt: skip


class Recording(Format):
    """Keeps the calls that led to it."""

    media_type = "application/octet-stream"
    suffix = ".bin"
    kinds = ("value",)
    led = None

    def encode(self, result, options, sink):
        Recording.led = steps()
        sink.write(b"1")


def steps():
    """The functions of bourn that are on the stack, from the outermost to this one's caller."""
    frames = traceback.extract_stack(sys._getframe(1))
    return [frame.name for frame in frames if frame.filename.startswith(SOURCE) or frame.filename == __file__]


def test_ten_calls_lead_from_compute_to_encode(session_of, monkeypatch):
    session = session_of(destinations={"download": Download}, formats={"recording": Recording})
    submit, led = Executor.submit, []

    def submitted(executor, work, *, waits=False):
        led.extend(steps()[:-1])
        return submit(executor, work, waits=waits)

    session.compute(0, format="recording")
    monkeypatch.setattr(Executor, "submit", submitted)
    session.compute(1, format="recording")
    own = led.index("compute")  # `bourn.compute` calls the one of the default session
    assert ["compute", *led[own:], "submit", *Recording.led] == STEPS
    assert len(STEPS) - 1 == 10
