"""The third-party webhook keeps the contract, against a real HTTP server."""

import base64
import socket

import pytest
from bourn import errors
from bourn.testing import DestinationContract, FakeClock, session_with
from bourn_webhook import Webhook
from bourn_webhook.address import is_allowed
from receiver import Receiver
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

SETTINGS = {"plugins": {"webhook": {"internal": ["127.0.0.0/8"]}}}
SECRET = f"whsec_{base64.b64encode(b'0123456789abcdef01234567').decode()}"


@pytest.fixture
def receiver():
    with Receiver().running() as receiver:
        yield receiver


class TestWebhook(DestinationContract):
    destination = Webhook
    settings = SETTINGS["plugins"]["webhook"]
    unretractable = "what was POSTed can't be taken back"

    @pytest.fixture
    def options(self, receiver):
        self.visible, self.outage, self.kept = receiver.kept.keys, receiver.outage, receiver.kept
        return {"url": receiver.url, "secret": SECRET}

    def read_back(self, receipt, job):
        return self.kept[receipt.detail["id"]]


@pytest.fixture
def send(receiver):
    """Sends a number; gives the job once it has ended, or waits for its next try."""
    with session_with(destinations={"webhook": Webhook}, clock=FakeClock(), settings=SETTINGS) as session:

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
    assert job.receipt.detail == {"status": 201, "id": job.session.engine.record_of(job.id).delivery_id}
    assert receiver.requests[0]["Content-Type"] == "application/json"


def test_a_secret_signs_the_delivery(send, receiver, monkeypatch):
    """The reference library of Standard Webhooks, which knows nothing of us, takes it; altered it does not."""
    job = send(secret=SECRET)
    headers = dict(receiver.requests[0].items())
    monkeypatch.setattr("standardwebhooks.webhooks.datetime", _At(job.session.clock()))
    assert Verifier(SECRET).verify(receiver.bodies[0], headers) == 2
    assert headers["webhook-id"] == job.receipt.detail["id"]
    for name, value in (("webhook-id", "other"), ("webhook-timestamp", str(int(headers["webhook-timestamp"]) + 1))):
        with pytest.raises(WebhookVerificationError):
            Verifier(SECRET).verify(receiver.bodies[0], {**headers, name: value})
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(b"3", headers)


class _At:
    """The verifier's clock, which has no other way to be set."""

    def __init__(self, now):
        self._now = now

    def now(self, tz=None):
        return self._now

    def __getattr__(self, name):
        from datetime import datetime

        return getattr(datetime, name)


@pytest.mark.parametrize("secret", ["hunter2", "whsec_", "whsec_!", "whsec_YWJj", "whsec_" + "A" * 96, "whsec_äöü"])
def test_secrets_that_are_refused(receiver, secret):
    with (
        session_with(destinations={"webhook": Webhook}, settings=SETTINGS) as session,
        pytest.raises(errors.InvalidOptions) as caught,
    ):
        session.plan(2, destination={"type": "webhook", "url": receiver.url, "secret": secret})
    assert [problem.path for problem in caught.value.problems] == ["destination.secret"]
    assert secret not in str(caught.value)


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
    ("header", "seconds"),
    [
        ("7", 7), ("0", 0), ("99999999999999999999", 86_400), ("Thu, 01 Jan 2026 12:00:09 GMT", 9),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0),
    ],
)  # fmt: skip
def test_retry_after_is_honoured(receiver, send, header, seconds):
    class Patient(Webhook):
        retry_for = Webhook.retry_for * 1000

    with session_with(destinations={"webhook": Patient}, clock=FakeClock(), settings=SETTINGS) as session:
        receiver.answers.append((503, {"Retry-After": header}))
        job = session.compute(2, destination={"type": "webhook", "url": receiver.url}, block=False)
        session.engine.drain()
        waits = session.engine.record_of(job.id).next_try_at - session.clock()
    assert waits.total_seconds() == seconds


@pytest.mark.parametrize("header", ["soon", "-1", "nan", "Thu, 99 Foo 2026"])
def test_a_retry_after_that_means_nothing_is_ignored(send, header):
    job = send((503, {"Retry-After": header}))
    waits = job.session.engine.record_of(job.id).next_try_at - job.session.clock()
    assert 0.75 <= waits.total_seconds() <= 1


def test_after_its_retries_it_gives_up(send, receiver):
    job = send((503, {}), retries=0)
    assert isinstance(job.error, errors.DeliveryError)
    assert "tried 1 times" in job.error.message
    assert job.session.store.size(job.session.engine.record_of(job.id).artifact.key) == 1


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
    with (
        session_with(destinations={"webhook": Webhook}, settings=SETTINGS) as session,
        pytest.raises(errors.InvalidOptions) as caught,
    ):
        session.plan(2, destination={"type": "webhook", "url": url})
    assert [problem.path for problem in caught.value.problems] == ["destination.url"]
    assert "password@" not in str(caught.value)


INTERNAL = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd12:3456::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "::127.0.0.1", "::a00:1", "2001:db8::1",
    "64:ff9b:1::a00:1",
]  # fmt: skip
GLOBAL = ["93.184.215.14", "8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", INTERNAL)
def test_internal_addresses(address):
    assert not is_allowed(address)


@pytest.mark.parametrize("address", GLOBAL)
def test_addresses_of_the_internet(address):
    assert is_allowed(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0", "169.254.169.254"],
)
def test_no_internal_address_is_posted_to(receiver, host):
    """Refused before anything is computed, however the address is spelt; nothing is connected to."""
    port = receiver.url.rpartition(":")[2]
    calls = []
    with session_with(destinations={"webhook": Webhook}) as session, pytest.raises(errors.Refused) as caught:
        session.compute(lambda: calls.append(1), destination={"type": "webhook", "url": f"http://{host}:{port}"})
    assert [problem.path for problem in caught.value.problems] == ["destination.url"]
    assert "an address of an internal network" in str(caught.value)
    assert (calls, receiver.requests) == ([], [])


def test_a_name_that_leads_elsewhere_at_the_second_look(receiver, monkeypatch):
    """The owner of a name may answer otherwise each time; each look-up stands alone, and only what was seen is used."""
    answers, looks = ["93.184.215.14", "127.0.0.1", "127.0.0.1"], []

    def lie(host, port, *args, **kwargs):
        looks.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers[len(looks) - 1], port))]

    with session_with(destinations={"webhook": Webhook}) as session:
        # Connecting asks the resolver, too, but for an address that was checked, which leads to itself.
        monkeypatch.setattr("bourn_webhook.address.socket.getaddrinfo", lie)
        url = receiver.url.replace("127.0.0.1", "rebinding.example")
        job = session.compute(2, destination={"type": "webhook", "url": url}, format="json", block=False)
        session.engine.drain()
        assert isinstance(job.refresh().error, errors.DeliveryError)
        assert "an address of an internal network" in job.error.message
    assert (looks, receiver.requests) == (["rebinding.example"] * 2, [])
