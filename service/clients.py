"""Who counts as one client."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

__all__ = ["IS_GONE", "client_of"]

#: Key of a request's scope: a function that tells, in any thread, whether its client has gone.
IS_GONE: Final = "skylike.is_gone"

# Whoever has one address of IPv6 has 2^64: the smallest network that is handed out (RFC 6177 §2).
_PREFIX = 64


@lru_cache(maxsize=1024)
def client_of(host: str | None) -> str:
    """Return what the limits per client count by: an IPv4 address, the /64 of an IPv6 one, or the text as it is."""
    text = host or ""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    # Without the zone, which names an interface of ours.
    return str(IPv6Network((int(address), _PREFIX), strict=False))
