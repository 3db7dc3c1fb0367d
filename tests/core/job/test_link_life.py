"""How long a link works: what the request says, at most what the settings allow, and longer once it is extended."""

import pickle
from datetime import timedelta

import bourn
import pytest
from bourn.dispatch.lifetime import read_lifetime
from bourn.errors import JobError, LinkExpired, RequestError

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("P2D", 2 * DAY),
        ("p1w", 7 * DAY),
        ("P1DT6H30M", timedelta(days=1, hours=6, minutes=30)),
        ("PT90S", timedelta(seconds=90)),
        ("2d", 2 * DAY),
        ("12 h", DAY / 2),
        (3 * DAY, 3 * DAY),
        *(
            (wrong, None)
            for wrong in ("", "P", "PT", "P0D", "2", "2 days", "P1M", "P1Y", "-P1D", "P1DT", "9" * 39 + "d")
        ),
        *((wrong, None) for wrong in (2, 2.0, True, None, b"P2D", timedelta(0), -DAY, ["P2D"])),
    ],
)
def test_a_duration(given, meant):
    assert read_lifetime(given) == meant


def token(job):
    return job.url.split("/d/")[1].split("/")[0]


@pytest.fixture
def timed(make, clock):
    return make(clock=clock)


def test_the_link_works_for_as_long_as_was_asked(timed, clock):
    for asked, days in (("P2D", 2), (timedelta(days=20), 20), (None, 10)):
        job = timed.compute(2, format="json", block=False, expires_after=asked).wait(30)
        assert job.expires_datetime == clock() + days * DAY
        begun = clock.now
        clock.move(days=days, seconds=-1)
        assert timed.links.resolve(token(job))
        assert job.result() == b"2"
        clock.move(seconds=1)
        with pytest.raises(LinkExpired):
            timed.links.resolve(token(job))
        timed.sweep()
        assert timed.store.size(timed.engine.record_of(job.id).artifact.key) is None
        clock.now = begun


@pytest.mark.parametrize("asked", ["P31D", "soon", 2, timedelta(0)])
def test_what_is_none_or_too_long_is_refused_before_anything_happens(timed, asked):
    with pytest.raises(RequestError) as caught:
        timed.compute(lambda: pytest.fail("computed"), fromat="json", expires_after=asked)
    paths = {problem.path: problem.message for problem in caught.value.problems}
    assert set(paths) == {"fromat", "expires_after"}
    assert "max_link_days" in paths["expires_after"] or "'P2D'" in paths["expires_after"]
    assert timed.jobs() == []


def test_the_plan_says_it_and_keeps_it(timed):
    plan = timed.plan(2, expires_after="P2D")
    assert plan.expires_after == 2 * DAY
    assert "works for 2 days" in str(plan)
    assert timed.dispatcher.restore(plan.as_json()).expires_after == 2 * DAY
    assert pickle.loads(pickle.dumps(plan)).expires_after == 2 * DAY
    assert "expires_after" not in timed.plan(2).as_json()


def test_a_link_is_extended_and_never_shortened(timed, clock):
    job = timed.compute(2, format="json", block=False).wait(30)
    ended = clock.now
    assert job.extend("P20D") == ended + 20 * DAY == job.expires_datetime
    assert job.extend("P1D") == ended + 20 * DAY
    clock.move(days=15)
    assert job.extend() == ended + 25 * DAY
    clock.move(days=9)
    assert timed.links.resolve(token(job))
    assert job.result() == b"2"
    with pytest.raises(RequestError, match="max_link_days"):
        job.extend("P31D")


def test_what_has_no_link_that_works_is_not_extended(make, timed, clock, gate, scripted):
    running = timed.compute(gate.wait, block=False)
    assert gate.started.wait(20)
    revoked = timed.compute(2, block=False).wait(30)
    timed.revoke(revoked.id)
    expired = timed.compute(2, block=False).wait(30)
    clock.move(days=10)
    for job in (running, revoked, expired):
        with pytest.raises(JobError, match="can't be extended: there is none that works"):
            job.extend()
    gate.go.set()
    running.wait(30)


def test_the_settings_are_the_limit(make):
    session = make(settings={"max_link_days": 1, "link_days": 2})
    assert session.plan(2, expires_after="2d").expires_after == 2 * DAY
    with pytest.raises(RequestError, match="at most 2 days"):
        session.plan(2, expires_after="3d")
    assert isinstance(bourn.Settings(max_link_days=100), bourn.Settings)
