"""What all tests share: a home of their own, a clock that is set by hand, a session over both; servers for some."""

from datetime import UTC, datetime, timedelta

import pytest
from programs import require
from servers.backend import backend, own_postgresql, postgresql, s3
from servers.backend import begin as pytest_configure
from servers.backend import end as pytest_unconfigure
from servers.backend import parametrize as pytest_generate_tests

__all__ = [
    "backend", "own_postgresql", "postgresql", "pytest_configure", "pytest_generate_tests", "pytest_unconfigure", "s3",
]  # fmt: skip

COUNTED = ("bad input", "examples")
"""What tests count under such names is summed up at the end."""


class Clock:
    """A clock that stands still until it is moved."""

    manual = True

    def __init__(self):
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self):
        return self.now

    def move(self, **by):
        self.now += timedelta(**by)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def home(backend, tmp_path, monkeypatch):
    """An empty home folder, which new sessions and child processes use too."""
    for name in ("BOURN_STORE_URL", "BOURN_DATABASE_URL", "BOURN_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in backend.environment.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "home"
    monkeypatch.setenv("BOURN_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


SERVER_FIXTURES = {"own_postgresql", "postgresql", "s3"}


def pytest_collection_modifyitems(items):
    """Mark what needs servers, or another process, by the fixtures that it uses."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        backend = getattr(item, "callspec", None) and item.callspec.params.get("backend")
        if backend == "servers" or fixtures & SERVER_FIXTURES:
            item.add_marker("servers")
        if "strace" in fixtures:
            item.add_marker("slow")


@pytest.fixture(scope="session")
def strace():
    """The program that has calls fail, or kill."""
    return require("strace")


@pytest.fixture
def session(home, backend):
    """A session of its own on the empty home, with everything that is installed."""
    from bourn import Session, Settings

    session = Session(Settings(home=str(home), **backend.settings))
    yield session
    session.close()


@pytest.fixture
def session_of(home, backend):
    """Makes sessions with given plugins on the empty home."""
    from bourn import Session, Settings
    from bourn.plugins.registry import Registry

    made = []

    def make(*, clock=None, settings=None, **plugins):
        given = {"settings": Settings(home=str(home), **(backend.settings | (settings or {})))}
        if plugins:
            given["registry"] = Registry.of(**plugins)
        if clock is not None:
            given["clock"] = clock
        made.append(Session(**given))
        return made[-1]

    yield make
    for session in made:
        session.close()


@pytest.fixture
def examples(request, record_property):
    """A list to which a test adds an item for each example that hypothesis gives it."""
    made = []
    yield made
    record_property(f"examples: {request.node.originalname.removeprefix('test_').replace('_', ' ')}", len(made))


def pytest_terminal_summary(terminalreporter):
    """Say how many cases of bad input and how many examples there were, by kind."""
    sums = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, number in (
                getattr(report, "user_properties", ()) if getattr(report, "when", "") == "teardown" else ()
            ):
                if name.startswith(COUNTED):
                    sums[name] = sums.get(name, 0) + number
    if sums:
        terminalreporter.section("cases and examples")
        for name, number in sorted(sums.items()):
            terminalreporter.write_line(f"{number:>7,}  {name}")
