"""Which addresses no upstream may have: where clouds keep the credentials of a machine, and what is no host at all.

Loopback and private addresses are allowed: Ollama and its like live there. Pure but for `inet_aton`, which reads the
odd spellings (`0xA9FEA9FE`, `2852039166`) that the system's resolver takes for addresses too.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

METADATA = "is where a cloud hands out the credentials of this machine"
LINK_LOCAL = "is a link-local address, where clouds hand out the credentials of a machine"
NO_HOST = "is the address of no single host"
FILTERED = "is what a DNS filter answers for a name that it blocks"

FORBIDDEN = tuple(
    (ipaddress.ip_network(network), why)
    for network, why in {
        "169.254.0.0/16": LINK_LOCAL,  # RFC 3927; 169.254.169.254: AWS, Azure, GCP; 169.254.170.2: ECS
        "fe80::/10": LINK_LOCAL,
        "100.100.100.200/32": METADATA,  # Alibaba Cloud
        "192.0.0.192/32": METADATA,  # Oracle Cloud
        "168.63.129.16/32": METADATA,  # Azure's WireServer
        "fd00:ec2::/32": METADATA,  # AWS: ::254 instance metadata, ::23 pod identity
        "fd20:ce::254/128": METADATA,  # GCP
        "fd00:c1::a9fe:a9fe/128": METADATA,  # Oracle Cloud
        "fd00:42::42/128": METADATA,  # Scaleway
        "224.0.0.0/4": NO_HOST,  # multicast
        "ff00::/8": NO_HOST,
        "255.255.255.255/32": NO_HOST,
    }.items()
)
"""Network -> why nothing is ever sent there."""

THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291, 2.5.5.1
TRANSLATED = ipaddress.ip_network("::ffff:0:0:0/96")  # RFC 2765
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215; the address stands where the length of the prefix says


def forbidden(address: str, *, resolved: bool = False) -> str | None:
    """Return why no upstream may be at `address` (as getaddrinfo or a URL writes it), None where one may.

    0.0.0.0 and :: reach this machine's own loopback (Ollama prints them so), which is allowed; but a *name* that
    resolves to one of them is blocked by a DNS filter, and what listens here is not what was meant.
    """
    known = parse(address)
    if known is None:
        return None
    for one in _all(known):
        for network, why in FORBIDDEN:
            if one.version == network.version and one in network:
                return why
        if one.is_unspecified:
            if resolved:
                return FILTERED
        elif one in THIS_NETWORK:
            return NO_HOST
    return None


def parse(text: str) -> Address | None:
    """Return the address that `text` writes, None for a name."""
    text = text.partition("%")[0]
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):
        return None


def _all(address: Address) -> Iterator[Address]:
    """Yield `address`, and every IPv4 address that a router or the kernel may read out of it."""
    yield address
    if not isinstance(address, ipaddress.IPv6Address) or address.is_unspecified or address.is_loopback:
        return
    low = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped is not None or any(address in one for one in (TRANSLATED, COMPATIBLE, NAT64, LOCAL_NAT64)):
        yield low
    if address in LOCAL_NAT64:
        yield ipaddress.IPv4Address((int(address) >> 64 & 0xFFFF) << 16 | int(address) >> 40 & 0xFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
