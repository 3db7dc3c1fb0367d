"""The bucket keeps what every destination should: over a folder, over memory, and over a real S3 service."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from uuid import uuid4

import httpx
import obstore
import pytest
from bourn import errors
from bourn.testing import DestinationContract, FakeClock, session_with
from bourn_bucket import Bucket, Settings
from bourn_bucket.upload import store_of
from obstore.store import S3Store
from servers.ceph import BUCKET as BUCKET_NAME
from servers.proxy import Proxy


class TestBucketInAFolder(DestinationContract):
    destination = Bucket

    @pytest.fixture
    def options(self, tmp_path):
        self.folder = tmp_path / "bucket"
        self.settings = {"allow": [self.folder.as_uri()]}
        return {"url": self.folder.as_uri()}

    def read_back(self, receipt, job):
        return (self.folder / receipt.detail["key"]).read_bytes()

    def visible(self):
        return [path for path in self.folder.rglob("*") if path.is_file()] if self.folder.is_dir() else []

    @contextmanager
    def outage(self):
        away = self.folder.with_name("away")
        if self.folder.exists():
            self.folder.rename(away)
        self.folder.touch()
        yield
        self.folder.unlink()
        if away.exists():
            away.rename(self.folder)


class TestBucketInMemory(DestinationContract):
    destination = Bucket
    unreachable = "it is in the memory of this process"

    @pytest.fixture
    def options(self, tmp_path):
        url = f"memory:///{tmp_path.name}"
        self.settings = {"allow": [url]}
        self.store = store_of(url, Settings(allow=[url]))
        return {"url": url}

    def read_back(self, receipt, job):
        return bytes(obstore.get(self.store, receipt.detail["key"]).bytes())

    def visible(self):
        return [found["path"] for page in obstore.list(self.store) for found in page]


class TestBucketInParts(TestBucketInAFolder):
    """The same, of results that go up in parts."""

    @pytest.fixture(autouse=True)
    def _small_parts(self, monkeypatch):
        monkeypatch.setattr("bourn_bucket.upload.PART_BYTES", 1 << 10)


class TestBucketAtS3(DestinationContract):
    """A real service, Ceph, which checks signatures and If-None-Match; its outages are those of a proxy before it."""

    destination = Bucket

    @pytest.fixture
    def options(self, s3, tmp_path):
        self.proxy = Proxy(s3.port)
        prefix = f"kit-{uuid4().hex}"
        self.settings = {
            "endpoint": f"http://127.0.0.1:{self.proxy.port}", "region": "us-east-1",
            "access_key_id": s3.key, "secret_access_key": s3.secret, "allow": [f"s3://{BUCKET_NAME}"],
        }  # fmt: skip
        client = {"allow_http": True}
        self.store = S3Store(BUCKET_NAME, prefix=prefix, **s3.options, client_options=client)
        yield {"url": f"s3://{BUCKET_NAME}/{prefix}"}
        self.proxy.close()

    def read_back(self, receipt, job):
        """A signed URL, and an HTTP client that knows nothing of obstore."""
        answer = httpx.get(obstore.sign(self.store, "GET", receipt.detail["key"], timedelta(minutes=5)))
        return answer.raise_for_status().content

    def visible(self):
        return [found["path"] for page in obstore.list(self.store) for found in page]

    @contextmanager
    def outage(self):
        to, self.proxy._to = self.proxy._to, 9  # nobody listens there
        self.proxy.cut()
        yield
        self.proxy._to = to

    def test_an_answer_that_got_lost(self, trial):
        """The service has the object, the client never heard so, and its own second try meets 412: it is ours."""
        self.proxy.lose_answers(b"PUT ", times=1)
        self.check_arrived(trial.send({"a": 1}, format="json"), trial)
        assert self.proxy.lost == 1

    def test_what_is_anothers_stays(self, trial, options):
        """A second job under the same key is refused at the service, also where nobody looked before."""
        asked = {"type": "bucket", **options, "key": "a.json"}
        self.check_arrived(trial.send(1, destination=asked, format="json"), trial)
        with pytest.raises(errors.Refused):
            trial.submit(2, destination=asked, format="json")
        assert bytes(obstore.get(self.store, "a.json").bytes()) == b"1"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "bucket"


@pytest.fixture
def send(folder):
    """Sends a result to the folder."""
    settings = {"plugins": {"bucket": {"allow": [folder.as_uri()]}}, "workers": 16}
    with session_with(settings=settings, destinations=BUCKET) as session:
        yield lambda result, **options: session.compute(
            result, destination={"type": "bucket", "url": folder.as_uri(), **options}, format="json", block=False
        ).wait()


BUCKET = {"bucket": Bucket}


def test_its_receipt(send, folder):
    job = send({"a": 1}, key="2026/a.json")
    assert (folder / "2026" / "a.json").read_bytes() == b'{"a":1}'
    assert job.url == f"{folder.as_uri()}/2026/a.json"
    assert job.receipt.detail == {
        "key": "2026/a.json", "size_bytes": 7, "sha256": hashlib.sha256(b'{"a":1}').hexdigest(),
    }  # fmt: skip
    assert job.result() == b'{"a":1}'


def test_what_is_there_is_not_replaced(send, folder):
    """Refused before computing, since it can be seen; the bytes of the first stay."""
    send(1, key="a.json")
    with pytest.raises(errors.Refused) as caught:
        send(2, key="a.json")
    assert [problem.path for problem in caught.value.problems] == ["destination.key"]
    assert (folder / "a.json").read_bytes() == b"1"


def test_overwrite_replaces_it(send, folder):
    send(1, key="a.json")
    send(2, key="a.json", overwrite=True)
    assert (folder / "a.json").read_bytes() == b"2"


def test_of_many_at_once_one_wins(send, folder):
    """The store decides, not a look before: 15 of 16 are refused, and the bytes are the winner's."""
    ready = threading.Barrier(16)

    def value(number):
        ready.wait(20)  # all have passed their preflight
        return number

    def one(number):
        try:
            return send(partial(value, number), key="a.json")
        except (errors.DeliveryRefused, errors.ResultRefused) as error:  # at the commit, or as its result is known
            return error

    with ThreadPoolExecutor(16) as pool:
        ended = list(pool.map(one, range(16)))
    (winner,) = [number for number, job in enumerate(ended) if not isinstance(job, errors.JobFailed)]
    assert (folder / "a.json").read_bytes() == str(winner).encode()


@pytest.mark.parametrize(
    ("url", "allow", "good"),
    [
        ("s3://maps", [], True), ("s3://maps/2026", ["s3://maps"], True), ("s3://maps-of-others", ["s3://maps"], False),
        ("gs://maps", ["s3://maps"], False), ("file:///etc", [], False), ("memory:///", [], False),
        ("file:///srv/a", ["file:///srv"], True), ("file:///srvx", ["file:///srv/"], False),
    ],
)  # fmt: skip
def test_where_results_may_go(url, allow, good):
    with session_with(settings={"plugins": {"bucket": {"allow": allow}}}, destinations=BUCKET) as session:
        if good:
            session.plan(1, destination={"type": "bucket", "url": url}, format="json")
            return
        with pytest.raises(errors.Refused) as caught:
            session.plan(1, destination={"type": "bucket", "url": url}, format="json")
    assert [problem.path for problem in caught.value.problems] == ["destination.url"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "s3://"), ("url", "maps"), ("url", "ftp://maps"), ("url", "https://maps"), ("url", "s3://key:secret@maps"),
        ("url", "s3://maps?x=1"), ("url", "s3://maps#x"), ("url", "s3://maps/../x"), ("url", "file:///a//b"),
        ("url", "s3://mäps"), ("url", "s3://ma\nps"), ("url", "s3://[::1"), ("key", ""), ("key", "../x"), ("key", "/x"),
        ("key", "x/"), ("key", "a//b"), ("key", "a/./b"), ("key", "a\\b"), ("key", "a\0b"), ("key", " "),
        ("key", "x" * 501),
    ],
)  # fmt: skip
def test_options_that_are_refused(name, value):
    asked = {"type": "bucket", "url": "s3://maps", name: value}
    with session_with(destinations=BUCKET) as session, pytest.raises(errors.InvalidOptions) as caught:
        session.plan(1, destination=asked, format="json")
    assert [problem.path for problem in caught.value.problems] == [f"destination.{name}"]
    assert "secret@" not in str(caught.value)


def test_a_service_that_is_not_there_is_tried_again():
    """Nobody listens: the plan has a note, the delivery waits for its next try, and no key is shown."""
    more = {
        "endpoint": "http://127.0.0.1:9",
        "access_key_id": "kit",
        "secret_access_key": "c0ffee-5ec2e7",
        "region": "x",
    }
    clock = FakeClock()
    with session_with(settings={"plugins": {"bucket": more}}, destinations=BUCKET, clock=clock) as session:
        asked = {"type": "bucket", "url": "s3://maps", "key": "a.json"}
        assert "not known yet" in str(session.plan(1, destination=asked, format="json").notes)
        job = session.compute(1, destination=asked, format="json", block=False)
        session.engine.drain()
        assert job.refresh().stage == "SAVING"
        assert "can't be written to now" in job.progress.note
        assert "c0ffee" not in f"{job.progress.note} {session.settings}"
