"""Each case of bad input is counted by its kind; tests/conftest.py prints the sums."""

import pytest


@pytest.fixture(autouse=True)
def _count(request, record_property):
    """A parametrized test is one case of its module's kind."""
    if hasattr(request.node, "callspec"):
        record_property(f"bad input: {request.module.__name__.rpartition('test_')[2]}", 1)
