"""Hostile subjects, bodies, names and addresses: what is taken makes a message with exactly the headers it should have.

``BOURN_DEEP=1`` tries ten thousand.
"""

import email
import email.policy
import os
import re
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.utils import getaddresses
from types import SimpleNamespace

import pytest
from bourn_email.address import address_problem, normalize_address, sender_of, sender_problem
from bourn_email.message import HEADERS, compose
from bourn_email.options import Options, Settings
from bourn_email.plugin import _message as message_of
from bourn_email.text import add_prefix, body_problem, line_problem
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.deep

DEEP = 10_000 if os.environ.get("BOURN_DEEP") else 150

TRICKS = (
    "\r\nBcc: everybody@example.org", "\nX: y", "\r", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x85", "\0",
    "=?utf-8?q?a=0a_b?=", "=?utf-8?b?DQpCY2M6IGFAYi5j?=", "=?", "?=", "\u202eexe.", "\u2066", "\U000e0041",
    "\ufeff", "😀" * 20, "e\u0301" * 40, " " * 80, "\t", "  ", "=", "==", "?", "é", "日本語" * 30, "x" * 500,
    "x " * 200, ".", "\n.\n", "From ", ":", ";", ",", "<", ">", '"', "\\", "(", ")", "@", "{{ 7 * 7 }}", "{% raw %}",
    "<script>alert(1)</script>", "' onload='x", "</a>", "--===============", "&amp;", "%", "!", "]", "[127.0.0.1]",
)  # fmt: skip
"""What has broken headers, lines, templates or mail programs somewhere."""

pieces = st.lists(
    st.one_of(st.sampled_from(TRICKS), st.text(max_size=20), st.text("abc xyz", max_size=90)), max_size=6
).map("".join)

addresses = st.one_of(
    st.sampled_from([
        "me@example.org", "a.b+c@sub.example.org", "me@bücher.example.org", "ME@EXAMPLE.ORG", "x@localhost",
        "o'neil@example.org", "Me <me@example.org>", "me@example.org, you@example.org", "group: me@example.org;",
        "@a,@b:me@example.org", '"a b"@example.org', "me(comment)@example.org", "me@[127.0.0.1]",
        "me%you@example.org", "a!b@example.org", "me@example.org\r\nBcc: x@example.org", "me@exam\u200dple.org",
        "me@\u202eexample.org", "mé@example.org", "<me@example.org>", "me@example.org>", "me@@example.org",
        "me@example..org", ".me@example.org", "me@-example.org", "a" * 65 + "@example.org", "a@" + "b" * 250 + ".org",
        "me@xn--a.org", "me@xn--bcher-kva.example.org", "=?x?q?a?=@example.org", "=?utf-8?q?a?=@example.org",
    ]),
    st.tuples(pieces, pieces).map("@".join), st.emails(),
)  # fmt: skip

examined = settings(
    phases=[Phase.generate],  # a message is long to shrink, and tells enough as it is
    max_examples=DEEP, deadline=None, suppress_health_check=list(HealthCheck), database=None,
)  # fmt: skip


class Context(SimpleNamespace):
    """As much of one as a message needs."""

    delivery_id, job_id, principal, attempt = "d" * 32, "j" * 48, "somebody", 1

    def link(self):
        return "https://data.example.org/d/token.of.it/bourn-1234.json"

    def link_until(self):
        return self.clock() + timedelta(days=10)

    def clock(self):
        return datetime(2026, 1, 1, 12, tzinfo=UTC)


def artifact():
    return SimpleNamespace(
        filename="bourn-1234.json", media_type="application/json", size_bytes=2, suffix=".json", key="j/d.json"
    )


@examined
@given(
    subject=pieces,
    body=pieces,
    to=st.lists(addresses, min_size=1, max_size=4),
    cc=addresses,
    name=pieces,
    prefix=pieces,
)
def test_a_message_has_the_headers_it_should_have(examples, subject, body, to, cc, name, prefix):
    """By the standard library's newer parser, which did not write it; and the words are those that were given."""
    examples.append(1)
    taken = [address for address in to if address_problem(address) is None and "\ud800" not in address]
    copies = (cc,) if address_problem(cc) is None else ()
    subject = subject if len(subject) <= 900 and encodable(subject) and line_problem(subject) is None else "plain"
    body = body if encodable(body) and body_problem(body) is None else "plain"
    sender = f"{name} <bourn@example.org>"
    sender = sender if encodable(sender) and sender_problem(sender) is None else "bourn@example.org"
    prefix = prefix if len(prefix) <= 60 and encodable(prefix) and line_problem(prefix) is None else "Workflows: "
    reported = Settings(sender=sender, subject_prefix=prefix)
    options = Options(to=tuple(taken) or "me@example.org", cc=copies or None, subject=subject, body=body)
    meant = message_of(artifact(), options, Context(settings=reported))
    raw = compose(meant, "me@example.org")

    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message.keys() == [header for header in HEADERS if header != "Cc" or meant.cc]
    assert [address.addr_spec for address in message["To"].addresses] == list(meant.to)
    assert [address.addr_spec for address in (message["Cc"].addresses if meant.cc else ())] == list(meant.cc)
    assert [address.addr_spec for address in message["From"].addresses] == ["bourn@example.org"]
    # The older parser here: the newer one keeps the space between encoded words of a name (RFC 2047, 6.2 drops it).
    ((name_read, _),) = getaddresses([email.message_from_bytes(raw)["From"]])
    assert str(make_header(decode_header(name_read))) == sender_of(sender)[0]
    assert unfolded(message["Subject"]) == add_prefix(subject, prefix)
    parts = [part.get_content_type() for part in message.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]
    text = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert text.startswith(body.replace("\r\n", "\n").strip("\n") + "\n\nDownload the result:\n\n")
    assert "\nhttps://data.example.org/d/token.of.it/bourn-1234.json\n" in text
    html = message.get_body(("html",)).get_content()
    assert set(re.findall(r"<(\w+)", html)) - {"br"} == TAGS
    assert len(re.findall(r"href=", html)) == 2


TAGS = {"html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "p", "a"}


def encodable(text):
    return text.isprintable() or not re.search("[\ud800-\udfff]", text)


def unfolded(value):
    return str(value)


@examined
@given(address=addresses)
def test_an_address_that_is_taken_is_one_plain_mailbox(examples, address):
    examples.append(1)
    try:
        found = normalize_address(address)
    except ValueError:
        return
    assert re.fullmatch(r"[A-Za-z0-9!#$&'*+/=?^_`{|}~.-]{1,64}@[a-z0-9.-]+", found)
    assert not set(found) & set('%!,;:<>()[]"\\ ')
    assert len(found) <= 254
    assert normalize_address(found) == found
    (only,) = email.message_from_string(f"To: {found}\n\n", policy=email.policy.default)["To"].addresses
    assert only.addr_spec == found
