"""Whether a request can only have come from this machine's own user."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from service.peers import is_own_users

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["is_local", "is_loopback"]

# What proxies add. One that adds nothing and runs as the same user on the same machine cannot be told from a local
# client: docs/operations.md says what to set then.
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
    """Whether a request was made on this machine, by the user who runs the service, which listens there only.

    Every sign must agree; a missing one counts against it. The address that the service was told to listen on
    may not be the real one (``uvicorn --host``), so the address that the connection came in on has to be loopback
    too. The kernel says whose the client's end is, where it says so (Linux): other accounts and the proxies that run
    in them are not local. Any proxy on the same machine is also known by what it adds, or by HTTP/1.0, which nginx
    spoke before 1.29.7 and clients do not. A web page elsewhere that makes the user's browser ask is known by ``Host``
    (a name that its owner points at 127.0.0.1), ``Sec-Fetch-Site``, ``Origin`` and ``Referer``.

    Reads a table of the kernel: call it in a thread.

    Parameters
    ----------
    host
        Where the service was told to listen.
    """
    scope, headers = request.scope, request.headers
    server: tuple[Any, Any] = scope.get("server") or (None, None)
    return (
        is_loopback(host)
        and server[1] is not None
        and is_loopback(server[0])
        and scope.get("http_version") != "1.0"
        and not any(name in _FORWARDED or name.startswith("x-forwarded-") for name in headers)
        and is_loopback(_name(headers.get("host", "")))
        and _is_own_page(headers.get("sec-fetch-site"), headers.get("origin"), headers.get("referer"))
        and _is_own_users(scope.get("client"), server)
    )


def _is_own_users(client: tuple[str, int] | None, server: tuple[str, int]) -> bool:
    """Whether the kernel names our own user, or names nobody at all."""
    try:
        ends = [
            (ip_address("127.0.0.1" if host == "localhost" else host), port)
            for host, port in (client or ("", 0), server)
        ]
    except ValueError:
        return False
    return is_own_users(*ends) is not False


def _is_own_page(site: str | None, origin: str | None, referer: str | None) -> bool:
    """Whether no page asked, or one of ours; our pages send no referrer, and so ``Origin: null`` with a form."""
    if site is not None and site not in _OWN_PAGES:
        return False
    named = [
        page for page in (origin, referer) if page is not None and not (page == "null" and site is not None)
    ]
    return all(is_loopback(_name(page.partition("://")[2].partition("/")[0])) for page in named)


def _name(authority: str) -> str | None:
    """Return the host of ``host:port``, which has no user (``skylike.example@127.0.0.1``), path or query."""
    if any(character in authority for character in "@/\\?#"):
        return None
    try:
        return urlsplit(f"//{authority}").hostname
    except ValueError:
        return None
