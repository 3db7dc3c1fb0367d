"""A process that carries out one job after the other, and what is done to it."""

from __future__ import annotations

from collections import Counter

COUNTED = ("kills", "failing calls", "broken connections", "acknowledged", "refused", "lost", "half")
figures: Counter[tuple[str, str]] = Counter()
"""How many of each there were, by back end."""

CHILD = """
import bourn, os, random, resource, sys, time
def say(*words):
    line = " ".join(map(str, words)).encode() + b"\\n"
    os.writev(1, [line])
def value(number):
    return number
say("begins")
number = 0
for number in range(int(sys.argv[1])):
    job = None
    if len(sys.argv) > 2:
        limit(number)
    try:
        job = bourn.compute(value(number), block=False)
        assert job.result(60) == value(number)
        say("acknowledged", job.id, number)
    except bourn.errors.BournError as error:
        say("refused", type(error).__name__, "by", repr(str(error)))
say("ends")
"""


SAYING = {"home": CHILD, "servers": CHILD.replace("os.writev(1, [line])", "os.write(1, line)")}
"""Over each back end it says it by a call that is not made to fail there."""


def knowing(code):
    """A child with more in it, before it begins."""
    return CHILD.replace('say("begins")', code)


def injecting(strace, log, *whats):
    """The command before a command that has calls fail, or kill."""
    calls = ",".join(what.partition(":")[0] for what in whats)
    return [strace, "-f", "-qq", "-o", log, "-e", f"trace={calls}", *(f"--inject={what}" for what in whats)]


def injected(log):
    """How many calls have failed."""
    return log.read_text(errors="replace").count("(INJECTED)") if log.exists() else 0
