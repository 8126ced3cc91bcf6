"""Who is calling where proxies stand in front: whose `x-forwarded-*` counts, and what it says (`trusted_proxies`).

Anybody can send such a header, so it counts only as far as those who added to it are trusted.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from engine.chat import Headers

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNIX = "unix:"
"""How the file names whoever comes by the unix socket."""
FARTHEST = 32
"""How many proxies one behind the other are looked at."""
SCHEMES = {b"http": "http", b"https": "https"}


class Trusted(msgspec.Struct, frozen=True, kw_only=True):
    """The proxies whose word counts."""

    networks: tuple[Network, ...] = ()
    unix: bool = False

    def holds(self, address: Address | None) -> bool:
        """Say whether `address` is a trusted proxy's; None is the other end of a unix socket."""
        if address is None:
            return self.unix
        return any(address.version == network.version and address in network for network in self.networks)


def trusted(written: list[str]) -> Trusted | None:
    """Return what `server.trusted_proxies` says, None where it names nobody. Raises `ValueError`."""
    if not written:
        return None
    return Trusted(networks=tuple(ipaddress.ip_network(text) for text in written if text != UNIX), unix=UNIX in written)


def forwarded(proxies: Trusted, peer: str | None, headers: Headers) -> tuple[str | None, str | None]:
    """Return (address of the client, scheme it used); None for the scheme where nobody trusted tells.

    `peer` is the other end of the connection, None on a unix socket. The client is the rightmost address of
    `x-forwarded-for` that is no trusted proxy's; where the list cannot be read that far, it is the peer.
    """
    if not proxies.holds(address(peer.encode("latin-1")) if peer is not None else None):
        return peer, None
    hops = [hop for name, value in headers if name == b"x-forwarded-for" for hop in value.split(b",")]
    client = peer
    for hop in reversed(hops[-FARTHEST:]):
        known = address(hop)
        if known is None:
            client = peer
            break
        client = str(known)
        if not proxies.holds(known):
            break
    said = [value for name, value in headers if name == b"x-forwarded-proto"]
    return client, SCHEMES.get(said[-1].rpartition(b",")[2].strip().lower()) if said else None


@lru_cache(256)
def address(text: bytes) -> Address | None:
    """Return the address in one place of `x-forwarded-for`, with or without a port; None: it is none."""
    written = text.strip().decode("latin-1")
    if written.startswith("["):
        written, _, port = written[1:].partition("]")
        if port and not (port[0] == ":" and port[1:].isdecimal()):
            return None
    elif written.count(":") == 1:
        written, _, port = written.partition(":")
        if not port.isdecimal():
            return None
    try:
        found = ipaddress.ip_address(written.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


@lru_cache(4096)
def address_key(address: str) -> str:
    """Return an address as limits count it: an IPv6 one by its /64, which is what one household or host is given."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address  # a unix socket has none
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((found, 64), strict=False))
