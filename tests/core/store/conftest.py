"""A ledger, a clock that is set by hand, and jobs whose bytes are stored."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from bourn.ledger.clock import LedgerClock
from bourn.ledger.database import Database
from bourn.ledger.ledger import Ledger, NewJob
from bourn.ledger.links import LinkLedger
from bourn.ledger.record import StoredArtifact
from bourn.ledger.signing import SigningKeys
from bourn.ledger.stages import Stage
from bourn.store.links import Links
from bourn.store.store import open_store

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
LIFETIME = timedelta(days=10)


class HandClock:
    """Gives the time that was set."""

    manual = True

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


class House:
    """A store, a ledger and links, as a session has them."""

    def __init__(self, backend, url=None):
        self.clock = HandClock(START)
        self.database = Database(backend.database_url)
        self.ledger = Ledger(self.database)
        self.link_ledger = LinkLedger(self.database)
        self.keys = SigningKeys(self.database)
        self.store = open_store(url) if url else open_store(backend.store_url, **backend.store_options)
        self.ledger_clock = LedgerClock(self.database, self.clock)
        self.links = Links(
            self.keys, self.link_ledger, "https://data.example.org/", self.ledger_clock, lifetime=LIFETIME
        )

    def queued(self):
        job = SimpleNamespace(id=secrets.token_hex(24), delivery_id=secrets.token_hex(16))
        job.key = f"{job.id}/{job.delivery_id}.txt"
        new = NewJob(id=job.id, delivery_id=job.delivery_id, group_id=job.id, principal="me", plan={})
        self.ledger.add([new], worker_id="w", now=self.clock())
        return job

    def stored(self, data=b"two", **facts):
        job = self.queued()
        with self.store.create(job.key) as sink:
            sink.write(data)
        artifact = StoredArtifact(
            **{
                "key": job.key, "filename": "result.txt", "suffix": ".txt", "media_type": "text/plain",
                "size_bytes": sink.size_bytes, "sha256": sink.sha256, "report": {}, "stored_at": self.clock(),
                "expires_at": self.clock() + LIFETIME,
            }
            | facts
        )  # fmt: skip
        self.ledger.store(job.id, 1, job.delivery_id, artifact)
        return job

    def finished(self, data=b"two", stage=Stage.SUCCEEDED, **facts):
        job = self.stored(data, **facts)
        self.ended(job, stage)
        return job

    def ended(self, job, stage):
        self.ledger.finish(job.id, 1, stage, now=self.clock(), expires_at=self.clock() + LIFETIME)


@pytest.fixture
def house(backend):
    made = House(backend)
    yield made
    made.database.close()


@pytest.fixture
def house_in_memory(backend):
    made = House(backend, "memory://")
    yield made
    made.database.close()
