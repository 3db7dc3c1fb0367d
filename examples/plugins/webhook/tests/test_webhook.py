"""The stranger's webhook keeps the contract, against a real HTTP server."""

import hashlib
import hmac

import pytest
from bourn import errors
from bourn.testing import DestinationContract, FakeClock, session_with
from bourn_webhook import Webhook
from receiver import Receiver


@pytest.fixture
def receiver():
    with Receiver().running() as receiver:
        yield receiver


class TestWebhook(DestinationContract):
    destination = Webhook
    unretractable = "what was POSTed can't be taken back"

    @pytest.fixture
    def options(self, receiver):
        self.visible, self.outage, self.kept = receiver.kept.keys, receiver.outage, receiver.kept
        return {"url": receiver.url}

    def witness(self, receipt, job):
        return self.kept[receipt.detail["key"]]


@pytest.fixture
def send(receiver):
    """Sends a number; gives the job once it has ended, or waits for its next try."""
    with session_with(destinations={"webhook": Webhook}, clock=FakeClock()) as session:

        def send(*answers, **options):
            receiver.answers += answers
            destination = {"type": "webhook", "url": receiver.url, **options}
            job = session.compute(2, destination=destination, block=False)
            session.engine.drain()
            job.session = session
            return job

        yield send


def test_its_receipt(send, receiver):
    job = send()
    assert job.result() == b"2"
    assert job.url == receiver.url
    assert job.receipt.detail == {"status": 201, "key": job.session.home.record_of(job.id).delivery_id}
    assert receiver.requests[0]["Content-Type"] == "application/json"


def test_a_secret_signs_the_delivery(send, receiver):
    job = send(secret="correct horse")
    signed = f"{job.receipt.detail['key']}.{hashlib.sha256(b'2').hexdigest()}".encode()
    expected = hmac.new(b"correct horse", signed, "sha256").hexdigest()
    assert receiver.requests[0]["X-Bourn-Signature"] == f"sha256={expected}"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422])
def test_what_is_refused_is_not_tried_again(send, receiver, status):
    job = send((status, {}))
    assert isinstance(job.error, errors.DeliveryError)
    assert str(status) in job.error.message
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(send, status):
    job = send((status, {}))
    assert (job.stage, str(status) in job.progress.note) == ("SAVING", True)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7), ("0", 0), ("99999999999999999999", 86_400), ("Thu, 01 Jan 2026 12:00:09 GMT", 9),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0),
    ],
)  # fmt: skip
def test_retry_after_is_honoured(receiver, send, told, seconds):
    class Patient(Webhook):
        retry_for = Webhook.retry_for * 1000

    with session_with(destinations={"webhook": Patient}, clock=FakeClock()) as session:
        receiver.answers.append((503, {"Retry-After": told}))
        job = session.compute(2, destination={"type": "webhook", "url": receiver.url}, block=False)
        session.engine.drain()
        waits = session.home.record_of(job.id).next_try_at - session.clock()
    assert waits.total_seconds() == seconds


@pytest.mark.parametrize("told", ["soon", "-1", "nan", "Thu, 99 Foo 2026"])
def test_a_retry_after_that_means_nothing_is_ignored(send, told):
    job = send((503, {"Retry-After": told}))
    waits = job.session.home.record_of(job.id).next_try_at - job.session.clock()
    assert 0.75 <= waits.total_seconds() <= 1


def test_after_its_retries_it_gives_up(send, receiver):
    job = send((503, {}), retries=0)
    assert isinstance(job.error, errors.DeliveryError)
    assert "tried 1 times" in job.error.message
    assert job.session.store.size(job.session.home.record_of(job.id).artifact.key) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(send, receiver, status):
    with Receiver().running() as elsewhere:
        job = send((status, {"Location": elsewhere.url}))
    assert isinstance(job.error, errors.DeliveryError)
    assert (elsewhere.requests, len(receiver.requests)) == ([], 1)


def test_nobody_there_is_tried_again(send):
    job = send(url="http://127.0.0.1:9/")
    assert (job.stage, "can't be reached" in job.progress.note) == ("SAVING", True)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org", "https://", "https:///path", "https://user:password@example.org", "https://example.org:x/",
        "https://exa mple.org", "https://example.org/\n", "https://[::1", "https://exämple.org", "//example.org", "",
    ],
)  # fmt: skip
def test_urls_that_are_refused(receiver, url):
    with session_with(destinations={"webhook": Webhook}) as session, pytest.raises(errors.InvalidOptions) as caught:
        session.plan(2, destination={"type": "webhook", "url": url})
    assert [problem.path for problem in caught.value.problems] == ["destination.url"]
    assert "password@" not in str(caught.value)
