"""The CPU time of planning one request, warm: a webhook with three options, one of them a secret."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import attrs
import measure
from bourn import Session, Settings
from bourn.plugin import Destination, Format, Receipt, Secret, option
from bourn.plugins.registry import Registry

REQUESTS = 2_000
ROUNDS = 9


@attrs.frozen
class Options:
    url: str = option(help="Where to POST the result.", pattern="^https://")
    retries: int = option(default=3, ge=0, le=10, help="How often to try again.")
    secret: Secret | None = option(default=None, help="Signs the request.")


class Webhook(Destination[Options]):
    """POST a result to a URL."""

    formats = ("json",)

    def deliver(self, artifact, options, context):
        return Receipt(url=options.url)


class JSON(Format):
    """JSON text."""

    media_type, suffix = "application/json", ".json"

    def encode(self, result, options, sink):
        return {}


def main(home: Path) -> None:
    """Say the median of several rounds, in microseconds a request."""
    registry = Registry.of(destinations={"webhook": Webhook}, formats={"json": JSON})
    session = Session(Settings(home=str(home)), registry)
    request = {"type": "webhook", "url": "https://example.org/in", "retries": 2, "secret": "s"}
    rounds = []
    measure.begin()
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(REQUESTS):
            session.plan(2, destination=request, format="json")
        rounds.append((time.process_time() - begun) / REQUESTS * 1e6)
    measure.end(microseconds=statistics.median(rounds[1:]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
