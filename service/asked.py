"""What a request asked for, apart from the release that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.operations.cursors import digest_of
from service.operations.replay import token_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from service.served import Served

__all__ = ["Asked", "asked_of", "asked_of_kept"]

# Which release answers is not part of the question; which page, how many of how much, and how written, no part of the list.
_WHERE = (b"release", b"survey")
_PAGES = (b"k", b"limit", b"cursor", b"explain", b"format", b"columns")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was sent, which is asked again by sending the same.

    Attributes
    ----------
    path, query
        As they stand in the URL, without ``release`` and ``survey``.
    body
        JSON; None for GET.
    """

    path: bytes
    query: bytes
    body: bytes | None = None

    def token(self, *served: Served) -> str | None:
        """Return the token that asks the same of the same releases; None where it would be too long."""
        return token_of([one.pin for one in served], self.path, self.query, self.body)

    def digest(self) -> str:
        """Return what all pages of one list have in common."""
        return digest_of(self.path, _without(self.query, _PAGES), self.body)


def asked_of(request: Request, body: bytes | None = None) -> Asked:
    """Return what a request asks."""
    scope = request.scope
    path = scope.get("raw_path") or scope["path"].encode()
    return Asked(path.partition(b"?")[0], _without(scope["query_string"], _WHERE), body)


def asked_of_kept(upload_id: str, k: int) -> Asked:
    """Return what asks for the neighbours of a kept upload, the same whether it is sent or asked again."""
    return Asked(f"/api/v1/uploads/{upload_id}/neighbours".encode(), b"k=%d" % k)


def _without(query: bytes, names: tuple[bytes, ...]) -> bytes:
    if b"&" not in query:
        return b"" if query.partition(b"=")[0] in names else query
    return b"&".join(part for part in query.split(b"&") if part.partition(b"=")[0] not in names)
