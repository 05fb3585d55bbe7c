"""Network addresses of callers: one spelling of each, and what counts as one caller."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
ONE_SITE_BITS = 64
"""An IPv6 site has at least a /64 (RFC 6177): its people choose the rest of their addresses as they like."""


def parsed(text: str) -> IPv4Address | IPv6Address | None:
    """The address, None for what is none; an IPv4 address inside IPv6 (RFC 4291, 2.5.5.2) is the IPv4 address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def normal(text: str | None) -> str | None:
    """The one spelling of an address, None for what is none."""
    address = parsed(text) if text else None
    return str(address) if address is not None else None


def as_hop(text: str) -> str | None:
    """An address as proxies write it into X-Forwarded-For: some add the port, and brackets around IPv6."""
    text = text.strip().strip('"')
    if text.startswith("["):
        return normal(text[1:].partition("]")[0])
    return normal(text.partition(":")[0] if text.count(":") == 1 else text)


def caller_network(address: str) -> str:
    """What limits count as one address: IPv4 as it is, IPv6 by its /64, of which one person has every address."""
    found = parsed(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, ONE_SITE_BITS), strict=False))
    return str(found or address)


def network(text: str) -> Network | None:
    """An address or a network in CIDR notation, None for what is neither; bits beyond the prefix are no matter."""
    head, slash, bits = text.strip().partition("/")
    address = parsed(head)
    if address is None or (slash and not (bits.isascii() and bits.isdigit())):
        return None
    try:
        return ip_network((address, int(bits) if slash else address.max_prefixlen), strict=False)
    except ValueError:
        return None


class TrustedProxies:
    """Finds the caller behind the proxies whose word is believed: the one rule of HTTP and the live edge."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks: tuple[Network, ...] = tuple(ip_network(each) for each in networks)

    def caller(self, peer: str | None, forwarded: Iterable[str]) -> str | None:
        """The caller's address. What X-Forwarded-For says counts only as far as trusted proxies wrote it.

        Proxies add to the end, some of them as a header of their own: every one counts, in order.
        """
        address = normal(peer)
        if not self._networks or address is None:
            return address
        hops = [hop for line in forwarded for hop in line.split(",") if hop.strip()]
        while hops and address is not None and self._is_trusted(address):
            address = as_hop(hops.pop())
        return address

    def _is_trusted(self, address: str) -> bool:
        found = ip_address(address)
        return any(found in proxy for proxy in self._networks)
