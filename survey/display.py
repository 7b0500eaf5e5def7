"""A JPEG or PNG picture becomes a display cutout."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image

from survey.bands import BAND_SETS
from survey.cutout import Cutout
from survey.ingest import CutoutRejected, IngestReport, Understood

__all__ = ["MAX_PIXELS", "read_display"]

MAX_PIXELS = 4096 * 4096
_MIN_SIDE = 16
# Rounding in the conversion from luminance and chroma moves grey apart by no more.
_GREY_SPREAD = 2
_UNREADABLE = "The picture cannot be read: it is damaged, incomplete, or not what its first bytes say."


def read_display(data: bytes, *, pixel_scale_arcsec: float | None = None) -> Understood:
    """Read an 8-bit picture; grey becomes three equal channels, transparency is laid on black.

    Parameters
    ----------
    pixel_scale_arcsec
        Arcsec per pixel if the sender knows it.

    Returns
    -------
    Understood
        Counts 0..255 in the bands ``display-rgb``; row 0 is the *bottom* of the picture, as in FITS.

    Raises
    ------
    CutoutRejected
        ``display.type`` for anything but PNG and JPEG, ``display.too_large`` beyond 16.8 megapixels,
        ``display.too_small`` under 16 px, ``display.unreadable`` for damage.
    """
    # Decided by the bytes: Pillow would otherwise try 43 formats.
    kind = "PNG" if data[:8] == b"\x89PNG\r\n\x1a\n" else "JPEG" if data[:3] == b"\xff\xd8\xff" else None
    if kind is None:
        raise CutoutRejected(
            "display.type", "Only PNG and JPEG pictures are read. Convert the picture to one of them."
        )
    pixels = _decode(data, kind)
    report = IngestReport(layout="display")
    height, width = pixels.shape[:2]
    report.say(
        "units",
        f"{kind} picture of {width}x{height} px, display-stretched: similarity is indicative only, no photo-z.",
        "display",
    )
    if pixel_scale_arcsec is None:
        report.say("wcs", "No pixel scale: the whole picture is taken as the field.", "no_pixel_scale")
    if bool((pixels == pixels[0, 0]).all()):
        raise CutoutRejected("display.blank", "Every pixel of the picture has the same colour.")
    if int(np.ptp(pixels, axis=2).max()) <= _GREY_SPREAD:
        report.say("sanity", "The picture has no colour: only shape and light are compared.", "grey")
    # Top row first, as survey.rendering shows display planes and index.fields makes them of fluxes.
    flux = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
    cutout = Cutout(
        flux=flux,
        bands=BAND_SETS["display-rgb"],
        pixel_scale_arcsec=pixel_scale_arcsec,
        is_calibrated=False,
        provenance={"layout": "display", "format": kind},
    )
    return Understood(cutout, report)


def _decode(data: bytes, kind: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=(kind,)) as image:
                # Only the header has been read so far.
                _check_size(*image.size)
                return np.asarray(_to_rgb(image))
    except CutoutRejected:
        raise
    except Image.DecompressionBombError as error:
        raise CutoutRejected(
            "display.too_large", f"The picture has more than {MAX_PIXELS:,} pixels. Shrink it."
        ) from error
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error, ...
        raise CutoutRejected("display.unreadable", _UNREADABLE) from error


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise CutoutRejected(
            "display.too_large", f"The picture has {width}x{height} pixels (limit {MAX_PIXELS:,}). Shrink it."
        )
    if min(width, height) < _MIN_SIDE:
        raise CutoutRejected(
            "display.too_small", f"The picture has {width}x{height} pixels; send at least {_MIN_SIDE} a side."
        )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16-bit grey: the upper byte (Pillow's own conversion would clip).
        wide = np.asarray(image, dtype=np.uint32) >> 8
        return Image.fromarray(np.minimum(wide, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        picture = image.convert("RGBA")
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, picture).convert("RGB")
    return image.convert("RGB")
