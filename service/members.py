"""One member of a batch of cutouts, as it travels between the service, its parsing children and a job's folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Member"]


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A file of an archive, or a row of a table of cutouts.

    Attributes
    ----------
    name
        As sent, printable; text and nothing else.
    data
        The bytes of a FITS file; or, with ``pixels``, float32 values in C order.
    pixels
        For a table's row what its columns say: ``shape`` (C, H, W), ``bands`` (ids), ``is_calibrated``, ``ra_deg``,
        ``dec_deg``, ``ebv``, ``pixel_scale_arcsec``; None for a file.
    code, message
        Why it was refused before anything read it; empty where it was not.
    """

    name: str
    data: bytes | memoryview = b""
    pixels: dict[str, Any] | None = None
    code: str = ""
    message: str = ""
