"""Query and path parameters, each written once."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import AfterValidator, BeforeValidator

__all__ = [
    "ID_PATTERN",
    "Cursor",
    "DecDeg",
    "ImageFormat",
    "K",
    "Limit",
    "MagMax",
    "MagMin",
    "MatchRadius",
    "ObjectId",
    "OptionalDecDeg",
    "OptionalRaDeg",
    "RaDeg",
    "Radius",
    "ReleaseName",
    "SurveyName",
    "TargetText",
    "ZConfMin",
    "ZMax",
    "ZMin",
    "ZPhotMax",
    "ZPhotMin",
    "angle_deg",
    "checked_id",
]

MAX_ID_LENGTH = 128
#: What ``str.isprintable`` allows, in the regular expressions of JSON Schema.
ID_PATTERN = r"^( |[^\p{C}\p{Z}])+$"
_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"

_ANGLE = re.compile(
    r"((?:[0-9]{1,18}\.?|[0-9]{0,6}\.[0-9]{1,12})(?:[eE]-?[0-9]{1,2})?)\s*(deg|arcmin|arcsec|°|'|\")?"
)
_ANGLE_SCHEMA: dict[str, Any] = {"pattern": f"^\\s*{_ANGLE.pattern}\\s*$"}
_DEGREES = {"deg": 1.0, "°": 1.0, "arcmin": 1 / 60, "'": 1 / 60, "arcsec": 1 / 3600, '"': 1 / 3600}


def checked_id(text: str) -> str:
    """Return an object id as it is, if it is printable, short and not empty.

    Raises
    ------
    ValueError
        Otherwise; PostgreSQL's text takes no NUL, and JSON no lone surrogate.
    """
    if not text or len(text) > MAX_ID_LENGTH or not text.isprintable():
        raise ValueError(f"an id is 1 to {MAX_ID_LENGTH} printable characters")
    return text


def angle_deg(text: object, *, unit: str) -> float:
    """Return degrees from ``5arcsec``, ``0.1deg`` or a bare number in ``unit``."""
    match = _ANGLE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError("write a number, or a number with a unit: 5arcsec, 2arcmin, 0.1deg")
    degrees = float(match[1]) * _DEGREES[match[2] or unit]
    if not math.isfinite(degrees):
        raise ValueError("the angle is not finite")
    return degrees


def _degrees(text: object) -> object:
    return angle_deg(text, unit="deg")


def _arcsec(text: object) -> object:
    return angle_deg(text, unit="arcsec")


ObjectId = Annotated[
    str,
    Path(
        description="Object id, a string, as the survey writes it.",
        examples=["SDSS J100024.12+021200.3"],
        min_length=1,
        max_length=MAX_ID_LENGTH,
        json_schema_extra={"pattern": ID_PATTERN},
    ),
    AfterValidator(checked_id),
]
SurveyName = Annotated[
    str | None,
    Query(
        alias="survey",
        pattern=_NAME,
        description="Survey to ask; `/api/v1/surveys` lists them and names the default.",
    ),
]
ReleaseName = Annotated[
    str | None,
    Query(
        alias="release",
        pattern=_NAME,
        description="Index release to ask; `/api/v1/releases` lists them and names the default.",
    ),
]
K = Annotated[int, Query(ge=1, le=1000, description="How many neighbours, 1 to 1000.")]
ZMin = Annotated[
    float | None,
    Query(ge=-1, le=20, allow_inf_nan=False, description="Only hits with z_spec of at least this."),
]
ZMax = Annotated[
    float | None,
    Query(ge=-1, le=20, allow_inf_nan=False, description="Only hits with z_spec of at most this."),
]
MagMin = Annotated[
    float | None,
    Query(ge=-50, le=50, allow_inf_nan=False, description="Only hits with mag_r of at least this (AB)."),
]
MagMax = Annotated[
    float | None,
    Query(ge=-50, le=50, allow_inf_nan=False, description="Only hits with mag_r of at most this (AB)."),
]
ZPhotMin = Annotated[
    float | None,
    Query(ge=0, le=20, allow_inf_nan=False, description="Only hits whose estimate z_phot is at least this."),
]
ZPhotMax = Annotated[
    float | None,
    Query(ge=0, le=20, allow_inf_nan=False, description="Only hits whose estimate z_phot is at most this."),
]
ZConfMin = Annotated[
    float | None,
    Query(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Only hits whose z_phot is right to 0.03 (1 + z) with at least this chance.",
    ),
]
_RA = Query(
    alias="ra",
    ge=0,
    lt=360,
    allow_inf_nan=False,
    description="Right ascension, ICRS degrees, 0 to 360.",
    examples=[150.1],
)
_DEC = Query(
    alias="dec",
    ge=-90,
    le=90,
    allow_inf_nan=False,
    description="Declination, ICRS degrees, -90 to 90.",
    examples=[-0.5],
)
RaDeg = Annotated[float, _RA]
DecDeg = Annotated[float, _DEC]
OptionalRaDeg = Annotated[float | None, _RA]
OptionalDecDeg = Annotated[float | None, _DEC]
Radius = Annotated[
    float,
    BeforeValidator(_degrees, json_schema_input_type=str),
    Query(
        gt=0,
        le=10,
        description="Radius of the cone: a number of degrees, or with a unit (`5arcsec`, `2arcmin`); at most 10 degrees.",
        json_schema_extra={**_ANGLE_SCHEMA, "examples": ["0.5", "2arcmin"]},
    ),
]
MatchRadius = Annotated[
    float,
    BeforeValidator(_arcsec, json_schema_input_type=str),
    Query(
        alias="match_radius",
        gt=0,
        le=0.1,
        description="How near an object must be to count as the one meant: a number of arcseconds, or with a unit; at most 6 arcmin.",
        json_schema_extra={**_ANGLE_SCHEMA, "examples": ["3", "3arcsec"]},
    ),
]
TargetText = Annotated[
    str | None,
    Query(
        alias="target",
        max_length=200,
        description="A place in words instead of ra and dec: `150.1 2.2`, `10:00:24 -00:30:00`, `SDSS J100024.12+021200.3`, or an object id.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="Rows in the answer, 1 to 1000.")]
Cursor = Annotated[str | None, Query(max_length=400, description="`next_cursor` of the page before.")]
ImageFormat = Annotated[Literal["png", "webp", "fits"], Query(alias="format", description="Image format.")]
