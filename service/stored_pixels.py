"""What is stored of an upload: its pixels, written anew, with what was understood."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import orjson

from survey.bands import BandSet
from survey.cutout import Cutout
from survey.ingest import IngestReport, Overrides, Understood
from survey.manifests import CorruptFolder, sha256_of

__all__ = ["FITS", "PNG", "REPORT", "Sent", "Stored", "decode", "encode", "report_of", "sent_of"]

FITS: Final = "cutout.fits"
PNG: Final = "cutout.png"
REPORT: Final = "report.json"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a client sent, without its bytes.

    Attributes
    ----------
    files
        ``name``, ``n_bytes`` and ``sha256`` of each; the names are text, of which nothing is ever opened.
    overrides
        What was said about them, only what was.
    """

    files: list[dict[str, Any]]
    overrides: dict[str, Any]

    def digest(self, stored: Stored) -> str:
        """Return what is the same whenever the same bytes, with the same words, gave the same pixels.

        The order and the names of files do not count, unless they gave other pixels.
        """
        hashes = sorted(file["sha256"] for file in self.files)
        pixels = {name: sha256_of(data) for name, data in stored.files.items() if name != REPORT}
        return sha256_of(orjson.dumps([hashes, self.overrides, pixels], option=orjson.OPT_SORT_KEYS))


@dataclass(frozen=True, slots=True)
class Stored:
    """The files of a kept upload with what their manifest says beside their hashes."""

    files: dict[str, bytes]
    about: dict[str, Any]


def sent_of(files: Sequence[tuple[str, bytes]], overrides: Overrides) -> Sent:
    """Describe what was sent."""
    told = [{"name": name, "n_bytes": len(data), "sha256": sha256_of(data)} for name, data in files]
    return Sent(told, {name: value for name, value in asdict(overrides).items() if value is not None})


def encode(understood: Understood) -> Stored:
    """Write pixels anew: FITS for measured ones (float32, bit for bit), PNG for display images.

    Nothing of the files that were sent is in it but pixels and what was understood of their headers.
    """
    cutout, report = understood.cutout, understood.report
    about = {
        "kind": "display" if cutout.bands.is_display else "flux",
        "bands": list(cutout.bands.ids),
        "shape": list(cutout.shape),
        "ra_deg": cutout.ra_deg,
        "dec_deg": cutout.dec_deg,
        "pixel_scale_arcsec": cutout.pixel_scale_arcsec,
        "ebv": cutout.ebv,
        "is_calibrated": cutout.is_calibrated,
        "offset_px": list(cutout.offset_px),
        "provenance": {_plain(key): _plain(value) for key, value in cutout.provenance.items()},
    }
    files = {REPORT: orjson.dumps(report.to_json(), option=orjson.OPT_INDENT_2)}
    if cutout.bands.is_display:
        from survey.rendering import encode as encode_image  # noqa: PLC0415 - loads the image codecs

        rgb = np.clip(np.rint(cutout.flux), 0, 255).astype(np.uint8).transpose(1, 2, 0)
        return Stored({**files, PNG: encode_image(np.ascontiguousarray(rgb), "png")}, about)
    from survey.fits.writer import write_fits  # noqa: PLC0415 - astropy.io.fits costs half a second

    return Stored({**files, FITS: write_fits(cutout)}, about)


def decode(about: Mapping[str, Any], files: Mapping[str, bytes]) -> Understood:
    """Give back what :func:`encode` stored.

    Raises
    ------
    CorruptFolder
        If the files are not what it writes.
    """
    try:
        planes = _png(files[PNG]) if about["kind"] == "display" else _fits(files[FITS])
        cutout = Cutout(
            **planes,
            bands=BandSet.from_ids(about["bands"]),
            ra_deg=about["ra_deg"],
            dec_deg=about["dec_deg"],
            pixel_scale_arcsec=about["pixel_scale_arcsec"],
            ebv=about["ebv"],
            is_calibrated=about["is_calibrated"],
            provenance=about["provenance"],
            # Uploads kept before targets had one.
            offset_px=_offset(about.get("offset_px", (0.0, 0.0))),
        )
        return Understood(cutout, report_of(files))
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise CorruptFolder(f"no stored cutout: {type(error).__name__}") from error


def _offset(told: Any) -> tuple[float, float]:
    y, x = told
    return float(y), float(x)


def report_of(files: Mapping[str, bytes]) -> IngestReport:
    """Give back the report alone, of which no pixel is needed.

    Raises
    ------
    CorruptFolder
        If it is not what :func:`encode` writes.
    """
    try:
        told = orjson.loads(files[REPORT])
        steps = [(step["step"], step["text"]) for step in told["steps"]]
        return IngestReport(told["layout"], steps, list(told["flags"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptFolder(f"no stored report: {type(error).__name__}") from error


def _plain(text: object) -> str:
    """Return text that any database and any JSON takes: PostgreSQL refuses NUL, JSON lone surrogates."""
    return "".join(character for character in str(text) if character.isprintable())


def _fits(data: bytes) -> dict[str, Any]:
    from astropy.io import fits  # noqa: PLC0415 - costs half a second

    # Our own file: its hash was compared with that of the manifest.
    with fits.open(io.BytesIO(data), memmap=False) as hdus:
        planes = {"flux": np.ascontiguousarray(hdus[0].data, dtype=np.float32)}
        for name, dtype in (("IVAR", np.float32), ("MASK", np.bool_)):
            if name in hdus:
                planes[name.lower()] = np.ascontiguousarray(hdus[name].data, dtype=dtype)
    return planes


def _png(data: bytes) -> dict[str, Any]:
    from PIL import Image  # noqa: PLC0415 - loads the image codecs

    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        rgb = np.asarray(image.convert("RGB"), dtype=np.float32)
    return {"flux": np.ascontiguousarray(rgb.transpose(2, 0, 1))}
