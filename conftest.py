"""What every test and doctest starts from: no settings of the machine's, and no home but an empty one."""

import os
import signal
import tempfile

import pytest

pytest.register_assert_rewrite("bourn.testing")  # before doctests import its modules one by one

FOR_TESTS = {"BOURN_DEEP", "BOURN_KILL_SWEEP", "BOURN_SHOTS"}
"""What the tests themselves are set by; read where a test's file is imported."""


def pytest_configure(config: pytest.Config) -> None:
    """Take away the settings and the user's data folder: what lies there must neither help a test nor hurt it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as under nohup; child processes would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith("BOURN_") and name not in FOR_TESTS]:
        del os.environ[name]
    home = tempfile.TemporaryDirectory(prefix="bourn-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    os.environ["BOURN_HOME"] = home.name


def pytest_collection_finish() -> None:
    """All files are imported: processes that tests start would refuse these, as settings that there are none of."""
    for name in FOR_TESTS:
        os.environ.pop(name, None)
