"""Where an image lies on the sky, as its header says."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame
from numpy.typing import NDArray

from survey.fits.container import FITSImage
from survey.ingest import CutoutRejected

__all__ = ["NO_ASTROMETRY", "Astrometry", "Jacobian", "astrometry_of"]

Jacobian = NDArray[np.float64]

# Only these keywords ever reach wcslib: real observatory headers have crashed it (astropy issue 20349), and
# a SIP order of 10^4 hangs it. SIP terms are taken up to order 9, lookup tables not at all.
_WCS_KEYS = re.compile(
    r"(CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA)[12]|(CD|PC)[12]_[12]|PV[12]_\d{1,2}|LONPOLE|LATPOLE|EQUINOX|RADESYS|RADECSYS"
)
# Pan-STARRS still writes the matrix as the drafts of the standard had it: PC001002 is PC1_2.
_OLD_MATRIX_KEYS = re.compile(r"(CD|PC)00([12])00([12])")
_SIP_KEYS = re.compile(r"[AB]P?_(ORDER|[0-9]_[0-9])")
_SCALE_KEYS = ("PIXSCALE", "PIXSCAL1", "PIXELSCALE", "SECPIX", "SECPIX1", "PLTSCALE", "STEP1", "PIXSIZE")


@dataclass(frozen=True, slots=True, eq=False)
class Astrometry:
    """What a header says of the sky.

    Attributes
    ----------
    wcs
        Celestial, or None.
    pixel_scale_arcsec
        Mean of both axes at the middle of the image; from the header's words where there is no WCS; or None.
    """

    wcs: WCS | None
    pixel_scale_arcsec: float | None

    def pixel_of(self, ra_deg: float, dec_deg: float) -> tuple[float, float] | None:
        """Return (x, y), counted from 0, of a position; None where the projection has none."""
        if self.wcs is None:
            return None
        try:
            longitude, latitude = _from_icrs(self.wcs, ra_deg, dec_deg)
            native = (latitude, longitude) if self.wcs.wcs.lat == 0 else (longitude, latitude)
            x, y = self.wcs.all_world2pix([[*native]], 0)[0]
        except Exception:  # noqa: BLE001  wcslib has a dozen exceptions for "not on this map"
            return None
        return (float(x), float(y)) if np.isfinite([x, y]).all() else None

    def position_of(self, x: float, y: float) -> tuple[float, float] | None:
        """Return ICRS (ra, dec) in degrees of a pixel counted from 0; None where there is none."""
        if self.wcs is None:
            return None
        return _sky(self.wcs, x, y)

    def jacobian_at(self, x: float, y: float) -> Jacobian | None:
        """Return arcsec towards (east, north), rows, for one pixel along (x, y), columns; None without a sky there.

        Finite differences over one pixel, distortions included.
        """
        if self.wcs is None:
            return None
        middle, right, up = (_sky(self.wcs, *at) for at in ((x, y), (x + 1, y), (x, y + 1)))
        if middle is None or right is None or up is None:
            return None
        cosine = np.cos(np.deg2rad(middle[1]))
        steps = [(((p[0] - middle[0] + 180) % 360 - 180) * cosine, p[1] - middle[1]) for p in (right, up)]
        return np.array(steps).T * 3600

    def reference(self) -> tuple[float, float] | None:
        """Return ICRS (ra, dec) in degrees of the reference pixel."""
        if self.wcs is None:
            return None
        first, second = (float(value) for value in self.wcs.wcs.crval)
        longitude, latitude = (second, first) if self.wcs.wcs.lat == 0 else (first, second)
        # Some count right ascension from -180.
        return _to_icrs(self.wcs, longitude % 360, latitude)


NO_ASTROMETRY = Astrometry(None, None)


def astrometry_of(image: FITSImage) -> Astrometry:
    """Read an image's astrometry; a header without a usable celestial WCS gives at most a pixel scale."""
    wcs = _wcs(image.header)
    height, width = image.data.shape[-2:]
    if wcs is None:
        scale = image.number(*_SCALE_KEYS)
        return Astrometry(None, scale if scale is not None and 1e-3 <= scale <= 100 else None)
    middle = (width - 1) / 2, (height - 1) / 2
    jacobian = Astrometry(wcs, None).jacobian_at(*middle)
    if jacobian is None:
        return NO_ASTROMETRY
    sides = np.hypot(*jacobian)
    if not (np.isfinite(sides).all() and sides.min() >= 1e-3 and sides.max() <= 3600):
        return NO_ASTROMETRY
    area = abs(float(np.linalg.det(jacobian)))
    if area < 1e-3 * sides.prod():
        raise CutoutRejected(
            "fits.wcs", "The WCS is degenerate: both pixel axes point the same way. Mend the CD or PC matrix."
        )
    return Astrometry(wcs, float(np.sqrt(sides.prod())))


def _wcs(header: fits.Header) -> WCS | None:
    if not str(header.get("CTYPE1", "")).strip():
        return None
    clean = fits.Header()
    has_sip = str(header.get("CTYPE1", "")).strip().endswith("-SIP")
    orders = [header.get(f"{axis}_ORDER", 0) for axis in "AB"]
    take_sip = has_sip and all(isinstance(order, int) and 0 <= order <= 9 for order in orders)
    try:
        for card in header.cards:
            key = _OLD_MATRIX_KEYS.sub(r"\1\2_\3", card.keyword)
            if _WCS_KEYS.fullmatch(key) or (take_sip and _SIP_KEYS.fullmatch(key)):
                clean[key] = card.value
        if has_sip and not take_sip:
            for key in ("CTYPE1", "CTYPE2"):
                clean[key] = str(clean.get(key, "")).replace("-SIP", "")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(clean, naxis=2)
            # Helioprojective maps have a WCS too; a galaxy's position is asked for in ICRS.
            if not wcs.has_celestial or wcs.wcs.lngtyp.strip() not in ("RA", "GLON"):
                return None
            if _is_other(wcs):
                # Fails for a system that nobody knows.
                wcs_to_celestial_frame(wcs)
            else:
                # FK5 of J2000 differs from ICRS by 0.02 arcsec: no pixel's worth.
                wcs.wcs.radesys, wcs.wcs.equinox = "ICRS", np.nan
            wcs.wcs.set()
    except Exception:  # noqa: BLE001  a header that no WCS can be made of is the same as none
        return None
    return wcs


def _sky(wcs: WCS, x: float, y: float) -> tuple[float, float] | None:
    try:
        first, second = wcs.all_pix2world([[x, y]], 0)[0]
    except Exception:  # noqa: BLE001  outside the projection
        return None
    ra, dec = (second, first) if wcs.wcs.lat == 0 else (first, second)
    return _to_icrs(wcs, float(ra) % 360, float(dec)) if np.isfinite([ra, dec]).all() else None


def _is_other(wcs: WCS) -> bool:
    """Whether coordinates are Galactic or of another epoch than J2000: B1950 lies up to 0.6 degrees away."""
    if wcs.wcs.lngtyp.strip() == "GLON":
        return True
    equinox = float(wcs.wcs.equinox)
    return wcs.wcs.radesys.strip().startswith("FK4") or (np.isfinite(equinox) and abs(equinox - 2000) > 0.1)


def _to_icrs(wcs: WCS, ra: float, dec: float) -> tuple[float, float]:
    if not _is_other(wcs):
        return ra, dec
    sky = SkyCoord(ra, dec, unit="deg", frame=wcs_to_celestial_frame(wcs)).icrs
    return float(sky.ra.deg), float(sky.dec.deg)


def _from_icrs(wcs: WCS, ra: float, dec: float) -> tuple[float, float]:
    if not _is_other(wcs):
        return ra, dec
    sky = SkyCoord(ra, dec, unit="deg").transform_to(wcs_to_celestial_frame(wcs))
    return float(sky.spherical.lon.deg), float(sky.spherical.lat.deg)
