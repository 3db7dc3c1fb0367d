"""What a link answers, asked over a real connection."""

import asyncio
import base64
import contextlib
import os
import re
import socket
import threading
import time
from datetime import timedelta
from email.message import Message
from pathlib import Path

import httpx
import pytest
from bourn.ledger.stages import Stage
from bourn.serve.body import Body
from bourn.settings import Settings

SECOND = timedelta(seconds=1)
DATA = os.urandom(3_000_000)


def test_a_link_gives_the_bytes_and_says_how_to_keep_them(session, client):
    """PROMISES 11."""
    job = session.house.finished(DATA, filename="ndvi.tif", media_type="image/tiff")
    answer = client.get(session.path(job))
    digest = session.house.ledger.get(job.id).artifact.sha256
    assert (answer.status_code, answer.content) == (200, DATA)
    assert {name: value for name, value in answer.headers.items() if name not in {"date", "server"}} == {
        "content-type": "image/tiff",
        "content-length": "3000000",
        "content-disposition": 'attachment; filename="ndvi.tif"',
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "private, no-store",
        "accept-ranges": "bytes",
        "etag": f'"{digest}"',
        "repr-digest": f"sha-256=:{base64.b64encode(bytes.fromhex(digest)).decode()}:",
        "last-modified": "Sun, 01 Nov 2026 12:00:00 GMT",
        "cross-origin-resource-policy": "cross-origin",
        "vary": "Accept, Origin",
    }


def test_head_says_the_same_without_the_bytes(session, client):
    path = session.path(session.house.finished(DATA))
    for asked in ({}, {"Range": "bytes=5-9"}, {"Range": "bytes=9999999-"}):
        got, head = client.get(path, headers=asked), client.head(path, headers=asked)
        assert head.status_code == got.status_code
        assert head.content == b""
        ignored = {"date"}
        assert {k: v for k, v in head.headers.items() if k not in ignored} == {
            k: v for k, v in got.headers.items() if k not in ignored
        }


def test_an_empty_object_is_served(session, client):
    path = session.path(session.house.finished(b""))
    answer = client.get(path)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert client.get(path, headers={"Range": "bytes=0-"}).status_code == 416


def test_many_reads_are_allowed(session, client):
    path = session.path(session.house.finished(b"two"))
    assert [client.get(path).content for _ in range(5)] == [b"two"] * 5


def test_only_the_artifacts_own_name_leads_to_it(session, client):
    """GDAL looks for overviews and masks in files beside a raster, and would take it for its own."""
    path = session.path(session.house.finished(b"two"))
    start = path.rpartition("/")[0]
    beside = [f"{path}.ovr", f"{path}.msk", f"{path}.aux.xml", f"{path}/x", f"{start}/other.txt", f"{start}/", start]
    assert [client.get(name).status_code for name in beside] == [404] * len(beside)


# Time.


def test_the_boundary_itself_is_410(session, client):
    """PROMISES 8: T - 1 s: 200; T, T + 1 s: 410; clock set back: 410; keys rotated meanwhile: 200."""
    job = session.house.finished()
    path, start = session.path(job), session.clock.now
    end = start + timedelta(days=10)
    session.links.rotate()
    seen = []
    for moment in [start, end - SECOND, end, end + SECOND, start]:
        session.clock.now = moment
        seen.append((client.get(path).status_code, client.head(path).status_code))
    assert seen == [(200, 200), (200, 200), (410, 410), (410, 410), (410, 410)]


def test_410_says_until_when_it_worked(session, client):
    path = session.path(session.house.finished())
    session.clock.now += timedelta(days=10)
    message = "This link has expired: it worked until 2026-11-11 12:00:00 UTC."
    assert client.get(path).text == message + "\n"
    assert client.get(path, headers={"Accept": "application/json"}).json() == {
        "error": "link-expired",
        "message": message,
    }
    page = client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>This link has expired</h1>" in page.text
    assert message in page.text


@pytest.mark.slow
@pytest.mark.parametrize("accept", ["*/*", "text/html", "application/json"])
def test_404_is_one_same_answer(session, client, accept):
    """PROMISES 10: forged, altered, unknown, deleted, revoked; also when the bytes are not where they should be."""
    house = session.house
    good, revoked, cancelled, erased = house.finished(), house.finished(), house.finished(), house.finished()
    cancelled = house.finished(stage=Stage.CANCELLED)
    house.links.revoke(revoked.delivery_id)
    house.link_ledger.mark_erased([erased.delivery_id], now=house.clock())
    lost, cut = house.finished(), house.finished(b"whole")
    house.store.delete(lost.key)
    os.truncate(house.store.local_path(cut.key), 2)
    token = session.path(good).split("/")[2]
    paths = [
        "/d/x/y", f"/d/{token[:-1]}/result.txt", f"/d/{token}x/result.txt", f"/d/{token.swapcase()}/r", "/d/%00/x",
        f"/d/{house.links.token('f' * 32)}/r", *(session.path(job) for job in (revoked, cancelled, erased, lost, cut)),
        f"/d/{'a' * 600}/x", "/d/é/x", "/d/.../x",
    ]  # fmt: skip
    assert client.get(session.path(good)).status_code == 200
    answers = set()
    for path in paths:
        answer = client.get(path, headers={"Accept": accept, "Range": "bytes=0-1"})
        headers = {name: value for name, value in answer.headers.items() if name != "date"}
        answers.add((answer.status_code, answer.text, str(headers)))
    assert len(answers) == 1
    ((status, text, headers),) = answers
    assert status == 404
    assert "There is none like this: it was not copied whole, or it was revoked, or its data were deleted." in text
    assert "no-store" in headers


def test_nothing_but_get_and_head(session, client):
    path = session.path(session.house.finished())
    for method in ["POST", "PUT", "DELETE", "PATCH"]:
        answer = client.request(method, path)
        assert (answer.status_code, answer.text) == (405, "Only GET and HEAD are answered here.\n")
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_no_path_leads_out(session, client):
    for path in ["/d/../../etc/passwd", "/d/%2e%2e/%2e%2e/etc/passwd", "/d//etc/passwd", "/../etc/passwd", "/d/x"]:
        assert client.get(path).status_code == 404


# Names and types.


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ['a"; filename="evil.exe', "../../etc/passwd", "é日本.tif", "\u202egpj.exe", "a;b", "a\\b",
     "a%22b", "x" * 255, "a\tb", " lead", "a\x7fb", "a'b''c", "=?utf-8?q?a?=", "lone\udc80"],
)  # fmt: skip
def test_hostile_names_parse_to_one_value(session, client, name):
    """Even if one stood in the ledger: one header, one disposition, one name, no separator in it."""
    try:
        job = session.house.finished(b"x", filename=name)
    except UnicodeEncodeError:
        return  # the ledger itself refuses it
    answer = client.get(session.path(job))
    (header,) = answer.headers.get_list("content-disposition")
    assert "set-cookie" not in answer.headers
    parsed = Message()
    parsed["Content-Disposition"] = header
    assert parsed.get_content_disposition() == "attachment"
    assert re.fullmatch('attachment; filename="[A-Za-z0-9_-][A-Za-z0-9._-]*"', header)
    assert parsed.get_filename() == re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")


@pytest.mark.slow
@pytest.mark.parametrize("media_type", ["text/html\r\nX-Evil: 1", "é/x", "", "html", "text/html, text/x", "a/b; c=d\n"])
def test_a_type_that_is_none_is_sent_as_bytes(session, client, media_type):
    answer = client.get(session.path(session.house.finished(b"<script>", media_type=media_type)))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "x-evil" not in answer.headers


def test_a_page_among_results_runs_nothing(session, client):
    job = session.house.finished(b"<script>alert(1)</script>", media_type="text/html; charset=utf-8", filename="x.html")
    answer = client.get(session.path(job))
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="x.html"'
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"


# Stores elsewhere.


def test_objects_elsewhere_are_streamed(tools, backend):
    house = tools.House(backend, "memory://")
    session = tools.Session(house)
    path = session.path(house.finished(DATA))
    with tools.served(session) as url, httpx.Client(base_url=url, trust_env=False) as client:
        assert client.get(path).content == DATA
        answer = client.get(path, headers={"Range": "bytes=1000000-2500000"})
        assert (answer.status_code, answer.content) == (206, DATA[1_000_000:2_500_001])
    house.database.close()


def test_a_service_that_can_sign_sends_the_bytes_itself(session, client, monkeypatch):
    """For 15 minutes at most, and never longer than the link works."""
    job = session.house.finished(DATA)
    path, end = session.path(job), session.clock.now + timedelta(days=10)
    asked = []
    monkeypatch.setattr(session.store, "presigned", lambda key, left: asked.append(left) or f"https://s3/{key}?sig=1")
    answer = client.get(path, headers={"Range": "bytes=0-1"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, f"https://s3/{job.key}?sig=1")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert client.head(path).headers["content-length"] == "3000000"
    for left in [timedelta(minutes=5), timedelta(seconds=1.5), timedelta(seconds=0.5)]:
        session.clock.now = end - left
        client.get(path, follow_redirects=False)
    assert asked == [timedelta(minutes=15), timedelta(minutes=5), SECOND]  # and half a second is streamed
    session.clock.now = end
    assert client.get(path).status_code == 410


# Other origins.


def test_a_page_of_another_origin_reads_parts_of_a_link(session, client):
    """A web map reads a COG by Range from a browser."""
    path, origin = session.path(session.house.finished(DATA)), {"Origin": "https://map.example"}
    part = client.get(path, headers={**origin, "Range": "bytes=0-9"})
    assert part.status_code == 206
    assert part.headers["access-control-allow-origin"] == "*"
    exposed = part.headers["access-control-expose-headers"].lower().split(", ")
    assert {"content-range", "accept-ranges", "etag", "content-length"} <= set(exposed)
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "range, if-none-match"}
    preflight = client.options(path, headers={**origin, **asked})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    lost = client.get(f"{path}x", headers=origin)
    assert (lost.status_code, lost.headers["access-control-allow-origin"]) == (404, "*")


def test_only_the_origins_of_the_settings_read_links(session, tools):
    session.settings = Settings(cors_origins=["https://map.example"])
    path = session.path(session.house.finished(b"two"))
    with tools.served(session) as url, httpx.Client(base_url=url, trust_env=False) as client:
        for origin, allowed in (("https://map.example", "https://map.example"), ("https://evil.example", None)):
            answer = client.get(path, headers={"Origin": origin})
            assert answer.headers.get("access-control-allow-origin") == allowed


# Conditions and digests.


def test_conditions_decide_before_ranges(session, client):
    job = session.house.finished(DATA)
    path, tag = session.path(job), client.head(session.path(job)).headers["etag"]
    seen = client.get(path, headers={"If-None-Match": tag, "Range": "bytes=0-1"})
    assert (seen.status_code, seen.content, seen.headers["etag"]) == (304, b"", tag)
    assert client.get(path, headers={"If-Match": '"x"', "Range": "bytes=0-1"}).status_code == 412
    assert client.get(path, headers={"If-Match": tag, "Range": "bytes=0-1"}).status_code == 206


@pytest.mark.slow
@pytest.mark.parametrize("by_kernel", [True, False])
@pytest.mark.parametrize("size", [10, 3_000_000])
def test_bytes_that_were_changed_in_the_store_are_not_given_whole(session, tools, caplog, monkeypatch, by_kernel, size):
    if not by_kernel:
        monkeypatch.setattr("bourn.serve.body.ZERO_COPY", "none")
    data = os.urandom(size)
    job = session.house.finished(data)
    path, file = session.path(job), session.store.local_path(job.key)
    with tools.served(session) as url, httpx.Client(base_url=url, trust_env=False) as client:
        assert client.get(path).content == data
        file.chmod(0o600)
        file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        try:
            answer = client.get(path)
        except httpx.RemoteProtocolError:  # broken off
            assert size > 10
        else:
            assert (answer.status_code, size) == (500, 10)
        assert client.get(path).status_code == 500
        page = client.get(path, headers={"Accept": "text/html"})
        assert "<h1>This file is damaged</h1>" in page.text
    assert f"the object {job.key} is damaged" in caplog.text


def test_a_link_out_of_the_store_is_not_followed(session, client, tmp_path):
    job = session.house.finished(b"0123456789")
    (tmp_path / "secret").write_bytes(b"abcdefghij")
    file = session.store.local_path(job.key)
    file.unlink()
    file.symlink_to(tmp_path / "secret")
    answer = client.get(session.path(job))
    assert answer.status_code in {404, 503}
    assert b"abc" not in answer.content


# Connections.


def test_a_stalled_download_ends_with_its_link(session, client):
    path = session.path(session.house.finished(DATA * 20))
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", client.base_url.port))
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        taken = len(reader.recv(1000))
        session.clock.now += timedelta(days=11)
        reader.settimeout(20)
        with contextlib.suppress(ConnectionResetError):
            while piece := reader.recv(1 << 20):
                taken += len(piece)
    assert taken < len(DATA) * 10


def test_a_reader_that_goes_away_hurts_nobody(session, client):
    path = session.path(session.house.finished(DATA * 10))
    port = client.base_url.port
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            connection.recv(1000)
    assert client.get(path).content == DATA * 10
    end = time.monotonic() + 10
    while (left := files_open_in(session.store.root)) and time.monotonic() < end:
        time.sleep(0.01)
    assert left == []


def test_no_file_is_closed_while_a_thread_reads_it(session, monkeypatch):
    """Its number would be another file's by then."""
    job = session.house.finished(DATA)
    really, go_on, reads = os.pread, threading.Event(), []

    def slow(*args):
        reads.append(args)
        if len(reads) > 1:
            go_on.wait(10)
        return really(*args)

    async def leave_early():
        body = Body(store=session.store, key=job.key, media_type="x/y", size_bytes=len(DATA), ranges=None)
        pieces = body.pieces()
        assert await anext(pieces) == DATA[: 1 << 20]
        await pieces.aclose()
        del pieces
        await asyncio.sleep(0.1)
        assert len(files_open_in(session.store.root)) == 1
        go_on.set()
        for _ in range(100):
            if files_open_in(session.store.root) == []:
                return
            await asyncio.sleep(0.05)
        assert files_open_in(session.store.root) == []

    monkeypatch.setattr(os, "pread", slow)
    asyncio.run(leave_early())


def files_open_in(folder):
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(each.readlink())
    return [path for path in found if path.is_relative_to(folder)]


def test_many_readers_at_once(session, client):
    paths = [session.path(session.house.finished(bytes([number]) * 2_000_000)) for number in range(8)]
    wrong = []

    def read(number):
        with httpx.Client(base_url=client.base_url, trust_env=False) as mine:
            if mine.get(paths[number % 8]).content != bytes([number % 8]) * 2_000_000:
                wrong.append(number)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
