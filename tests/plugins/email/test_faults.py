"""Many jobs while a server plays a fault: none is missing in the end, none has a dead link, none is sent unasked.

``BOURN_DEEP=1`` sends as many jobs for every fault as PROMISES asks for.
"""

import os
from collections import Counter

import pytest
from flaky import FAULTS, LASTING, Flaky

pytestmark = pytest.mark.deep

JOBS = 50 if os.environ.get("BOURN_DEEP") else 6

UNKNOWN = {"drop-after-data", "stall-after-data", "garbage-after-data"}

figures = Counter()


@pytest.fixture(scope="module", autouse=True)
def summary():
    yield
    reported = ", ".join(
        f"{figures[name]} {name}" for name in ("jobs", "missing", "dead links", "unasked", "strange ids")
    )
    copies = f"{figures['copies']} copies within the window, {figures['beyond']} beyond it"
    print(f"\nmail under faults: {reported}; {copies}")  # noqa: T201  # the figures that PROMISES asks for


def linked(session, kept):
    """Whether the link in a message leads to something."""
    text = kept.message.get_body(("plain",)).get_content()
    (link,) = (line for line in text.splitlines() if line.startswith("http"))
    return session.links.resolve(link.split("/")[-2]).artifact is not None


def look(session, server, jobs, wanted):
    """What PROMISES 6 and 7 say of all messages that were kept."""
    by_id = Counter(kept.id for kept in server.kept)
    meant = {reported["message_id"] for job in wanted for reported in job.receipt.detail["messages"]}
    windows = sum(server.played[mode] for mode in UNKNOWN)
    copies = sum(by_id.values()) - len(by_id)
    figures["jobs"] += len(jobs)
    figures["missing"] += len(meant - set(by_id))
    figures["unasked"] += len(set(by_id) - meant)
    figures["strange ids"] += len(meant) != len(wanted)
    figures["dead links"] += sum(not linked(session, kept) for kept in server.kept)
    figures["copies"] += min(copies, windows)
    figures["beyond"] += max(copies - windows, 0)
    assert set(by_id) == meant
    assert len(meant) == len(wanted)
    assert copies <= windows
    assert all(linked(session, kept) for kept in server.kept)


def submitted(mail, session, server, jobs):
    asked = {"destination": {"type": "email", "to": "me@example.org"}, "format": "json", "block": False}
    return [session.compute(number, **asked) for number in range(jobs)]


def settled(mail, session, jobs):
    session.engine.drain()
    while any(not job.refresh().done for job in jobs):
        mail.again(session)
    return jobs


@pytest.mark.parametrize("fault", FAULTS)
def test_once_the_server_is_well_no_message_is_missing(mail, flaky, fault):
    """As many faults as jobs, so that a good part is hit, some of them twice."""
    session = mail.session(flaky.url, timeout=0.1, retry_for=100_000)
    flaky.script = [fault] * JOBS
    jobs = settled(mail, session, submitted(mail, session, flaky, JOBS))
    assert {job.stage for job in jobs} == {"SUCCEEDED"}
    look(session, flaky, jobs, jobs)


@pytest.mark.parametrize("fault", LASTING)
def test_what_failed_is_not_sent(mail, flaky, fault):
    session = mail.session(flaky.url, timeout=0.1)
    flaky.script = [fault] * (JOBS // 2)
    jobs = settled(mail, session, submitted(mail, session, flaky, JOBS))
    assert Counter(job.stage for job in jobs) == {"SUCCEEDED": JOBS - JOBS // 2, "FAILED": JOBS // 2}
    look(session, flaky, jobs, [job for job in jobs if job.stage == "SUCCEEDED"])


def test_a_server_that_is_down(mail):
    """Nobody listens at the port; then somebody does."""
    with Flaky().running() as first:
        port = first.port
    session = mail.session(f"smtp://127.0.0.1:{port}", timeout=1, retry_for=100_000)
    jobs = submitted(mail, session, first, JOBS)
    session.engine.drain()
    assert {job.stage for job in jobs} == {"SAVING"}
    with Flaky(port).running() as server:
        settled(mail, session, jobs)
        look(session, server, jobs, jobs)


def test_failed_and_cancelled_jobs_send_nothing(mail, flaky):
    session = mail.session(flaky.url)
    asked = {"destination": {"type": "email", "to": "me@example.org"}, "format": "json", "block": False}
    jobs = [session.compute(lambda: 1 / 0, **asked) for _ in range(JOBS)]
    session.engine.drain()
    with flaky.outage():
        cancelled = submitted(mail, session, flaky, JOBS)
        session.engine.drain()
        for job in cancelled:
            job.cancel()
        settled(mail, session, cancelled)
    assert {job.stage for job in jobs} == {"FAILED"}
    assert {job.stage for job in cancelled} == {"CANCELLED"}
    look(session, flaky, [*jobs, *cancelled], [])


def test_cancelled_while_it_is_sent_it_is_one_thing_or_the_other(mail, flaky):
    """CANCELLED and no message, or a message whose link works."""
    session = mail.session(flaky.url)
    jobs = []
    for number in range(JOBS * 4):
        (job,) = submitted(mail, session, flaky, 1)
        for _ in range(number % 40):
            job.refresh()
        job.cancel()
        jobs.append(job)
    settled(mail, session, jobs)
    assert {job.stage for job in jobs} <= {"SUCCEEDED", "CANCELLED"}
    look(session, flaky, jobs, [job for job in jobs if job.stage == "SUCCEEDED"])
