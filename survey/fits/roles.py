"""What each HDU is for: image, inverse variance, variance, sigma, weight, mask, or none of these."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np

from survey.fits.container import FITSImage

__all__ = ["Role", "role_of"]

Role = Literal["image", "ivar", "variance", "sigma", "weight", "mask", "other"]

# Words of EXTNAME, EXTTYPE, IMAGETYP, PRODTYPE, DES_EXT or the file name; the first that is found wins.
_WORDS: tuple[tuple[str, Role], ...] = (
    (r"^(seg|segm|segim|segmap|segmentation|context|ctx|resid|chi2?|nexp)$|psfim|depth|nobs", "other"),
    (r"^(mask|maskbits|msk|dq|dqmask|mskim|badpix|flags?|objmask)\d*$|mask$", "mask"),
    (r"^(ivar|invvar|inverse.?variance|iv)\d*$", "ivar"),
    (r"^(var|variance|varim)\d*$", "variance"),
    (r"^(err|error|sigma|sig|std|rms|uncert|uncertainty)\d*$|_err$", "sigma"),
    # DES and the community pipeline mean inverse variance; HST's WHT is in units of its own.
    (r"^(wgt|weight|wtmap|oow)\d*$", "ivar"),
    (r"^(wht|exptime)\d*$", "weight"),
    (r"^(sci|image|img|science|flux|data|signal)\d*$", "image"),
)  # fmt: skip
# Words that also tell what was done to an image: they count alone, or with nothing but a band beside them.
_ALONE: tuple[tuple[str, Role], ...] = (
    (
        r"(psf|model|sky)\d*([^a-z0-9]+[a-z]\w?)?|([a-z]\w?[^a-z0-9]+)?(psf|model|sky)|psf(ex|_?image)?|n",
        "other",
    ),
    (r"(exp|time)\d*", "weight"),
)
# In file names: words of their own, but for the few that pipelines append to others.
_FILE_WORD = re.compile(
    r"(?:(psf|invvar|ivar|weight|variance|oow|ood)|\w*?(psfim|segim|segmap|mskim|dqmask|mask|sigma))s?\d*"
)
_TREATED = re.compile(r"match|clip|sub|weighted|homog|corr|conv|filter")
_FLUX = r"\(?(nano|micro|milli|[nmuµ])?(mgy|magg(y|ies)|jy|adu|dn|counts?|electrons?)\)?"
_INVERSE_SQUARE = rf"1/{_FLUX}(\*\*|\^)?2|{_FLUX}(\*\*|\^)?\(?-2\)?"


def role_of(image: FITSImage, previous: FITSImage | None) -> Role:
    """Return what an HDU is for, from its names first, then from its pixels.

    Parameters
    ----------
    previous
        The last HDU of the same file that was an image, or None. A nameless extension of the same
        shape right after an image is its inverse variance (SDSS stamps), its mask (0 and 1) or a
        segmentation map.
    """
    for key in ("EXTNAME", "EXTTYPE", "DES_EXT", "IMAGETYP", "HDUCLAS2"):
        role = _named(str(image.header.get(key, "")))
        # The type of an image that was exposed.
        if role is not None and not (key == "IMAGETYP" and role == "weight"):
            return role
    if re.fullmatch(_INVERSE_SQUARE, re.sub(r"\s+", "", image.text("BUNIT").lower())):
        return "ivar"
    by_file = (_file_role(image.file_name) or _named(image.text("PRODTYPE"))) if previous is None else None
    if by_file is not None:
        return by_file
    if previous is None or previous.data.shape != image.data.shape or _introduces_itself(image):
        return "image"
    return _by_pixels(image)


def _named(text: str) -> Role | None:
    for pattern, role in _ALONE:
        if re.fullmatch(pattern, text.strip().lower()):
            return role
    words = [w for w in re.split(r"[^A-Za-z0-9]+", text.lower()) if w]
    for pattern, role in _WORDS:
        if any(re.search(pattern, word) for word in (text.lower(), *words)):
            return role
    return None


def _file_role(name: str) -> Role | None:
    """Trust a file name only where it says that the file is *not* the image."""
    stem = re.sub(r"(?i)(\.(fits?|fz|gz|bz2))+$", "", name.replace("\\", "/").rsplit("/", 1)[-1]).lower()
    words = [w for w in re.split(r"[^a-z0-9]+", stem) if w]
    for word, after in zip(words, [*words[1:], ""], strict=False):
        hit = _FILE_WORD.fullmatch(word)
        if hit and not _TREATED.match(after):
            found: dict[str, Role] = {
                "sigma": "sigma",
                "invvar": "ivar",
                "ivar": "ivar",
                "weight": "ivar",
                "variance": "variance",
                "mask": "mask",
                "mskim": "mask",
                "dqmask": "mask",
                "ood": "mask",
                "oow": "ivar",
            }
            return found.get(hit[1] or hit[2], "other")
    return None


def _introduces_itself(image: FITSImage) -> bool:
    return any(key in image.header for key in ("BAND", "FILTER", "BANDS", "CTYPE1", "EXTNAME"))


def _by_pixels(image: FITSImage) -> Role:
    data = image.data
    if data.dtype.kind in "iub":
        # A map of the galaxy's own pixels marks the middle; a mask that did would leave nothing to look at.
        marks_middle = bool(data[..., data.shape[-2] // 2, data.shape[-1] // 2].any())
        return "mask" if bool(((data == 0) | (data == 1)).all()) and not marks_middle else "other"
    finite = data[np.isfinite(data)]
    return "ivar" if finite.size and bool((finite >= 0).all()) else "other"
