"""An object service as a store: the same behaviour, through obstore."""

import contextlib
import errno
import hashlib
import io
import os
import secrets
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import obstore
import pytest
from bourn.store import objects
from bourn.store.store import open_store
from servers.ceph import BUCKET
from servers.proxy import Proxy

KEY = "5c1e/0f.tif"
BIG = 20 * 1024 * 1024 + 17


@pytest.fixture(params=["memory", "s3"])
def store(request):
    """In memory, and at a real service."""
    if request.param == "memory":
        return open_store("memory://")
    return open_store(f"s3://{BUCKET}/test-{secrets.token_hex(8)}", **request.getfixturevalue("s3").options)


def put(store, key, data):
    with store.create(key) as sink:
        sink.write(data)
    return sink


def read(store, key):
    with store.open(key) as file:
        return file.read()


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 1, 5_000_000, BIG])
def test_what_goes_in_comes_out(store, size):
    """Also what is too big for memory."""
    data = os.urandom(size)
    sink = put(store, KEY, data)
    assert (sink.size_bytes, sink.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert store.size(KEY) == size
    assert read(store, KEY) == data
    assert b"".join(store.stream(KEY, 0, size)) == data
    assert b"".join(store.stream(KEY, size // 3, size // 2)) == data[size // 3 : size // 2]


def test_an_array_goes_in_as_its_bytes(store):
    array = np.arange(24.0).reshape(2, 3, 4)
    put(store, KEY, memoryview(array))
    assert read(store, KEY) == array.tobytes()


def test_an_object_is_read_at_any_place(store):
    data = os.urandom(3_000_000)
    put(store, KEY, data)
    with store.open(KEY) as file:
        assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
        assert file.seek(-7, io.SEEK_END) == 2_999_993
        assert file.read() == data[-7:]
        assert file.seek(1_000_000) == 1_000_000
        assert file.read(5) == data[1_000_000:1_000_005]
        assert file.seek(5, io.SEEK_CUR) == 1_000_010
        assert file.read(5) == data[1_000_010:1_000_015]
        assert file.seek(4_000_000) == 4_000_000
        assert file.read() == b""
        with pytest.raises(OSError, match="a place before the beginning"):
            file.seek(-1)


def test_the_whole_is_read_by_one_request(store, monkeypatch):
    """Each one takes as long as the way to the service and back."""
    asked = []
    really = obstore.get_range
    monkeypatch.setattr(obstore, "get_range", lambda *args, **range_: asked.append(range_) or really(*args, **range_))
    data = os.urandom(3_000_000)
    put(store, KEY, data)
    assert read(store, KEY) == data
    assert len(asked) == 1
    with store.open(KEY) as file:
        assert file.read(10) == data[:10]
        assert file.read() == data[10:]
        assert file.read() == b""
    assert len(asked) == 3


def test_an_exception_inside_leaves_nothing(store):
    def half_written():
        with store.create(KEY) as sink:
            sink.write(b"x" * BIG)
            raise KeyError

    with pytest.raises(KeyError):
        half_written()
    assert list(store.keys()) == []


@pytest.mark.parametrize("size", [3, BIG])
def test_another_object_is_never_overwritten(store, size):
    put(store, KEY, b"a" * size)
    put(store, KEY, b"a" * size)  # the answer to the first try got lost
    for other in (b"b" * size, b"a" * (size + 1)):
        with pytest.raises(FileExistsError, match="the object exists already"):
            put(store, KEY, other)
    assert read(store, KEY) == b"a" * size


def test_it_is_the_service_that_decides_who_is_first(store, monkeypatch):
    """The request itself is conditional; of parts services have no condition."""
    modes = []
    really = obstore.put
    monkeypatch.setattr(obstore, "put", lambda *args, **kwargs: modes.append(kwargs["mode"]) or really(*args, **kwargs))
    put(store, KEY, b"a")
    put(store, "5c1e/10.tif", b"a" * BIG)
    assert modes == ["create", "overwrite"]


def test_a_large_object_goes_out_while_it_is_written(store, monkeypatch):
    """Never held whole, neither in memory nor on this machine's disk."""
    sent = []

    def put_in_parts(service, key, data, **options):
        sent.extend(map(len, data))

    monkeypatch.setattr(obstore, "put", put_in_parts)
    with store.create(KEY) as sink:
        for _ in range(40):
            sink.write(bytes(1024 * 1024))
        assert sum(sent) >= 20 * 1024 * 1024
    assert (sum(sent), max(sent[1:])) == (40 * 1024 * 1024, 1024 * 1024)


def test_the_writer_hears_of_an_upload_that_fails(store, monkeypatch):
    def full(service, key, data, **options):
        next(data)
        raise OSError(errno.EDQUOT, "the object store has no more room for this account")

    monkeypatch.setattr(obstore, "put", full)
    with pytest.raises(OSError, match="no more room"):
        put(store, KEY, bytes(200 * 1024 * 1024))


def test_no_thread_is_left(store):
    before = threading.active_count()
    put(store, KEY, bytes(BIG))
    with contextlib.suppress(KeyError), store.create("5c1e/11.tif") as sink:
        sink.write(bytes(BIG))
        raise KeyError
    assert threading.active_count() == before
    assert list(store.keys()) == [KEY]


def test_a_connection_that_is_reset_during_a_put_is_no_failure(s3):
    """A load balancer that closes, a NAT that forgets: the service has not even heard of the request."""
    proxy = Proxy(s3.port)
    options = s3.options | {"endpoint": s3.endpoint.replace(str(s3.port), str(proxy.port))}
    store = open_store(f"s3://{BUCKET}/test-{secrets.token_hex(8)}", **options)
    try:
        assert store.size(KEY) is None
        proxy.break_off("request", 1, 1000)
        put(store, KEY, b"two")
        assert proxy.lost == 1
        assert read(store, KEY) == b"two"
    finally:
        proxy.close()


def test_missing_objects_are_reported(store):
    assert store.size(KEY) is None
    assert store.local_path(KEY) is None
    store.delete(KEY)
    with pytest.raises(FileNotFoundError):
        store.open(KEY)
    with pytest.raises(FileNotFoundError):
        list(store.stream(KEY, 0, 1))


def test_copies_lists_and_deletions(store):
    put(store, "job1/a.tif", b"1")
    store.copy("job1/a.tif", "job2/b.tif")
    put(store, "job10/c.tif", b"2")
    assert sorted(store.keys()) == ["job1/a.tif", "job10/c.tif", "job2/b.tif"]
    assert list(store.keys("job1/")) == ["job1/a.tif"]
    assert sorted(store.keys("job1")) == ["job1/a.tif", "job10/c.tif"]
    store.delete("job1/a.tif")
    assert read(store, "job2/b.tif") == b"1"
    assert store.clean(timedelta(0), datetime.now(tz=UTC)) == 0


@pytest.mark.parametrize("key", ["", "..", "a/../b", "/a", "a?b", "a#b", "é"])
def test_no_value_becomes_another_key(store, key):
    for action in [store.create, store.open, store.size, store.delete, store.local_path]:
        with pytest.raises(ValueError, match=r"^not a key of the store: "):
            action(key).__enter__()


def test_memory_signs_nothing():
    assert open_store("memory://").presigned(KEY, timedelta(minutes=15)) is None


def test_a_signed_url_is_good_for_minutes_only():
    """It can't be revoked."""
    store = dead(1)
    url = store.presigned(KEY, timedelta(minutes=15))
    assert "X-Amz-Expires=900" in url
    assert url.startswith("http://127.0.0.1:1/bucket/in/5c1e/0f.tif?")
    for forbidden in [timedelta(minutes=15, seconds=1), timedelta(0), timedelta(days=7)]:
        with pytest.raises(ValueError, match=r"^between one second and 0:15:00, got "):
            store.presigned(KEY, forbidden)


def dead(port):
    return open_store(
        "s3://bucket/in",
        endpoint=f"http://127.0.0.1:{port}",
        access_key_id="key",
        secret_access_key="hush",
        region="us-east-1",
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "action",
    [lambda store: put(store, KEY, b"x"), lambda store: store.size(KEY), lambda store: store.open(KEY),
     lambda store: list(store.keys()), lambda store: store.delete(KEY), lambda store: list(store.stream(KEY, 0, 1))],
    ids=["create", "size", "open", "keys", "delete", "stream"],
)  # fmt: skip
def test_a_dead_server_is_an_oserror_within_seconds(action, monkeypatch):
    monkeypatch.setitem(objects.RETRY, "max_retries", 2)
    before = time.monotonic()
    with pytest.raises(OSError, match=r"the object store failed: ") as caught:
        action(dead(1))
    assert time.monotonic() - before < 5
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(dead(1))


def test_how_long_a_dead_server_is_asked():
    assert objects.RETRY["retry_timeout"] == timedelta(seconds=20)


def test_an_unknown_setting_is_refused():
    with pytest.raises((ValueError, TypeError), match="edpoint"):
        open_store("s3://bucket", edpoint="x").size(KEY)


FEW_FILES = """
import os, resource
from bourn.store.store import open_store
store = open_store("memory://")
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
free = os.dup(0)
os.close(free)
import obstore.store, obstore.exceptions
for room in range(0, 8, 2):
    resource.setrlimit(resource.RLIMIT_NOFILE, (free + room, limits[1]))
    try:
        store.size("a")
    except OSError as error:
        print(error.strerror)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
print(store.size("a"))
"""

ONE_FAILS = """
from bourn.store.store import open_store
store = open_store("memory://")
for _ in range(2):
    try:
        print(store.size("a"))
    except OSError as error:
        print(error.strerror.partition(":")[0])
with store.create("a") as sink:
    sink.write(b"xyz")
print(store.open("a").read())
"""


def test_without_files_for_its_threads_none_are_begun_and_later_they_are():
    """Were they begun, and failed, they would have failed for good."""
    done = subprocess.run([sys.executable, "-c", FEW_FILES], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.split("\n"), done.stderr) == (["Too many open files"] * 4 + ["None", ""], "")


@pytest.mark.parametrize("call", ["epoll_create1", "eventfd2"])
def test_threads_that_could_not_be_begun_are_begun_by_the_next_one(strace, call):
    under = [strace, "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:error=EMFILE:when=1"]
    done = subprocess.run(
        [*under, sys.executable, "-c", ONE_FAILS], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == "the threads of obstore can't be started\nNone\nb'xyz'\n", done.stderr


FEW_FILES_IN_A_CHILD = """
import os, resource, sys
from bourn.store.store import open_store
open_store("memory://").size("a")
pid = os.fork()
if pid == 0:
    store = open_store("memory://")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    for room in range(8):
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + room, limits[1]))
        try:
            store.size("a")
        except OSError:
            print("no", flush=True)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    print(store.size("a"), flush=True)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""


def test_without_files_a_forked_child_has_no_copy_and_later_it_has():
    done = subprocess.run(
        [sys.executable, "-c", FEW_FILES_IN_A_CHILD], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.split("\n"), done.stderr) == (["no"] * 8 + ["None", ""], "")


@pytest.mark.parametrize("size", [10, BIG])
def test_an_object_whose_answer_got_lost_is_there(s3, monkeypatch, size):
    """Nobody else would look after it: the job would have failed, and its bytes would lie there."""
    monkeypatch.setitem(objects.RETRY, "max_retries", 2)
    proxy = Proxy(s3.port)
    options = s3.options | {"endpoint": s3.endpoint.replace(str(s3.port), str(proxy.port))}
    store = open_store(f"s3://{BUCKET}/test-{secrets.token_hex(8)}", **options)
    assert store.size(KEY) is None
    try:
        # Of the put itself, or of what makes one object of the parts; and of each try.
        proxy.lose_answers(b"if-none-match" if size < BIG else b"<CompleteMultipartUpload", times=3)
        put(store, KEY, bytes(size))
        assert proxy.lost >= 1
        assert store.size(KEY) == size
    finally:
        proxy.close()


def test_an_account_that_is_full_is_not_a_refused_one(s3):
    """The service says 403 to both."""
    from servers.ceph import Ceph

    poor = s3.of_another(objects=1)
    store = open_store(f"s3://{poor.bucket}/x", **poor.options)
    put(store, "a", b"1")
    with pytest.raises(OSError, match="no more room") as caught:
        put(store, "b", b"2")
    assert caught.value.errno == errno.EDQUOT
    outsider = Ceph(**(poor.facts | {"secret": "of nobody"}))
    with pytest.raises(PermissionError, match="refuses its credentials"):
        put(open_store(f"s3://{poor.bucket}/x", **outsider.options), "b", b"2")
    s3.allow(poor, objects=2)
    put(store, "b", b"2")
