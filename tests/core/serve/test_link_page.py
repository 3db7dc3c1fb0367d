"""The page of a link: for browsers that navigate, with everything from the ledger as text."""

import html
import re
from datetime import timedelta

import pytest

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
EVIL = "<script>alert(1)</script>"


def test_a_browser_gets_the_page_and_programs_the_bytes(session, client):
    path = session.path(session.house.finished(b"two", filename="two.txt"))
    page = client.get(path, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["vary"] == "Accept, Origin"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "<h1>two.txt</h1>" in page.text
    assert '<a class="button" href="?download" download>Download 3 bytes</a>' in page.text
    assert client.get(f"{path}?download", headers=BROWSER).content == b"two"
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "image/avif,image/webp,*/*"}):
        answer = client.get(path, headers=headers)
        assert (answer.content, answer.headers["vary"]) == (b"two", "Accept, Origin")
    assert client.get(path, headers={**BROWSER, "Range": "bytes=0-0"}).content == b"t"
    assert client.head(path, headers=BROWSER).headers["content-length"] == "3"


def test_it_says_until_when_and_what(session, client):
    job = session.house.finished(b"{}", filename="a.json", media_type="application/json")
    text = client.get(session.path(job), headers=BROWSER).text
    assert "Works until <strong>11 November 2026, 12:00 UTC</strong>" in text
    assert "10 days left" in text
    assert session.house.ledger.get(job.id).artifact.sha256 in text
    assert "sent you a file" in text
    session.clock.now += timedelta(days=9, hours=22, minutes=30)
    assert "1 hour left" in client.get(session.path(job), headers=BROWSER).text


def test_everything_is_text(session, client):
    job = session.house.finished(EVIL.encode(), filename="a.json", media_type="application/json")
    text = client.get(session.path(job), headers=BROWSER).text
    assert EVIL not in text
    assert html.escape(EVIL) in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("media_type", "programs"),
    [
        ("image/tiff", ["Python", "QGIS", "GDAL", "curl"]),
        ("image/tiff; application=geotiff", ["Python", "QGIS", "GDAL", "curl"]),
        ("application/geo+json", ["Python", "QGIS", "GDAL", "curl"]),
        ("text/csv", ["Python", "curl"]),
        ("application/x-unknown", ["Python", "curl"]),
    ],
)
def test_code_is_for_the_format(session, client, media_type, programs):
    job = session.house.finished(b"x", filename="it's a $(file).x", media_type=media_type)
    text = client.get(session.path(job), headers=BROWSER).text
    assert re.findall(r'<label for="t\d">(.*?)</label>', text) == programs
    code = html.unescape(text)
    assert """'it'"'"'s a $(file).x'""" in code  # quoted for a shell


def test_over_and_unknown_links_have_their_own_pages(session, client):
    path = session.path(session.house.finished(b"two"))
    assert "<h1>No such link</h1>" in client.get(f"{path}x", headers=BROWSER).text
    session.clock.now += timedelta(days=11)
    assert "<h1>This link has expired</h1>" in client.get(path, headers=BROWSER).text
