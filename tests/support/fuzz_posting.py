"""One mutated upload as an HTTP request, and whether the answer is one that the service may give."""

from __future__ import annotations

import json

import httpx
from support.fuzz_cases import FuzzCase

from service.problems import PROBLEMS

__all__ = ["post"]

_TYPES = {
    b"SIMP": "image/fits",
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff\xe0": "image/jpeg",
    b"\xff\xd8\xff\xe1": "image/jpeg",
}


def post(client: httpx.Client, case: FuzzCase) -> str:
    """Return the status, or a sentence about what is wrong with the answer."""
    told = case.overrides
    query = {
        "bands": told.bands,
        "hdu": told.hdu,
        "pixscale": told.pixel_scale_arcsec,
        "ra": told.ra_deg,
        "dec": told.dec_deg,
        "k": 1 + case.number % 20,
    }
    options = {name: value for name, value in query.items() if value is not None}
    path = "/api/v1/neighbours/upload"
    if len(case.files) == 1 and case.number % 2:
        data = case.files[0][1]
        kind = _TYPES.get(data[:4], "application/octet-stream")
        answer = client.post(path, params=options, content=data, headers={"content-type": kind})
    else:
        names = [name.replace("\x00", "%00") for name, _ in case.files]
        parts = [("file", (name, data)) for name, (_, data) in zip(names, case.files, strict=True)]
        answer = client.post(path, params=options, files=parts)
    try:
        body = json.loads(answer.text, parse_constant=_no_constant)
    except ValueError:
        return f"{answer.status_code} without JSON"
    if answer.status_code == 200:
        return "200" if _is_sound(body) else "200 with impossible numbers"
    return (
        str(answer.status_code)
        if body.get("code") in PROBLEMS
        else f"{answer.status_code} with an unknown code"
    )


def _is_sound(body: dict[str, object]) -> bool:
    hits = body["hits"]
    assert isinstance(hits, list)
    return bool(hits) and all(-1.001 <= hit["similarity"] <= 1.001 for hit in hits)


def _no_constant(text: str) -> float:
    raise ValueError(text)
