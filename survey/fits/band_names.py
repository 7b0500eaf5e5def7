"""Photometric bands read from headers, extension names, file names or the sender's words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from survey.bands import BAND_SETS, BANDS, Band, BandSet, UnknownBand
from survey.fits.container import FITSImage
from survey.ingest import CutoutRejected, IngestReport

__all__ = ["band_names", "name_bands", "own_band", "parse_override", "stated_bands", "system_of"]

# (what a header or file name says, band system); the first that is found wins. An instrument whose bands
# are not in the table maps to '': its letters (J, i, W1) must not be taken for another instrument's.
_SYSTEMS: tuple[tuple[str, str], ...] = (
    (r"\bacs\b", "acs"),
    (r"\bwfc3\b", "wfc3"),
    (r"2mass|ukidss|wfcam|\bwise\b|unwise|galex|spitzer|irac|jwst|nircam|\bhst\b|wfpc|nicmos|\bmegacam", ""),
    (r"\bmp9\d{3}|\bvla\b|\bfirst\b|herschel|spire|euclid|skymapper|s-?plus|j-?plas", ""),
    (r"decals|legacy|mzls|\bbass\b|90prime|mosaic-?3|\bls-?dr\d", "legacy"),
    (r"\bhsc\b|hyper suprime|suprime", "hsc"),
    (r"\bdes\b|\bdes\d{4}|decam|\bdelve\b", "des"),
    (r"pan-?starrs|\bps1\b|gpc1|skycell", "ps1"),
    (r"lsstcam|\blsst\b|rubin", "lsst"),
    (r"viking|vircam", "viking"),
    (r"\bkids\b|omegacam|\bvst\b", "kids"),
    (r"sdss|sloan|^frame-[ugriz]-\d{6}-[1-6]-\d{4}", "sdss"),
)  # fmt: skip

_BAND_KEYS = (
    "BAND", "FILTER", "FILTNAM", "FILTNAME", "FILTERID", "FPA.FILTERID", "FPA.FILTER", "FILTER1", "FILTER2",
)  # fmt: skip
_SYSTEM_KEYS = (
    "SURVEY", "TELESCOP", "INSTRUME", "FPA.TELESCOPE", "FPA.INSTRUMENT", "ORIGIN", "DETECTOR", "FPA", "PROGRAM", "TILENAME",
)  # fmt: skip
_NAMES = sorted({band.name for band in BANDS.values() if band.system != "display"}, key=len, reverse=True)
_LONG_NAMES = {"K": "Ks", "KS": "Ks", "ks": "Ks"}


def system_of(image: FITSImage) -> str | None:
    """Return the band system that the header or file name tells of: '' if foreign, None if silent."""
    # The telescope of many cameras says less than the camera.
    keys = [
        key for key in (*_SYSTEM_KEYS, *_BAND_KEYS) if key != "TELESCOP" or image.text(key).upper() != "HST"
    ]
    texts = [str(image.value(key) or "") for key in keys]
    # The 2.5 m telescope at Apache Point has only ever taken SDSS images; camera columns are SDSS's alone.
    is_sdss = image.text("TELESCOP") == "2.5m" or (
        image.value("CAMCOL") is not None and image.value("RUN") is not None
    )
    texts += [
        "sdss" if is_sdss else "",
        image.text("TELESCOP"),
        image.file_name.replace("_", " ").replace(".", " "),
    ]
    for text in texts:
        for pattern, system in _SYSTEMS:
            if re.search(pattern, text, re.IGNORECASE):
                return system
    return None


def _letter(text: str) -> str | None:
    """Return the band that one word means, or None: ``r``, ``HSC-I2``, ``r_SDSS``, ``g.00000``, ``Ks``."""
    words = [w for w in re.split(r"[^A-Za-z0-9]+", text.strip()) if w]
    words = [w for w in words if not any(re.search(p, w, re.IGNORECASE) for p, _ in _SYSTEMS)] or words
    for word in words:
        plain = re.sub(r"(?<=^[GRIZYgrizy])[234]$", "", word)
        plain = re.sub(r"(?i)[-_]?band$", "", plain) or plain
        if plain in _NAMES:
            return plain
        if re.fullmatch(r"(?i)f\d{3}(w|lp)", plain) and plain.upper() in _NAMES:
            return plain.upper()
        if plain in _LONG_NAMES:
            return _LONG_NAMES[plain]
        # Capitals of the optical letters (HSC-G); Z, Y, J and H are bands of their own.
        if plain in ("U", "G", "R", "I"):
            return plain.lower()
    return None


def own_band(image: FITSImage) -> str | None:
    """Return the band that this 2-D image's keywords or extension name state, or None."""
    for key in _BAND_KEYS:
        text = image.text(key)
        if text and not re.match(r"(?i)clear|none$|n/a$|empty|open", text):
            # DECam writes 'z DECam SDSS c0004 9260.0 1520.0': the letter comes first.
            letter = _letter(text.split()[0]) or _letter(text)
            if letter is not None:
                return letter
    return _extension_band(str(image.header.get("EXTNAME", "")))


def _extension_band(text: str) -> str | None:
    """Read ``g``, ``SCI_G``, ``IMAGE-r``, ``IVAR_z``; a long name without a separator is no band."""
    words = [w for w in re.split(r"[^A-Za-z0-9]+", text) if w]
    found = [letter for w in words if len(w) <= 2 and (letter := _letter(w)) is not None]
    if len(found) != 1:
        return None
    # Software writes extension names in capitals: Z and Y there may be z and y.
    return found[0].lower() if text == text.upper() and found[0] in ("Z", "Y") else found[0]


def _file_band(name: str) -> str | None:
    """Read the band from a file name when exactly one of its words is one: ``stamp-u-187.5.fits``, ``hst_f814w_drz``."""
    stem = re.sub(r"(?i)(\.(fits?|fz|gz|bz2))+$", "", name.replace("\\", "/").rsplit("/", 1)[-1])
    words = [w for w in re.split(r"[^A-Za-z0-9]+", stem) if w]
    found = {
        letter
        for w in words
        if re.fullmatch(r"(?i)[ugrizyjhk]s?|[ugrizy]band|f\d{3}(w|lp)", w) and (letter := _letter(w))
    }
    return found.pop() if len(found) == 1 else None


def band_names(image: FITSImage) -> list[str] | None:
    """Return the names of an image's planes as the file states them, or None.

    A cube's names come from ``BANDS`` or ``BAND0`` …; a plane's from its keywords, its extension name or
    the file name.
    """
    if image.data.ndim == 2:
        letter = own_band(image) or (
            None if image.value(*_BAND_KEYS[:2]) is not None else _file_band(image.file_name)
        )
        return None if letter is None else [letter]
    planes = image.data.shape[0]
    listed = image.text("BANDS", "FILTERS")
    if listed:
        parts = re.split(r"[\s,;]+", listed) if re.search(r"[\s,;]", listed) else _letters(listed)
        names = [_letter(part) for part in parts]
        if len(names) == planes and None not in names:
            return [name for name in names if name is not None]
    for first in (0, 1):
        names = [_letter(image.text(f"BAND{n}", f"FILTER{n}")) for n in range(first, first + planes)]
        if None not in names:
            return [name for name in names if name is not None]
    return None


def _letters(text: str) -> list[str]:
    return re.findall(r"Ks|[A-Za-z]", text)


def stated_bands(image: FITSImage) -> tuple[Band, ...] | None:
    """Return the bands of ``BANDID0`` ..., the keywords that name instrument and band together, or None."""
    planes = 1 if image.data.ndim == 2 else image.data.shape[0]
    found = [BANDS.get(image.text(f"BANDID{n}")) for n in range(planes)]
    known = tuple(band for band in found if band is not None)
    return known if len(known) == planes and len(set(known)) == planes else None


def parse_override(text: str, n_planes: int, system: str | None) -> tuple[Band, ...]:
    """Read the sender's ``bands=``; letters take the file's system where it has them.

    Raises
    ------
    CutoutRejected
        ``fits.band_unknown`` if it cannot be read or does not name ``n_planes`` bands.
    """
    try:
        bands = BandSet.parse(text)
    except UnknownBand as error:
        known = ", ".join(BAND_SETS)
        raise CutoutRejected(
            "fits.band_unknown",
            f"bands= names no known bands. Say a set ({known}), ids like `sdss:g,sdss:r`, or letters like `grz`.",
        ) from error
    if len(bands) != n_planes:
        raise CutoutRejected(
            "fits.band_unknown",
            f"bands= names {len(bands)} bands ({','.join(bands.names)}) but there are {n_planes} planes. Name each plane once.",
        )
    if ":" in text or text.strip() in BAND_SETS:
        return bands.bands
    return _in_system(bands.names, system)[0] or bands.bands


def _in_system(names: Sequence[str], system: str | None) -> tuple[tuple[Band, ...] | None, bool]:
    """Return the bands of these names in one system, and whether the system had to be assumed."""
    if system == "":
        return None, False
    if system in ("kids", "viking") or (system is None and len(names) > 1 and "Z" in names):
        found = [
            BANDS.get(f"kids:{n}") or BANDS.get(f"viking:{n}") or BANDS.get(f"viking:{n.upper()}")
            for n in names
        ]
        if None not in found:
            return tuple(b for b in found if b is not None), system is None
    if system is not None:
        found = [BANDS.get(f"{system}:{n}") or BANDS.get(f"{system}:{n.swapcase()}") for n in names]
        return (None if None in found else tuple(b for b in found if b is not None)), False
    if any(n in ("Y", "Z", "J", "H", "Ks") for n in names) and len(names) == 1:
        # A lone near-infrared letter is used by too many cameras to be guessed.
        return None, False
    exact = [known for known in BAND_SETS.values() if set(known.names) == set(names)]
    wider = [known for known in BAND_SETS.values() if set(names) <= set(known.names)]
    for known in exact + wider:
        return tuple(known.bands[known.index(n)] for n in names), True
    return None, False


def name_bands(names: Sequence[str], systems: Sequence[str | None], report: IngestReport) -> tuple[Band, ...]:
    """Return the bands that names and instruments together mean.

    Parameters
    ----------
    names
        One per plane.
    systems
        What :func:`system_of` said of each plane's image.

    Raises
    ------
    CutoutRejected
        ``fits.band_unknown`` if no known instrument has these bands.
    """
    if len(set(systems)) == 1:
        bands, assumed = _in_system(names, systems[0])
    else:
        each = [
            _in_system([name], system)[0]
            for name, system in zip(names, systems, strict=True)
            if system is not None
        ]
        bands = tuple(found[0] for found in each if found is not None)
        bands, assumed = (bands if len(bands) == len(names) else None), False
    if bands is None:
        whose = ", of an instrument whose bands are not known here," if "" in systems else ""
        raise CutoutRejected(
            "fits.band_unknown",
            f"The bands {','.join(names)}{whose} are not in the table. If they are close to known ones, say which, "
            "for example `bands=sdss:r`.",
        )
    text = f"Bands {', '.join(band.id for band in bands)}"
    if assumed:
        text += " (the file names no instrument: the nearest known set is assumed; change it with `bands=`)"
    report.say("bands", text + ".", "band_system_assumed" if assumed else None)
    return bands
