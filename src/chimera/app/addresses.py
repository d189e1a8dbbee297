"""Which addresses a URL from outside may lead to: not the inside of the operator's network.

An address may carry another inside it (mapped, translated, tunnelled), which counts as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from chimera.core.errors import SpecError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = {"http": 80, "https": 443}
# Below 1024 only the web's; above it, what speaks other protocols and trusts its network.
_CLOSED_PORTS = frozenset(
    {1433, 1521, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 4369, 5432, 5672, 5900, 5984}
    | {6379, 6443, 7001, 8500, 9042, 9092, 9200, 9300, 10250, 10255, 11211, 15672, 27017}
)
# Where clouds answer with credentials: never, not even for a host that the operator named.
_NEVER = tuple(
    map(
        ip_network,
        (
            "169.254.0.0/16",
            "fe80::/10",
            "fd00:ec2::/32",
            "100.100.100.200/32",
            "168.63.129.16/32",
            "192.0.0.192/32",
            "0.0.0.0/8",
            "::/128",
            "224.0.0.0/4",
            "255.255.255.255/32",
            "ff00::/8",
        ),
    )
)
_TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("::/96"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: what is asked for before any name is resolved."""

    scheme: str
    host: str
    port: int


def place_of(url: str) -> Place:
    """Return where a URL leads; SpecError if nobody may name such a URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused(url, "it cannot be read") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise _refused(url, "it is not http:// or https:// with a host")
    if parts.username is not None or parts.password is not None:
        raise _refused(url, "a name and a password do not belong into it")
    if any(character in url for character in "\\ \t\r\n") or not url.isprintable():
        raise _refused(url, "it has characters that no URL has")
    host = parts.hostname.rstrip(".").lower()
    if _looks_numeric(host) and _as_address(host) is None:
        raise _refused(url, f"{host} is an address in an unusual spelling")
    return Place(parts.scheme, host, PORTS[parts.scheme] if port is None else port)


def refused_address(place: Place, address: str, named: Sequence[str] = ()) -> str:
    """Say why a connection to that address is refused, "" if it is not.

    named: hosts in private networks that the operator allows: `host`, `host:port` or a network.
    """
    found = list(_with_inner(ip_address(address.partition("%")[0])))
    if any(one in network for one in found for network in _NEVER):
        return f"{address} is never asked, whatever its name"
    if _named(place, found[0], named):
        return ""
    if not all(one.is_global and not one.is_multicast for one in found):
        return f"{address} is inside a private network"
    if place.port not in PORTS.values() and (place.port < 1024 or place.port in _CLOSED_PORTS):
        return f"port {place.port} is not one of the web"
    return ""


def _named(place: Place, address: Address, named: Sequence[str]) -> bool:
    for one in named:
        host, colon, port = one.rpartition(":")
        if one == place.host or (colon and host == place.host and port == str(place.port)):
            return True
        if "/" in one and address in ip_network(one, strict=False):
            return True
    return False


def _with_inner(address: Address) -> Iterator[Address]:
    yield address
    if isinstance(address, IPv4Address):
        return
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _TRANSLATED) and not address.is_loopback:
        inner.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    yield from (one for one in inner if one is not None)


def _looks_numeric(host: str) -> bool:
    last = host.rpartition(".")[2]
    return last.isdigit() or last.startswith("0x") or ":" in host


def _as_address(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _refused(url: str, why: str) -> SpecError:
    shown = url if len(url) < 200 and url.isprintable() and "@" not in url else "this URL"
    return SpecError(f"{shown} cannot be used: {why}", hint="give a plain http:// or https:// URL")
