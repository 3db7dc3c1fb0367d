"""The conformance kit for plugins: inherit a contract, say what to try and how to read it back, run pytest.

>>> from bourn.testing import DestinationContract
>>> class TestShelf(DestinationContract):
...     name = "shelf"
...     options = {"place": "top"}
...
...     def read_back(self, receipt, job):
...         with open(receipt.detail["path"], "rb") as file:
...             return file.read()
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bourn.testing.clock import FakeClock
    from bourn.testing.destination import DestinationContract
    from bourn.testing.faulty import Faulty
    from bourn.testing.faulty_store import FaultyStore
    from bourn.testing.format import FormatContract
    from bourn.testing.session import session_with

__all__ = ["DestinationContract", "FakeClock", "Faulty", "FaultyStore", "FormatContract", "session_with"]

_HOMES = {
    "DestinationContract": "destination",
    "FakeClock": "clock",
    "Faulty": "faulty",
    "FaultyStore": "faulty_store",
    "FormatContract": "format",
    "session_with": "session",
}

# The contracts are tests: unless pytest rewrites them, a failed assert does not show its values.
_CONTRACTS = tuple(f"{__name__}.{module}" for module in ("destination", "format", "plugin", "fault_injection"))


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module  # on first use: who needs a clock needs no pytest

    if name.endswith("Contract"):
        import pytest

        pytest.register_assert_rewrite(*(module for module in _CONTRACTS))
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
