"""A message as bytes: composed for one recipient, then read again to see that it is what it should be."""

from __future__ import annotations

import binascii
import hashlib
import io
from email.errors import MultipartInvariantViolationDefect, StartBoundaryNotFoundDefect
from email.generator import BytesGenerator
from email.header import Header, decode_header, make_header
from email.message import Message
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

__all__ = ["HEADERS", "Letter", "composed", "message_id"]

HEADERS = (
    "Content-Type", "MIME-Version", "From", "To", "Cc", "Subject", "Date", "Message-ID", "Auto-Submitted",
)  # fmt: skip
"""All that a message begins with, in this order; Cc where there is one."""

LONGEST_LINE = 998
"""Bytes of a line without its end (RFC 5322, 2.1.1)."""

FOLD_AT = 76
LONGEST_WORD = 60
"""Of a subject that is written as it is: lines are folded between words."""

_FOLD_COMMA = ",\r\n "

# The older of Python's two ways: the newer one takes ten times as long, and its folding is what injected headers
# (CVE-2024-6923).


class _AsWritten(Compat32):
    """Headers go out as they are written here: folded where that can't be misread."""

    def fold_binary(self, name: str, value: str) -> bytes:
        """The header's lines."""
        return f"{name}: {value}\r\n".encode("ascii")


_POLICY = _AsWritten(linesep="\r\n")
_PICTURE_NAME = "picture"
_OF_THE_BODY = MultipartInvariantViolationDefect, StartBoundaryNotFoundDefect


@attrs.frozen(kw_only=True)
class Letter:
    """A message but for its recipient.

    Attributes
    ----------
    sender_name, sender : str
    to, cc : sequence of str
        Addresses as they go over the wire.
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
    """The id of the message to that recipient: the same at every try, so that a second copy is known for one.

    Examples
    --------
    >>> message_id("0" * 32, "anna@example.org", "bourn@example.org")
    '<b24897bd814fc4b9603c3247b1243e85.bourn@example.org>'
    """
    digest = hashlib.sha256(f"{delivery_id}\n{recipient}".encode()).hexdigest()
    return f"<{digest[:32]}.bourn@{domain_of(sender)}>"


def composed(letter: Letter, recipient: str) -> bytes:
    """The message to one of the recipients, checked.

    Raises
    ------
    DeliveryError
        Read again it is another message than it should be; never seen, and better held than sent.
    """
    message = MIMEMultipart("alternative", boundary=_boundary(letter, "text"), policy=_POLICY)
    headers = {
        "From": _named(letter.sender_name, letter.sender),
        "To": _FOLD_COMMA.join(letter.to),
        "Cc": _FOLD_COMMA.join(letter.cc),
        "Subject": _subject(letter.subject),
        "Date": format_datetime(letter.date),
        "Message-ID": message_id(letter.delivery_id, recipient, letter.sender),
        "Auto-Submitted": "auto-generated",
    }
    for name, value in headers.items():
        if name != "Cc" or letter.cc:
            message[name] = value
    message.attach(_text(letter.text, "plain"))
    html = _text(letter.html, "html")
    message.attach(html if letter.picture is None else _related(html, letter))
    out = io.BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=_POLICY).flatten(message)
    made = out.getvalue()
    if not made.endswith(b"\r\n"):
        made += b"\r\n"
    fault = _fault(made, letter, recipient)
    if fault is not None:
        msg = f"the message is held back, since read again it is not what was written: {fault}"
        raise DeliveryError(msg)
    return made


def _text(text: str, subtype: str) -> Message:
    """A text as quoted-printable: ASCII in short lines, whatever it says."""
    part = Message(policy=_POLICY)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    # By the module in C, a fifth of the time that MIMEText takes; it leaves line ends as they are.
    part.set_payload(binascii.b2a_qp(text.replace("\r\n", "\n").encode(), istext=True).decode("ascii"))
    return part


def _boundary(letter: Letter, parts: str) -> str:
    """What can stand in no part: '=' is always followed by a digit in quoted-printable, and by nothing in base64."""
    return f"=_{parts}_{letter.delivery_id}"


def _related(html: Message, letter: Letter) -> MIMEMultipart:
    """HTML and the picture in it (RFC 2387)."""
    picture = letter.picture or b""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    image = MIMEImage(picture, kind, policy=_POLICY)
    image["Content-ID"] = f"<{letter.picture_id}>"
    image["Content-Disposition"] = f'inline; filename="{_PICTURE_NAME}.{kind}"'
    related = MIMEMultipart("related", boundary=_boundary(letter, "html"), policy=_POLICY, type="text/html")
    related.attach(html)
    related.attach(image)
    for part in (image, related):
        del part["MIME-Version"]
    return related


def _subject(subject: str) -> str:
    """As it is where it is plain; else as encoded words, which keep every space where it was."""
    words = subject.split()
    plain = subject.isascii() and " ".join(words) == subject and max(map(len, words), default=0) <= LONGEST_WORD
    return _encoded(subject, "us-ascii" if plain else "utf-8", "Subject")


def _named(name: str, address: str) -> str:
    if not name:
        return address
    spoken = f'"{name}"' if name.isascii() else _encoded(name, "utf-8", "From")
    return f"{spoken}\r\n <{address}>"


def _encoded(text: str, charset: str, name: str) -> str:
    return Header(text, charset, maxlinelen=FOLD_AT, header_name=name).encode(linesep="\r\n")


def _fault(made: bytes, letter: Letter, recipient: str) -> str | None:
    """What is wrong with the bytes; None where nothing is."""
    bare = made.count(b"\r\n") != made.count(b"\r") or made.count(b"\r") != made.count(b"\n")
    if not made.isascii() or bare or b"\0" in made:
        return "a byte that no mail holds"
    longest = max(map(len, made.split(b"\r\n")))
    if longest > LONGEST_LINE:
        return f"a line of {longest} bytes"
    read = BytesHeaderParser().parsebytes(made.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    expected = [name for name in HEADERS if name != "Cc" or letter.cc]
    # Python 3.11.2 misses the body, which the parser was not given.
    defects = [each for each in read.defects if not isinstance(each, _OF_THE_BODY)]
    if read.keys() != expected or defects:
        return f"its headers are {', '.join(read.keys())[:300]}"
    said = {
        "To": ", ".join(letter.to), "Cc": ", ".join(letter.cc), "Subject": letter.subject,
        "Message-ID": message_id(letter.delivery_id, recipient, letter.sender),
    }  # fmt: skip
    for name, meant in said.items():
        if meant and _meaning(read[name]) != meant:
            return f"its {name} differs"
    return None


def _meaning(value: str) -> str:
    """What a header says: unfolded, its encoded words decoded."""
    unfolded = value.replace("\r\n", "").replace("\n", "")
    try:
        return str(make_header(decode_header(unfolded)))
    except (LookupError, UnicodeError, ValueError):  # an encoded word of no encoding
        return unfolded
