"""E-mail addresses: checked without asking the network, and in the form in which they go over the wire."""

from __future__ import annotations

import functools
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "LONGEST_ADDRESS", "address_fault", "allowed", "domain_of", "rule_fault", "sender_fault", "sender_of", "wire",
]  # fmt: skip

LONGEST_ADDRESS = 254
"""Characters (RFC 5321, 4.5.3.1.3, less the angle brackets)."""

LONGEST_NAME = 200
"""Characters of a sender's name, which stands on one line."""

SHOWN = 60
"""Characters of an address that a message quotes."""

_PRIVATE = frozenset({"localhost", "local", "test"})
"""Last labels of domains that are no public ones, and that mail of one's own machines uses all the same."""


class _NoAddress(ValueError):
    """Says what is wrong with an address."""


@functools.lru_cache(1000)
def wire(text: str) -> str:
    """The address as it stands in envelopes and headers: ASCII, the domain in lower case and internationalised by IDNA.

    Only a plain mailbox is taken: no display name, comment, group, quoted part, list, source route or address literal.

    Raises
    ------
    ValueError
        It is none; says why.

    Examples
    --------
    >>> wire("Anna@Bücher.example.org")
    'Anna@xn--bcher-kva.example.org'
    >>> wire("anna@localhost")
    'anna@localhost'
    """
    from email_validator import EmailNotValidError, validate_email  # 60 ms, where mail is sent only

    if len(text) > LONGEST_ADDRESS:
        msg = f"expected an e-mail address of at most {LONGEST_ADDRESS} characters, got {len(text):,}"
        raise _NoAddress(msg)
    name, at, domain = text.rpartition("@")
    if at and ("%" in name or "!" in name):
        msg = f"expected an e-mail address, got {_quoted(text)}: '%' and '!' before the @-sign are routes"
        raise _NoAddress(msg)
    if "=?" in text:
        msg = f"expected an e-mail address, got {_quoted(text)}: '=?' begins an encoded word in a header (RFC 2047)"
        raise _NoAddress(msg)
    # A private name is checked as if it were public: the library refuses those without a reason that holds here.
    beyond = ".org" if domain.rpartition(".")[2].lower() in _PRIVATE else ""
    try:
        found = validate_email(
            text + beyond, check_deliverability=False, allow_smtputf8=False, allow_quoted_local=False,
            allow_domain_literal=False, allow_display_name=False, allow_empty_local=False, strict=True,
        )  # fmt: skip
    except EmailNotValidError as error:
        msg = f"expected an e-mail address, got {_quoted(text)}: {error}"
        raise _NoAddress(msg) from error
    ascii_email = found.ascii_email or found.normalized
    return ascii_email.removesuffix(beyond) if beyond else ascii_email


def domain_of(address: str) -> str:
    """What stands after the @-sign."""
    return address.rpartition("@")[2]


def address_fault(text: str) -> str | None:
    """What is wrong with an address; None where nothing is."""
    try:
        wire(text)
    except ValueError as error:
        return str(error)
    return None


def sender_of(text: str) -> tuple[str, str]:
    """Name and address of a sender: ``anna@example.org`` or ``Bourn <bourn@example.org>``.

    Examples
    --------
    >>> sender_of("Data of Anna <anna@example.org>")
    ('Data of Anna', 'anna@example.org')
    """
    name, bracket, rest = text.rpartition("<")
    if not bracket:
        return "", wire(text)
    if not rest.endswith(">"):
        msg = f"expected 'Name <address>', got {_quoted(text)}"
        raise _NoAddress(msg)
    name = name.strip()
    if not name.isprintable() or len(name) > LONGEST_NAME or any(sign in name for sign in '<>"=?@,;:\\'):
        what = f"a name of at most {LONGEST_NAME} letters, digits and spaces before the address"
        msg = f"expected {what}, got {_quoted(name)}"
        raise _NoAddress(msg)
    return name, wire(rest[:-1])


def sender_fault(text: str) -> str | None:
    """What is wrong with a sender; None where nothing is."""
    try:
        sender_of(text)
    except ValueError as error:
        return str(error)
    return None


def rule_fault(rule: str) -> str | None:
    """What is wrong with a rule of allowed recipients; None where nothing is."""
    name, at, domain = rule.rpartition("@")
    if at and name and domain and rule.isascii() and rule.isprintable() and not set(rule) & set(" ?[]<>,;"):
        return None
    return f"expected an address or a pattern such as '*@example.org' or '*@*.example.org', got {_quoted(rule)}"


def allowed(address: str, rules: Sequence[str]) -> bool:
    """Whether a deployment lets mail go there; no rules let it go anywhere.

    Examples
    --------
    >>> allowed("anna@example.org", ["*@example.org"]), allowed("anna@example.org.evil.com", ["*@example.org"])
    (True, False)
    """
    # There is one @-sign in an address that was checked, so that a star can't reach across it.
    return not rules or any(fnmatchcase(address.lower(), rule.lower()) for rule in rules)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")
