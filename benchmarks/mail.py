"""1,000 messages through one real server (Exim, which syncs each to its spool), beside smtplib in one connection.

`make bench-mail` prints the ratio. bourn's side is the whole way of 1,000 jobs whose results are stored and whose mail
waits, as after an outage: taken up from the ledger, composed, sent, written down. The other side sends messages of the
same size, composed beforehand, one after the other.
"""

from __future__ import annotations

import smtplib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import measure

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "tests" / "plugins" / "email")]

MESSAGES = 1_000
DOWN = "smtp://127.0.0.1:9"
TO = "me@bourn.test"


def by_bourn(home: Path, url: str) -> None:
    """What waits is sent."""
    import bourn

    def session(url: str, name: str = "", **given: Any) -> bourn.Session:
        settings = {"plugins": {"email": {"url": url, "sender": "bourn@bourn.test", "retry_for": 86_400}}}
        return bourn.Session(bourn.Settings(home=str(home / name), **settings), **given)

    now = datetime.now(UTC)
    waiting = session(DOWN, clock=lambda: now)  # the second try never comes
    destination = {"type": "email", "to": TO}
    for number in range(MESSAGES):
        waiting.compute(number, destination=destination, format="json", block=False)
    waiting.engine.drain()
    waiting.close()
    first = session(url, "elsewhere")
    first.compute(0, destination=destination, format="json")  # imports are made once in the life of a process
    first.close()
    sending = session(url)
    make_due(home)
    measure.begin()
    sending.engine.carry_due()
    sending.engine.drain()
    measure.end()
    jobs = sending.jobs(limit=None)
    assert [job.stage for job in jobs].count("SUCCEEDED") == MESSAGES, {job.stage for job in jobs}
    sending.close()


def make_due(home: Path) -> None:
    """All at once, as after a night."""
    import sqlite3

    with sqlite3.connect(home / "ledger.db") as connection:
        connection.execute("update deliveries set next_try_at = 1 where next_try_at is not null")
    connection.close()


def by_hand(home: Path, url: str) -> None:
    """The same number of messages over one connection."""
    import bourn

    outbox = bourn.Session(bourn.Settings(home=str(home)))
    outbox.compute(0, destination={"type": "email", "to": TO}, format="json")
    outbox.close()
    (path,) = (home / "outbox").glob("*.eml")
    message = path.read_bytes()
    host, _, port = url.removeprefix("smtp://").partition(":")
    with smtplib.SMTP(host, int(port)) as smtp:
        smtp.sendmail("bourn@bourn.test", TO, message)
        measure.begin()
        for _ in range(MESSAGES):
            smtp.sendmail("bourn@bourn.test", TO, message)
        measure.end()


def main(runs: int = 5) -> None:
    """Both sides in turn against one server."""
    import exim

    reason = exim.missing()
    if reason:
        print(f"1,000 messages: {reason}")
        return
    with exim.Exim.running(queue_only=True) as server:

        def side(name: str):
            return lambda: measure.run([str(HERE / "mail.py"), name, server.clear])

        walls = measure.paired(side("hand"), side("bourn"), field="wall_seconds", runs=runs)
        ours = side("bourn")()
    rate = f"{walls['median']:.2f} x ({walls['least']:.2f} to {walls['greatest']:.2f})"
    print(f"rate of 1,000 messages, against smtplib in one connection: {rate}; at least 0.8 x")
    print(f"bourn: {ours.wall_seconds:.1f} s, {ours.cpu_seconds:.1f} s of CPU, at most {ours.peak_mib:.0f} MiB")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        {"bourn": by_bourn, "hand": by_hand}[sys.argv[1]](Path(sys.argv[3]), sys.argv[2])
    else:
        main()
