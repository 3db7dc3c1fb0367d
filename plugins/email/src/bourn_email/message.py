"""Composition of a message for one recipient as bytes, which are parsed again and compared."""

from __future__ import annotations

import binascii
import hashlib
import io
from email.errors import MultipartInvariantViolationDefect, StartBoundaryNotFoundDefect
from email.generator import BytesGenerator
from email.header import Header, decode_header, make_header
from email.message import Message as MIMEPart
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.parser import BytesHeaderParser
from email.policy import Compat32
from email.utils import format_datetime
from typing import TYPE_CHECKING

import attrs
from bourn.plugin import DeliveryError

from bourn_email.address import domain_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = ["HEADERS", "Message", "compose", "message_id"]

HEADERS = (
    "Content-Type", "MIME-Version", "From", "To", "Cc", "Subject", "Date", "Message-ID", "Auto-Submitted",
)  # fmt: skip
"""The headers of a message in this order; Cc only if there is one."""

MAX_LINE_BYTES = 998
"""Bytes of a line without its line end (RFC 5322, 2.1.1)."""

FOLD_AT = 76
MAX_WORD_LENGTH = 60
"""Longest word of a subject that is not encoded: lines are folded between words."""

_FOLD_COMMA = ",\r\n "

# The older of Python's two policies: the newer one takes ten times as long, and its folding allowed header injection
# (CVE-2024-6923).


class _AsWritten(Compat32):
    """Headers are written exactly as they are set below."""

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return the lines of a header."""
        return f"{name}: {value}\r\n".encode("ascii")


_POLICY = _AsWritten(linesep="\r\n")
_PICTURE_NAME = "picture"
_OF_THE_BODY = MultipartInvariantViolationDefect, StartBoundaryNotFoundDefect


@attrs.frozen(kw_only=True)
class Message:
    """A message, the same for all its recipients.

    Attributes
    ----------
    sender_name, sender : str
    to, cc : sequence of str
        Normalized addresses.
    subject, text, html : str
    picture : bytes or None
        PNG or JPEG.
    picture_id : str
    date : datetime
    delivery_id : str
    """

    sender_name: str
    sender: str
    to: Sequence[str]
    cc: Sequence[str]
    subject: str
    text: str
    html: str
    picture: bytes | None
    picture_id: str
    date: datetime
    delivery_id: str


def message_id(delivery_id: str, recipient: str, sender: str) -> str:
    """Return the Message-ID for a recipient: the same at every try, so that a second copy is recognizable.

    Examples
    --------
    >>> message_id("0" * 32, "anna@example.org", "bourn@example.org")
    '<b24897bd814fc4b9603c3247b1243e85.bourn@example.org>'
    """
    digest = hashlib.sha256(f"{delivery_id}\n{recipient}".encode()).hexdigest()
    return f"<{digest[:32]}.bourn@{domain_of(sender)}>"


def compose(mail: Message, recipient: str) -> bytes:
    """Return the message to one of its recipients as bytes.

    Raises
    ------
    DeliveryError
        Parsed again, the bytes differ from the message; they are not sent.
    """
    message = MIMEMultipart("alternative", boundary=_boundary(mail, "text"), policy=_POLICY)
    headers = {
        "From": _named(mail.sender_name, mail.sender),
        "To": _FOLD_COMMA.join(mail.to),
        "Cc": _FOLD_COMMA.join(mail.cc),
        "Subject": _subject(mail.subject),
        "Date": format_datetime(mail.date),
        "Message-ID": message_id(mail.delivery_id, recipient, mail.sender),
        "Auto-Submitted": "auto-generated",
    }
    for name, value in headers.items():
        if name != "Cc" or mail.cc:
            message[name] = value
    message.attach(_text(mail.text, "plain"))
    html = _text(mail.html, "html")
    message.attach(html if mail.picture is None else _related(html, mail))
    out = io.BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=_POLICY).flatten(message)
    data = out.getvalue()
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    difference = _difference(data, mail, recipient)
    if difference is not None:
        msg = f"the message is not sent, since parsed again it differs: {difference}"
        raise DeliveryError(msg)
    return data


def _text(text: str, subtype: str) -> MIMEPart:
    """Return a part with a text as quoted-printable."""
    part = MIMEPart(policy=_POLICY)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    # binascii takes a fifth of the time of MIMEText, and keeps line ends.
    part.set_payload(binascii.b2a_qp(text.replace("\r\n", "\n").encode(), istext=True).decode("ascii"))
    return part


def _boundary(mail: Message, parts: str) -> str:
    """Return a boundary that occurs in no part: neither quoted-printable nor base64 has '=_'."""
    return f"=_{parts}_{mail.delivery_id}"


def _related(html: MIMEPart, mail: Message) -> MIMEMultipart:
    """Return the HTML with its picture (RFC 2387)."""
    picture = mail.picture or b""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    image = MIMEImage(picture, kind, policy=_POLICY)
    image["Content-ID"] = f"<{mail.picture_id}>"
    image["Content-Disposition"] = f'inline; filename="{_PICTURE_NAME}.{kind}"'
    related = MIMEMultipart("related", boundary=_boundary(mail, "html"), policy=_POLICY, type="text/html")
    related.attach(html)
    related.attach(image)
    for part in (image, related):
        del part["MIME-Version"]
    return related


def _subject(subject: str) -> str:
    """Return the subject as it is if it is plain ASCII, else as encoded words, which keep all spaces."""
    words = subject.split()
    plain = subject.isascii() and " ".join(words) == subject and max(map(len, words), default=0) <= MAX_WORD_LENGTH
    return _encoded(subject, "us-ascii" if plain else "utf-8", "Subject")


def _named(name: str, address: str) -> str:
    if not name:
        return address
    display_name = f'"{name}"' if name.isascii() else _encoded(name, "utf-8", "From")
    return f"{display_name}\r\n <{address}>"


def _encoded(text: str, charset: str, name: str) -> str:
    return Header(text, charset, maxlinelen=FOLD_AT, header_name=name).encode(linesep="\r\n")


def _difference(data: bytes, mail: Message, recipient: str) -> str | None:
    """Return how the bytes differ from the message, or None."""
    bare = data.count(b"\r\n") != data.count(b"\r") or data.count(b"\r") != data.count(b"\n")
    if not data.isascii() or bare or b"\0" in data:
        return "a byte that is not allowed in mail"
    longest = max(map(len, data.split(b"\r\n")))
    if longest > MAX_LINE_BYTES:
        return f"a line of {longest} bytes"
    read = BytesHeaderParser().parsebytes(data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    expected = [name for name in HEADERS if name != "Cc" or mail.cc]
    # The parser reports a missing body, which it was not given.
    defects = [each for each in read.defects if not isinstance(each, _OF_THE_BODY)]
    if read.keys() != expected or defects:
        return f"its headers are {', '.join(read.keys())[:300]}"
    expected_values = {
        "To": ", ".join(mail.to), "Cc": ", ".join(mail.cc), "Subject": mail.subject,
        "Message-ID": message_id(mail.delivery_id, recipient, mail.sender),
    }  # fmt: skip
    for name, value in expected_values.items():
        if value and _decoded(read[name]) != value:
            return f"its {name} differs"
    return None


def _decoded(value: str) -> str:
    """Return the value of a header, unfolded, with encoded words decoded."""
    unfolded = value.replace("\r\n", "").replace("\n", "")
    try:
        return str(make_header(decode_header(unfolded)))
    except (LookupError, UnicodeError, ValueError):  # an encoded word of an unknown charset
        return unfolded
