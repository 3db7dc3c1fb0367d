"""A real server on a real port, over a ledger whose clock is set by hand."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import uvicorn
from bourn.describe.schema import Defaults
from bourn.plugins.registry import Registry
from bourn.serve import application
from bourn.serve.server import configuration
from bourn.settings import Settings

_FILE = Path(__file__).parent.parent / "store" / "conftest.py"
_spec = importlib.util.spec_from_file_location("store_house", _FILE)  # test folders are no packages
_store = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_store)


class Session:
    """The part of a session that the server stands on."""

    def __init__(self, house, registry=None):
        self.house = house
        self.links, self.store, self.clock = house.links, house.store, house.clock
        self.registry = registry or Registry.of()
        self.defaults = Defaults()
        self.settings = Settings()
        self.engine = SimpleNamespace(record_of=house.ledger.get)
        self.sweeps = 0
        self.sweep_fault = None

    def sweep(self):
        self.sweeps += 1
        if self.sweep_fault:
            raise self.sweep_fault

    def path(self, job, name=None):
        found = self.links._ledger.find(job.delivery_id)
        name = name or (found.artifact.filename if found else "result.txt")
        return self.links.url(job.delivery_id, name).removeprefix("https://data.example.org")


@contextlib.contextmanager
def served(session, **options):
    """The address of a server that runs in a thread of this process."""
    config = configuration(application(session, **options), port=0, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def house(backend):
    made = _store.House(backend)
    yield made
    made.database.close()


@pytest.fixture
def session(house):
    return Session(house)


@pytest.fixture
def client(session):
    with served(session) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def tools():
    return SimpleNamespace(served=served, Session=Session, House=_store.House, ten_days=timedelta(days=10))
