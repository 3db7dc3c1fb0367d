"""Each case of bad input is counted by its kind, and each example of fuzzing; tests/conftest.py prints the sums."""

import pytest


@pytest.fixture(autouse=True)
def _count(request, record_property):
    """A parametrized test is one case of its module's kind."""
    if hasattr(request.node, "callspec"):
        kind = request.module.__name__.rpartition("test_")[2]
        record_property(f"bad input: {kind}", 1)


@pytest.fixture
def examples(request, record_property):
    """A list to which a fuzzing test adds an item for each example."""
    made = []
    yield made
    record_property(f"fuzzed: {request.node.name.removeprefix('test_').replace('_', ' ')}", len(made))
