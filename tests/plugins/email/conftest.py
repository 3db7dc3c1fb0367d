"""What the tests of mail share: servers, sessions that send to them, a look into their mailboxes."""

import sys
from pathlib import Path

import pytest
from bourn.testing import FakeClock, session_with
from bourn_email.plugin import Email

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "contract")]


@pytest.fixture(autouse=True)
def _connections_closed():
    yield
    from bourn_email.connections import close_all

    close_all()


@pytest.fixture
def flaky():
    from flaky import Flaky

    with Flaky().running() as server:
        yield server


@pytest.fixture
def mail():
    """Sends a number by mail; gives the job once it has ended, or waits for its next try."""
    with_sessions = []

    class Mail:
        def session(self, url, *, workers=4, home=None, clock=None, **settings):
            given = {"url": url, "timeout": 0.5, **settings}
            opened = session_with(
                destinations={"email": Email}, clock=clock or FakeClock(), home=home,
                settings={"workers": workers, "plugins": {"email": given}},
            )  # fmt: skip
            with_sessions.append(opened)
            return opened.__enter__()

        def send(self, session, obj=2, *, to="me@example.org", format="json", settle=False, **options):
            destination = {"type": "email", "to": to, **options}
            job = session.compute(obj, destination=destination, format=format, block=False)
            session.engine.drain()
            while settle and not job.refresh().done:
                self.again(session)
            return job

        def again(self, session):
            """Go on to the next try of whatever waits."""
            due = session.services.ledger.next_due()
            if due is not None:
                session.clock.reach(due)
                session.engine.carry_due()
            session.engine.drain()

    yield Mail()
    for opened in reversed(with_sessions):
        opened.__exit__(None, None, None)
