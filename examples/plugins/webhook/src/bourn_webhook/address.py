"""Which addresses a result may be sent to: a name is resolved once, and what was looked at is what is connected to."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["Forbidden", "addresses_of", "fault_of_network", "is_allowed"]

# Addresses of IPv6 whose last four bytes are one of IPv4, to which a gateway carries what is sent there.
_CARRIED = (ip_network("64:ff9b::/96"), ip_network("::/96"))


class Forbidden(Exception):
    """A name leads to internal addresses only."""


def addresses_of(host: str, port: int, internal: Collection[str]) -> Sequence[str]:
    """The addresses of a host that may be connected to, the resolver's first choice first.

    Raises
    ------
    OSError
        It can't be resolved (`socket.gaierror`).
    Forbidden
        It has no address that is allowed.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    allowed = [address for address in addresses if is_allowed(address, internal)]
    if not allowed:
        raise Forbidden(f"{host} is {addresses[0]}, an address of an internal network")
    return allowed


def is_allowed(text: str, internal: Collection[str] = ()) -> bool:
    """Whether an address is one of the internet's, or of an internal network that is allowed.

    >>> is_allowed("93.184.215.14"), is_allowed("127.0.0.1"), is_allowed("169.254.169.254"), is_allowed("fe80::1%eth0")
    (True, False, False, False)
    >>> is_allowed("10.20.3.4", ["10.20.0.0/16"]), is_allowed("::ffff:10.0.0.1"), is_allowed("64:ff9b::7f00:1")
    (True, False, False)
    """
    address = _meant(ip_address(text.partition("%")[0]))
    if any(address in ip_network(network) for network in internal):
        return True
    return address.is_global and not (address.is_multicast or address.is_reserved)


def fault_of_network(text: str) -> str | None:
    """What is wrong with a network's text."""
    try:
        ip_network(text)
    except ValueError as error:
        return f"expected a network such as 10.20.0.0/16: {error}"
    return None


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Where what is sent to an address ends up: many of IPv6 stand for one of IPv4."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour or address
    if address.teredo:
        return address.teredo[1]
    plain = address in {IPv6Address("::"), IPv6Address("::1")}  # these mean themselves
    if not plain and any(address in network for network in _CARRIED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
