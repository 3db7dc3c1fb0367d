"""Connections are bounded: heads, waiting, their number, bodies; and a client that is slow costs the others nothing."""

import contextlib
import os
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest
import uvicorn
from bourn.serve import application, protocol
from bourn.serve.server import configuration


@contextlib.contextmanager
def served(session, **options):
    """Run a server with a limit on its connections; gives its port."""
    config = configuration(application(session), port=0, log_config=None, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def connected(port):
    connection = socket.create_connection(("127.0.0.1", port), 10)
    connection.settimeout(10)
    return connection


def is_closed(connection):
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def test_a_head_without_end_is_refused(session):
    with served(session) as port, connected(port) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 50 << 20:
                connection.sendall(b"X: " + b"a" * 60_000 + b"\r\n")
                sent += 60_000
        assert sent < 10 << 20  # what the buffers of both sides hold


def test_a_head_that_does_not_end_is_given_up(session, monkeypatch):
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    with served(session) as port, connected(port) as silent, connected(port) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\n")
        started = time.monotonic()
        while time.monotonic() - started < 3:
            try:
                slow.sendall(b"X: a\r\n")
            except ConnectionError:
                break
            time.sleep(0.05)
        assert time.monotonic() - started < 2
        assert is_closed(silent)
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200


def test_one_connection_too_many_closes_the_one_that_waits_longest(session):
    with served(session, connections=5) as port, contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(connected(port)) for _ in range(5)]
        time.sleep(0.2)
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
        assert is_closed(waiting[0])
        waiting[1].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert waiting[1].recv(15) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("head", ["Content-Length: 99999999999", "Transfer-Encoding: chunked"])
def test_a_body_without_end_is_refused(session, head):
    with served(session) as port, connected(port) as connection:
        connection.sendall(f"POST /healthz HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
        assert connection.recv(12) in {b"HTTP/1.1 413", b"HTTP/1.1 405"}


@pytest.mark.slow
def test_slow_readers_take_little_memory_and_hold_nobody_up(session):
    """The kernel sends the file: nothing of it is in this process."""
    path = session.path(session.house.finished(os.urandom(8 << 20)))
    with served(session) as port, contextlib.ExitStack() as stack:
        before = memory()
        for _ in range(100):
            reader = stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", port))
            reader.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(1)
        started = time.monotonic()
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
        assert time.monotonic() - started < 5
        assert (memory() - before) / 100 < 256 * 1024


def memory():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


@pytest.mark.slow
def test_a_stalled_reader_is_given_up(session, monkeypatch):
    monkeypatch.setattr("bourn.serve.body.SEND_SECONDS", 0.5)
    path = session.path(session.house.finished(os.urandom(30 << 20)))
    with served(session) as port, connected(port) as reader:
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(2)
        taken = 0
        with contextlib.suppress(ConnectionResetError):
            while piece := reader.recv(1 << 20):
                taken += len(piece)
        assert taken < 30 << 20


def test_ranges_are_sent_by_the_kernel_too(session):
    data = os.urandom(1 << 20)
    path = session.path(session.house.finished(data))
    with served(session) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        part = client.get(path, headers={"Range": "bytes=1000-600000"})
        assert (part.status_code, part.content) == (206, data[1000:600_001])
        parts = client.get(path, headers={"Range": "bytes=0-9,100-199"})
        assert parts.status_code == 206
        assert data[100:200] in parts.content


@pytest.mark.slow
def test_a_check_that_hangs_is_answered_in_time(session):
    """45 clients ask a server whose store hangs: each is answered within a second, and other pages are served."""
    hung = threading.Event()
    session.store.size = lambda _key: hung.wait(30)
    answers = []
    try:
        with served(session) as port:

            def ask():
                started = time.monotonic()
                answer = httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
                answers.append((answer.status_code, answer.json()["store"], time.monotonic() - started < 20))

            threads = [threading.Thread(target=ask) for _ in range(45)]
            for thread in threads:
                thread.start()
            assert httpx.get(f"http://127.0.0.1:{port}/registry.json", trust_env=False).status_code == 200
            for thread in threads:
                thread.join()
            hung.set()
    finally:
        hung.set()
    assert answers == [(503, "failing", True)] * 45


def test_redirects_stay_on_the_host_and_below_the_path(session):
    from bourn.serve.app import _local

    assert _local("http://evil.example/stac/", "/stac", "evil.example") == "stac/"
    assert _local("http://evil.example/a/b?x=1", "/a/c", "evil.example") == "b?x=1"
    assert _local("https://s3.example/x?sig=1", "/d/x", "evil.example") == "https://s3.example/x?sig=1"
    with served(session) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        for path in ("/registry/", "/healthz/"):
            answer = client.get(path, headers={"Host": "evil.example"})
            assert (answer.status_code, answer.headers.get("location")) == (404, None)
        assert client.get("/").headers["location"] == "registry"
