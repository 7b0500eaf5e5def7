"""The list of uploads that their owner keeps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from service.web.pages import position_text, served_context

if TYPE_CHECKING:
    from service.resources import Resources

__all__ = ["Kept", "kept_page"]


class Kept(NamedTuple):
    """One kept upload in a list."""

    href: str
    image: str
    fits: str
    names: str
    date: str
    facts: tuple[str, ...]


def kept_page(resources: Resources, listed: Mapping[str, Any]) -> dict[str, Any]:
    """Return one page of an owner's uploads; ``listed`` is the API's own list."""
    cursor = listed["next_cursor"]
    return {
        **served_context(resources),
        "uploads": [_kept(one) for one in listed["uploads"]],
        "room": (
            f"{listed['n_total']} of at most {listed['most']} uploads, {_size(listed['n_bytes'])} of "
            f"{_size(listed['most_bytes'])}."
        ),
        "owner": listed["owner"],
        "next_link": f"/uploads?{urlencode({'cursor': cursor})}" if cursor else "",
    }


def _kept(one: Mapping[str, Any]) -> Kept:
    path = f"/api/v1/uploads/{one['upload_id']}/cutout"
    height, width = one["shape"]
    scale = one["pixel_scale_arcsec"]
    facts = (
        ", ".join(one["bands"]),
        f"{width} × {height} px" + ("" if scale is None else f" of {scale:.3g}″"),
        position_text(one["ra_deg"], one["dec_deg"]),
        "" if one["is_calibrated"] or one["kind"] == "display" else "uncalibrated",
        _size(one["n_bytes"]),
    )
    return Kept(
        href=f"/uploads/{one['upload_id']}",
        image=f"{path}?format=png",
        fits=f"{path}?format=fits" if one["kind"] == "flux" else "",
        names=", ".join(str(sent["name"]) for sent in one["sent"]),
        date=datetime.fromisoformat(one["created_at"]).strftime("%Y-%m-%d %H:%M UTC"),
        facts=tuple(fact for fact in facts if fact),
    )


def _size(n_bytes: int) -> str:
    return f"{n_bytes / (1 << 10):.0f} KiB" if n_bytes < 1 << 20 else f"{n_bytes / (1 << 20):.0f} MiB"
