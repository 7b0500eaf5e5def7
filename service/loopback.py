"""Whether a request can only have come from this machine's own user."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["is_local", "is_loopback"]

# What proxies add. One that adds nothing and runs on the same machine cannot be told from a local client:
# docs/operations.md says what to set then.
_FORWARDED: Final = ("forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip")
_OWN_PAGES: Final = frozenset({"same-origin", "none"})


def is_loopback(host: str | None) -> bool:
    """Whether an address or name is one of this machine that no other can reach: 127.0.0.0/8, ::1, localhost."""
    if not host:
        return False
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def is_local(request: Request, *, host: str) -> bool:
    """Whether a request was made on this machine, by its user, to a service that listens there only.

    Every sign must agree; a missing one counts against it. The address that the service was told to listen on
    may not be the real one (``uvicorn --host``), so the address that the connection came in on has to be loopback
    too. A proxy on the same machine is known by what it adds, or by HTTP/1.0, which nginx speaks unless told
    otherwise and clients do not. A web page elsewhere that makes the user's browser ask is known by ``Host``
    (a name that its owner points at 127.0.0.1), ``Sec-Fetch-Site`` and ``Origin``.

    Parameters
    ----------
    host
        Where the service was told to listen.
    """
    scope, headers = request.scope, request.headers
    server = scope.get("server") or (None, None)
    return (
        is_loopback(host)
        and server[1] is not None
        and is_loopback(server[0])
        and scope.get("http_version") != "1.0"
        and not any(name in _FORWARDED or name.startswith("x-forwarded-") for name in headers)
        and is_loopback(_name(headers.get("host", "")))
        and _is_own_page(headers.get("sec-fetch-site"), headers.get("origin"))
    )


def _is_own_page(site: str | None, origin: str | None) -> bool:
    """Whether no page asked, or one of ours; our pages send no referrer, and so ``Origin: null`` with a form."""
    if site is not None:
        return site in _OWN_PAGES
    return origin is None or is_loopback(_name(origin.rpartition("//")[2]))


def _name(authority: str) -> str | None:
    """Return the host of ``host:port``."""
    try:
        return urlsplit(f"//{authority}").hostname
    except ValueError:
        return None
