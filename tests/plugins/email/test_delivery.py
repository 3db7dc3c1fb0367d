"""Mail on its way: sent once, tried again, refused, and of which nobody knows."""

import pytest
from bourn.errors import DeliveryError, LinkInvalid
from flaky import FAULTS, LASTING


def ids(server):
    return [kept.id for kept in server.kept]


def test_a_message_with_the_link(mail, flaky):
    session = mail.session(flaky.url)
    job = mail.send(session, subject="My Computation is Done")
    (kept,) = flaky.kept
    assert job.result() == b"2"
    assert (kept.sender, kept.recipients) == ("bourn@localhost", ("me@example.org",))
    assert kept.message["Subject"] == "Workflows: My Computation is Done"
    for part in ("plain", "html"):
        assert job.url in kept.message.get_body((part,)).get_content()


def test_its_receipt(mail, flaky):
    session = mail.session(flaky.url)
    job = mail.send(session, to=["me@example.org", "you@example.org"], cc="team@example.org")
    assert job.receipt.url == job.url
    assert job.receipt.detail["via"] == flaky.url
    assert [
        {"to": to, "message_id": kept.id, "at": "2026-01-01T12:00:00+00:00", "answer": "250 2.0.0 queued"}
        for to, kept in zip(("me@example.org", "you@example.org", "team@example.org"), flaky.kept, strict=True)
    ] == job.receipt.detail["messages"]
    assert len(set(ids(flaky))) == 3
    assert flaky.connections == 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_what_may_pass_is_tried_again(mail, flaky, fault):
    session = mail.session(flaky.url, timeout=0.1)
    flaky.script = [fault]
    job = mail.send(session, settle=True)
    assert job.stage == "SUCCEEDED"
    assert len(set(ids(flaky))) == 1
    copies = fault in {"drop-after-data", "stall-after-data", "garbage-after-data"}
    assert len(flaky.kept) == 1 + copies
    unknown = copies or fault == "drop-in-data"  # a short message is under way as a whole, then
    assert job.receipt.detail.get("copies_possible") == ({"me@example.org": 1} if unknown else None)


@pytest.mark.slow
@pytest.mark.parametrize("fault", LASTING)
def test_what_is_refused_for_good_fails_and_the_link_stays(mail, flaky, fault):
    session = mail.session(flaky.url)
    flaky.script = [fault]
    job = mail.send(session)
    assert isinstance(job.error, DeliveryError)
    assert fault[:3] in job.error.message
    assert job.url in job.error.message
    assert session.links.resolve(job.url.split("/")[-2]).job_id == job.id
    assert flaky.kept == []


def test_while_it_waits_it_says_so(mail, flaky):
    session = mail.session(flaky.url)
    flaky.script = ["450-rcpt"]
    job = mail.send(session)
    assert job.stage == "SAVING"
    assert job.progress.note.startswith("email: try 2 in 1 s: ")
    assert "450 4.2.1 try later" in job.progress.note


def test_it_is_tried_for_as_long_as_the_settings_say(mail, flaky):
    session = mail.session(flaky.url, retry_for=100)
    began = session.clock()
    with flaky.outage():
        job = mail.send(session, settle=True)
    assert isinstance(job.error, DeliveryError)
    assert 40 < (session.clock() - began).total_seconds() <= 100


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["drop-after-data", "stall-after-data", "garbage-after-data"])
def test_what_nobody_knows_is_held_where_that_is_set(mail, flaky, fault):
    session = mail.session(flaky.url, on_unknown="hold", timeout=0.1)
    flaky.script = [fault]
    job = mail.send(session, to=["me@example.org", "you@example.org"], settle=True)
    assert isinstance(job.error, DeliveryError)
    assert "it is unknown whether me@example.org has it" in job.error.message
    assert "you@example.org has it." in job.error.message
    assert sorted(kept.recipients[0] for kept in flaky.kept) == ["me@example.org", "you@example.org"]


def test_who_has_it_does_not_get_it_again(mail, flaky):
    session = mail.session(flaky.url)
    flaky.recipients_refused = {"b@example.org": "450 4.2.1 greylisted"}
    job = mail.send(session, to=["a@example.org", "b@example.org", "c@example.org"])
    assert job.stage == "SAVING"
    mail.again(session)
    assert [kept.recipients for kept in flaky.kept] == [("a@example.org",), ("c@example.org",)]
    flaky.recipients_refused = {}
    mail.again(session)
    assert job.refresh().stage == "SUCCEEDED"
    assert [kept.recipients for kept in flaky.kept] == [("a@example.org",), ("c@example.org",), ("b@example.org",)]


def test_one_who_is_refused_hinders_nobody_else(mail, flaky):
    session = mail.session(flaky.url)
    flaky.recipients_refused = {"b@example.org": "550 5.1.1 no such user"}
    job = mail.send(session, to=["a@example.org", "b@example.org", "c@example.org"])
    assert "b@example.org was refused" in job.error.message
    assert [kept.recipients for kept in flaky.kept] == [("a@example.org",), ("c@example.org",)]


def test_a_cancelled_one_is_not_sent(mail, flaky):
    session = mail.session(flaky.url)
    with flaky.outage():
        job = mail.send(session)
        job.cancel()
    session.engine.drain()
    assert job.refresh().stage == "CANCELLED"
    assert flaky.kept == []
    with pytest.raises(LinkInvalid):
        session.links.resolve(job.url.split("/")[-2])


@pytest.mark.parametrize("fault", ["drop-after-data", "ok"])
def test_what_is_out_cannot_be_cancelled_and_its_link_works(mail, flaky, fault):
    session = mail.session(flaky.url)
    flaky.script = [fault, "450-rcpt"]
    flaky.recipients_refused = {"b@example.org": "450 4.2.1 greylisted"}
    job = mail.send(session, to=["a@example.org", "b@example.org"])
    assert job.stage == "SAVING"
    job.cancel()
    session.engine.drain()
    assert isinstance(job.refresh().error, DeliveryError)
    assert "too late to cancel" in job.error.message
    assert session.links.resolve(job.url.split("/")[-2]).job_id == job.id
