"""E-mail addresses: validation without network access, and the form used in envelopes and headers."""

from __future__ import annotations

import functools
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "LONGEST_ADDRESS",
    "address_problem",
    "allowed",
    "domain_of",
    "normalize_address",
    "rule_problem",
    "sender_of",
    "sender_problem",
]  # fmt: skip

LONGEST_ADDRESS = 254
"""Characters (RFC 5321, 4.5.3.1.3, less the angle brackets)."""

LONGEST_NAME = 200
"""Characters of a sender's name, which stands on one line."""

SHOWN = 60
"""Characters of an address that a message quotes."""

_PRIVATE = frozenset({"localhost", "local", "test"})
"""Last labels of domains that are not public and that local mail uses nevertheless."""


class InvalidAddress(ValueError):
    """The text is not an e-mail address; the message says why."""


@functools.lru_cache(1000)
def normalize_address(text: str) -> str:
    """Return the address as envelopes and headers use it: ASCII, the domain in lower case and encoded by IDNA.

    Only a plain mailbox is accepted: no display name, comment, group, quoted part, list, route or address literal.

    Raises
    ------
    ValueError
        The text is not such an address; the message says why.

    Examples
    --------
    >>> normalize_address("Anna@Bücher.example.org")
    'Anna@xn--bcher-kva.example.org'
    >>> normalize_address("anna@localhost")
    'anna@localhost'
    """
    from email_validator import EmailNotValidError, validate_email  # 60 ms, on first use

    if len(text) > LONGEST_ADDRESS:
        msg = f"expected an e-mail address of at most {LONGEST_ADDRESS} characters, got {len(text):,}"
        raise InvalidAddress(msg)
    name, at, domain = text.rpartition("@")
    if at and ("%" in name or "!" in name):
        msg = f"expected an e-mail address, got {_quoted(text)}: '%' and '!' before the @-sign denote routes"
        raise InvalidAddress(msg)
    if "=?" in text:
        msg = f"expected an e-mail address, got {_quoted(text)}: '=?' begins an encoded word in a header (RFC 2047)"
        raise InvalidAddress(msg)
    # A local domain is checked as if it were public: the library refuses it.
    beyond = ".org" if domain.rpartition(".")[2].lower() in _PRIVATE else ""
    try:
        found = validate_email(
            text + beyond, check_deliverability=False, allow_smtputf8=False, allow_quoted_local=False,
            allow_domain_literal=False, allow_display_name=False, allow_empty_local=False, strict=True,
        )  # fmt: skip
    except EmailNotValidError as error:
        msg = f"expected an e-mail address, got {_quoted(text)}: {error}"
        raise InvalidAddress(msg) from error
    ascii_email = found.ascii_email or found.normalized
    return ascii_email.removesuffix(beyond) if beyond else ascii_email


def domain_of(address: str) -> str:
    """Return the part after the @-sign."""
    return address.rpartition("@")[2]


def address_problem(text: str) -> str | None:
    """Return what is wrong with an address, or None."""
    try:
        normalize_address(text)
    except ValueError as error:
        return str(error)
    return None


def sender_of(text: str) -> tuple[str, str]:
    """Return name and address of a sender: ``anna@example.org`` or ``Bourn <bourn@example.org>``.

    Examples
    --------
    >>> sender_of("Data of Anna <anna@example.org>")
    ('Data of Anna', 'anna@example.org')
    """
    name, bracket, rest = text.rpartition("<")
    if not bracket:
        return "", normalize_address(text)
    if not rest.endswith(">"):
        msg = f"expected 'Name <address>', got {_quoted(text)}"
        raise InvalidAddress(msg)
    name = name.strip()
    if not name.isprintable() or len(name) > LONGEST_NAME or any(sign in name for sign in '<>"=?@,;:\\'):
        what = f"a name of at most {LONGEST_NAME} letters, digits and spaces before the address"
        msg = f"expected {what}, got {_quoted(name)}"
        raise InvalidAddress(msg)
    return name, normalize_address(rest[:-1])


def sender_problem(text: str) -> str | None:
    """Return what is wrong with a sender, or None."""
    try:
        sender_of(text)
    except ValueError as error:
        return str(error)
    return None


def rule_problem(rule: str) -> str | None:
    """Return what is wrong with a rule of allowed recipients, or None."""
    name, at, domain = rule.rpartition("@")
    if at and name and domain and rule.isascii() and rule.isprintable() and not set(rule) & set(" ?[]<>,;"):
        return None
    return f"expected an address or a pattern such as '*@example.org' or '*@*.example.org', got {_quoted(rule)}"


def allowed(address: str, rules: Sequence[str]) -> bool:
    """Return whether the rules allow mail to an address; without rules all addresses are allowed.

    Examples
    --------
    >>> allowed("anna@example.org", ["*@example.org"]), allowed("anna@example.org.evil.com", ["*@example.org"])
    (True, False)
    """
    # A validated address has one @-sign, so a star can't match across it.
    return not rules or any(fnmatchcase(address.lower(), rule.lower()) for rule in rules)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")
