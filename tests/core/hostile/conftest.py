"""Each case of bad input is counted by its kind; tests/conftest.py prints the sums."""

import pytest
from bourn.plugins.registry import Registry
from bourn_download import Download


@pytest.fixture(autouse=True)
def _count(request, record_property):
    """A parametrized test is one case of its module's kind."""
    if hasattr(request.node, "callspec"):
        record_property(f"bad input: {request.module.__name__.rpartition('test_')[2]}", 1)


@pytest.fixture
def session(session_of):
    """A session that knows download and every format, whatever else is installed: messages list what there is."""
    installed = Registry.installed().formats
    return session_of(
        destinations={"download": Download}, formats={name: type(spec.load()) for name, spec in installed.items()}
    )
