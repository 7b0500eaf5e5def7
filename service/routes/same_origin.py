"""Forms are taken from our own pages only."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

__all__ = ["check_same_origin"]


def check_same_origin(request: Request, refusal: str) -> None:
    """Refuse a form of another site: a browser says where it stands, and only browsers are led there.

    Raises
    ------
    HTTPException
        403, with a sentence that says what was asked and where to do it.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = {f"{scheme}://{request.headers.get('host', '')}" for scheme in ("http", "https")}
    if site not in {"same-origin", "none"} if site is not None else origin is not None and origin not in own:
        raise HTTPException(403, refusal)
