"""In whose name a request asks, and whether it may upload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from anyio import to_thread
from fastapi import Depends
from starlette.requests import Request

from service.dependencies import resources_of
from service.loopback import is_local
from service.operations.refusals import KeyNeeded
from service.records.jobs import NOBODY
from service.records.keys import LOCAL

__all__ = [
    "NeedsOwner",
    "Owner",
    "may_keep",
    "may_upload",
    "need_owner",
    "owner_needed",
    "owner_of",
    "owner_or_nobody",
]

_REMEDY = (
    "Send `Authorization: Bearer KEY`; whoever runs this service gives keys out with `skylike keys add OWNER`"
)


@dataclass(frozen=True, slots=True)
class Owner:
    """In whose name a request asks.

    Attributes
    ----------
    name
        The owner of the key that was sent, or ``local``: whoever sits at a machine whose service nobody else reaches.
    """

    name: str


def owner_of(request: Request) -> Owner | None:
    """Return in whose name a request asks, or None; asks the database only about a key that was sent.

    Blocks: call it in a plain handler or in a thread, or await :func:`may_upload`.

    Raises
    ------
    KeyInvalid
        If a key was sent that is unknown, expired or revoked.
    """
    key = _key(request)
    return _nobody_named(request) if key is None else Owner(resources_of(request).keyring.owner(key))


async def may_upload(request: Request) -> Owner | None:
    """Return in whose name an upload is sent; None for a stranger where strangers may upload.

    Raises
    ------
    KeyNeeded
        If a key is needed and was not sent.
    KeyInvalid
        If the key that was sent opens nothing.
    """
    owner = await _owner(request)
    if owner is None and resources_of(request).settings.upload_anonymous is not True:
        raise KeyNeeded(f"This service takes uploads only with a key. {_REMEDY}.")
    return owner


async def may_keep(request: Request) -> Owner:
    """Return whose an upload will be that is to be kept.

    Raises
    ------
    KeyNeeded
        If nobody would own it.
    KeyInvalid
        If the key that was sent opens nothing.
    """
    return _owned(await may_upload(request))


async def owner_needed(request: Request) -> Owner:
    """Return in whose name a request asks, without blocking.

    Raises
    ------
    KeyNeeded
        If it asks in nobody's.
    KeyInvalid
        If the key that was sent opens nothing.
    """
    return _owned(await _owner(request))


async def owner_or_nobody(request: Request) -> str:
    """Return the owner's name for what strangers may have too: theirs belongs to nobody, and its id opens it.

    Raises
    ------
    KeyInvalid
        If the key that was sent opens nothing.
    """
    owner = await _owner(request)
    return NOBODY if owner is None else owner.name


def need_owner(request: Request) -> Owner:
    """Return in whose name a request asks; blocks as :func:`owner_of` does.

    Raises
    ------
    KeyNeeded
        If it asks in nobody's.
    KeyInvalid
        If the key that was sent opens nothing.
    """
    return _owned(owner_of(request))


#: A plain ``def``: FastAPI runs it in a thread.
NeedsOwner = Annotated[Owner, Depends(need_owner)]


async def _owner(request: Request) -> Owner | None:
    key = _key(request)
    if key is None:
        return await to_thread.run_sync(_nobody_named, request) if _may_be_local(request) else None
    known = resources_of(request).keyring.remembered(key)
    return Owner(known) if known is not None else await to_thread.run_sync(owner_of, request)


def _owned(owner: Owner | None) -> Owner:
    if owner is None:
        raise KeyNeeded(f"What is kept needs an owner, and no key was sent. {_REMEDY}.")
    return owner


def _may_be_local(request: Request) -> bool:
    """Only where nothing was set: who lets strangers upload, or has a proxy in front, has no local user."""
    return resources_of(request).settings.upload_anonymous is None


def _nobody_named(request: Request) -> Owner | None:
    local = _may_be_local(request) and is_local(request, host=resources_of(request).settings.host)
    return Owner(LOCAL) if local else None


def _key(request: Request) -> str | None:
    """Return what follows ``Bearer`` and any blanks; other schemes are a proxy's own affair."""
    scheme, *rest = request.headers.get("authorization", "").split(maxsplit=1) or [""]
    return "".join(rest).strip() if scheme.lower() == "bearer" else None
