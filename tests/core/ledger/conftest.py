"""A ledger in the database that a test is for."""

import pytest
from bourn.ledger.database import Database
from bourn.ledger.ledger import Ledger


@pytest.fixture
def database(backend):
    database = Database(backend.database_url)
    yield database
    database.close()


@pytest.fixture
def ledger(database):
    return Ledger(database)
