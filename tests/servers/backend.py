"""What a test runs over: a home folder (SQLite, files), or real servers (PostgreSQL, S3)."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

import pytest
from bourn.contract.option import Secret
from programs import MissingProgram, skip

from servers.ceph import BUCKET, Ceph
from servers.postgresql import PostgreSQL
from servers.process import FOLDER, RUN, guard, shared
from servers.stop import stop_servers

BACKENDS = ("home", "servers")
TEMPLATE = "bourn_template"


class Home:
    """SQLite and a folder: what one has with no settings at all."""

    name = "home"

    def __init__(self, folder):
        self.folder = folder
        self.database_url = f"sqlite:///{folder / 'ledger.db'}"
        self.store_url, self.store_options = str(folder / "store"), {}
        self.settings, self.environment = {}, {}

    def left_behind(self):
        """What writers that did not end have left in the store."""
        incoming = self.folder / "store" / ".incoming"
        return list(incoming.iterdir()) if incoming.exists() else []


class Servers:
    """A database of its own in PostgreSQL, and a prefix of its own in a bucket of S3."""

    name = "servers"

    def __init__(self, postgresql, s3):
        self.postgresql, self.s3 = postgresql, s3
        self.label = f"test-{secrets.token_hex(8)}"
        self.database_url = postgresql.url(self.label)
        self.store_url, self.store_options = f"s3://{BUCKET}/{self.label}", s3.options
        self.settings = {
            "database_url": Secret(self.database_url), "store_url": self.store_url, "store_options": self.store_options,
        }  # fmt: skip
        self.environment = {"BOURN_DATABASE_URL": self.database_url, "BOURN_STORE_URL": self.store_url}
        for name, value in self.store_options.items():
            self.environment[f"BOURN_STORE_OPTIONS__{name.upper()}"] = value
        postgresql.copy(TEMPLATE, self.label)

    def left_behind(self):
        """What writers that did not end have left in the store; of a service it is the service's to say."""
        return []

    def move(self, postgresql):
        """Have the ledger at another server, empty, and with it the store."""
        postgresql.copy("template1", self.label)
        store = self.store_url + "-moved"
        self.environment |= {"BOURN_DATABASE_URL": postgresql.url(self.label), "BOURN_STORE_URL": store}
        self.settings |= {"database_url": Secret(postgresql.url(self.label)), "store_url": store}

    def through(self, server, port):
        """The settings of a process that sees a server at another port."""
        here = f"127.0.0.1:{getattr(self, server).port}"
        name = {"postgresql": "BOURN_DATABASE_URL", "s3": "BOURN_STORE_OPTIONS__ENDPOINT"}[server]
        return {name: self.environment[name].replace(here, f"127.0.0.1:{port}")}

    def end(self):
        self.postgresql.drop(self.label)


def _start_postgresql(folder):
    from bourn.ledger.database import Database

    server = PostgreSQL.started(folder)
    server.copy("template1", TEMPLATE)
    database = Database(server.url(TEMPLATE))
    assert database.engine is not None  # its tables are made by that
    database.close()
    return server.facts


@pytest.fixture(scope="session")
def postgresql():
    """A server that all tests share; it may lose what it has if the machine stops."""
    try:
        return PostgreSQL(**shared(Path(os.environ[FOLDER]) / "postgresql", _start_postgresql))
    except MissingProgram as missing:
        return skip(str(missing))


@pytest.fixture(scope="session")
def s3():
    """A server that all tests share."""
    try:
        return Ceph(**shared(Path(os.environ[FOLDER]) / "s3", lambda folder: Ceph.started(folder).facts))
    except MissingProgram as missing:
        return skip(str(missing))


@pytest.fixture(scope="module")
def own_postgresql():
    """A server that a test may stop; it waits for its disk."""
    try:
        guard(Path(os.environ[FOLDER]))
        server = PostgreSQL.started(Path(os.environ[FOLDER]) / f"own-{secrets.token_hex(4)}", durable=True)
    except MissingProgram as missing:
        skip(str(missing))
    yield server
    server.stop()


@pytest.fixture
def backend(request, tmp_path):
    """SQLite and a folder; under the mark ``backends(*BACKENDS)`` also PostgreSQL and S3."""
    if getattr(request, "param", "home") == "home":
        yield Home(tmp_path / "home")
        return
    made = Servers(request.getfixturevalue("postgresql"), request.getfixturevalue("s3"))
    yield made
    made.end()


def parametrize(metafunc):
    """A test under the mark ``backends`` runs over each of those that it names; the nearest mark counts."""
    mark = metafunc.definition.get_closest_marker("backends")
    if mark is not None and "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", mark.args, indirect=True)


def begin(config):
    """Before the tests: a folder for what will be started, by the first test that needs it."""
    if not hasattr(config, "workerinput"):  # the one process that lives as long as the run
        folder = Path(tempfile.mkdtemp(prefix="bourn-servers-"))
        folder.chmod(0o711)  # PostgreSQL is run by another user
        os.environ |= {FOLDER: str(folder), RUN: str(os.getpid())}


def end(config):
    """After the tests: end what was started."""
    if not hasattr(config, "workerinput"):
        stop_servers(Path(os.environ.pop(FOLDER)))
