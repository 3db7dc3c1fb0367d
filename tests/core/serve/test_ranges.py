"""Parts of an object, asked for over a real connection (RFC 9110, section 14)."""

import re
from email.parser import BytesParser
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers.backend import Home

DATA = b"".join(b"%09d\n" % number for number in range(300_000))


@pytest.fixture(scope="module")
def ranged(tools, tmp_path_factory):
    """One object at one server, for all of these."""
    house = tools.House(Home(tmp_path_factory.mktemp("house")))
    session = tools.Session(house)
    path = session.path(house.finished(DATA, media_type="text/plain"))
    with tools.served(session) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield SimpleNamespace(get=lambda headers: client.get(path, headers=headers), head=lambda: client.head(path))
    house.database.close()


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes= 5-9", 5, 10),
        ("Bytes = 5-9", 5, 10),
        ("bytes=5-9,99999999-", 5, 10),
        ("bytes=0-", 0, 3_000_000),
        ("bytes=2999999-", 2_999_999, 3_000_000),
        ("bytes=10-99999999", 10, 3_000_000),
        ("bytes=-7", 2_999_993, 3_000_000),
        ("bytes=-99999999", 0, 3_000_000),
    ],
)
def test_one_part(ranged, asked, start, end):
    answer = ranged.get({"Range": asked})
    assert (answer.status_code, answer.content) == (206, DATA[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/3000000"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["content-disposition"] == 'attachment; filename="result.txt"'


@pytest.mark.parametrize(
    "asked",
    ["bytes", "bytes=", "bytes=,5-9", "bytes=-", "bytes=a-b", "bytes=9-5", "items=0-5", "bytes=0-5-9", "bytes=0x1-2",
     "bytes=--5", "0-5", "bytes=1-2;3-4", "bytes=" + "0-0," * 400 + "0-0",
     "bytes=" + ",".join(["0-0"] * 33), "bytes=0-2999999,0-2999999",
     b"bytes=\xd9\xa3-\xd9\xa5", "bytes=-" + "9" * 30],
)  # fmt: skip
def test_a_range_that_makes_no_sense_is_ignored(ranged, asked):
    """RFC 9110: invalid, of another unit, or asking for more than there is."""
    answer = ranged.get({"Range": asked})
    assert (answer.status_code, len(answer.content)) == (200, 3_000_000)


@pytest.mark.parametrize("asked", ["bytes=3000000-", "bytes=-0", "bytes=5000000-6000000,9000000-"])
def test_no_such_part_is_416(ranged, asked):
    answer = ranged.get({"Range": asked})
    assert (answer.status_code, answer.text) == (416, "There are 3000000 bytes.\n")
    assert answer.headers["content-range"] == "bytes */3000000"
    assert answer.headers["x-content-type-options"] == "nosniff"


def parts(answer):
    head = b"Content-Type: " + answer.headers["content-type"].encode() + b"\r\n\r\n"
    message = BytesParser().parsebytes(head + answer.content)
    return [
        (part["content-range"], part.get_content_type(), part.get_payload(decode=True))
        for part in message.get_payload()
    ]


def test_several_parts(ranged):
    answer = ranged.get({"Range": "bytes=0-9, -10, 500-519,99999999-"})
    assert answer.status_code == 206
    assert re.fullmatch("multipart/byteranges; boundary=[0-9a-f]{32}", answer.headers["content-type"])
    assert answer.headers["content-length"] == str(len(answer.content))
    assert parts(answer) == [
        ("bytes 0-9/3000000", "text/plain", DATA[:10]),
        ("bytes 2999990-2999999/3000000", "text/plain", DATA[-10:]),
        ("bytes 500-519/3000000", "text/plain", DATA[500:520]),
    ]


def test_if_range_goes_by_the_tag_or_the_date(ranged):
    whole = ranged.head().headers
    for condition, status in [
        (whole["etag"], 206), (whole["last-modified"], 206), (f"W/{whole['etag']}", 200), ('"other"', 200),
        ("Sun, 01 Nov 2026 11:59:59 GMT", 200), ("Sun, 01 Nov 2026 12:00:01 GMT", 200), ("yesterday", 200), ("", 200),
    ]:  # fmt: skip
        answer = ranged.get({"Range": "bytes=0-1", "If-Range": condition})
        assert (condition, answer.status_code) == (condition, status)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_random_ranges_equal_the_slice(ranged, data):
    """PROMISES 11: 1,000 of them."""
    size = len(DATA)
    first = data.draw(st.none() | st.integers(0, size + 10))
    last = data.draw(st.none() | st.integers(0, size + 10))
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    answer = ranged.get({"Range": header})
    if (first is None and last is None) or (first is not None and last is not None and last < first):
        expected, status = DATA, 200
    elif first is None:
        expected, status = (DATA[max(0, size - last) :], 206) if last else (b"", 416)
    else:
        expected = DATA[first:] if last is None else DATA[first : last + 1]
        status = 206 if expected else 416
    assert answer.status_code == status
    if status != 416:
        assert answer.content == expected
