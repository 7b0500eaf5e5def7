"""Headers and HDUs as surveys write them, around one small galaxy: each function returns (name, bytes) of its files."""

import numpy as np
from astropy.io import fits
from support.fits_files import SIDE, file_of, galaxy, tan_header

NOISE = 0.01


def image(name=None, *, data=None, side=SIDE, **cards) -> fits.ImageHDU:
    header = tan_header(side)
    for key, value in cards.items():
        header[key.replace("__", "-")] = value
    return fits.ImageHDU(galaxy(side=side, noise=NOISE) if data is None else data, header, name=name)


def plane(name, value, *, dtype=np.float32, side=SIDE, **cards) -> fits.ImageHDU:
    hdu = fits.ImageHDU(np.full((side, side), value, dtype), name=name)
    for key, what in cards.items():
        hdu.header[key] = what
    return hdu


def primary(**cards) -> fits.PrimaryHDU:
    hdu = fits.PrimaryHDU()
    for key, value in cards.items():
        hdu.header[key.replace("__", "-")] = value
    return hdu


def table(name=None) -> fits.BinTableHDU:
    return fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])], name=name)


def legacy_cutout():
    """``cutout.fits?layer=ls-dr10&bands=grz&invvar&maskbits``: cubes, no BUNIT."""
    header = tan_header(
        SURVEY="LegacySurvey", VERSION="DR10", IMAGETYP="image", BANDS="grz", BAND0="g", BAND1="r", BAND2="z"
    )
    ivar = fits.ImageHDU(
        np.full((3, SIDE, SIDE), NOISE**-2, np.float32),
        tan_header(IMAGETYP="invvar", BANDS="grz"),
        name="INVVAR",
    )
    bits = fits.ImageHDU(np.zeros((SIDE, SIDE), np.int16), name="MASKBITS")
    return [("cutout.fits", file_of(fits.PrimaryHDU(galaxy(3, noise=NOISE), header), ivar, bits))]


def legacy_subimage():
    """``subimage``: an empty primary, one image per band and brick, each followed by its inverse variance."""
    hdus = [primary(SURVEY="LegacySurvey")]
    for band in "grz":
        # Of the first brick only a corner lies on the cutout.
        for side in (16, SIDE):
            hdus += [
                image(side=side, BAND=band, IMAGETYP="image"),
                image(
                    side=side, data=np.full((side, side), NOISE**-2, np.float32), BAND=band, IMAGETYP="invvar"
                ),
            ]
    return [("subimage.fits", file_of(*hdus))]


def legacy_uncovered():
    return [
        (
            "cutout.fits",
            file_of(primary(SURVEY="LegacySurvey", OVERLAP=False), image(BAND="g", OVERLAP=False)),
        )
    ]


def sdss_frame(*, shape=(SIDE, SIDE)):
    """A corrected frame: image, one-dimensional calibration vector, two tables."""
    header = tan_header(TELESCOP="2.5m", FILTER="r", RUN=1000, CAMCOL=1, BUNIT="nanomaggy")
    data = (
        galaxy(noise=NOISE)
        if shape == (SIDE, SIDE)
        else np.random.default_rng(1).normal(0, 1, shape).astype(np.float32)
    )
    calibration = fits.ImageHDU(np.full(shape[1], 0.005, np.float32))
    return [
        (
            "frame-r-001000-1-0100.fits",
            file_of(fits.PrimaryHDU(data, header), calibration, table("SKY"), table("ASTROM")),
        )
    ]


def ps1_skycell():
    """A stacked skycell: an empty primary and an asinh-scaled compressed image."""
    header = tan_header(EXPTIME=900.0, BSOFTEN=15.0, BOFFSET=0.0)
    header["HIERARCH FPA.FILTER"], header["HIERARCH FPA.TELESCOPE"] = "g.00000", "PS1"
    linear = galaxy(noise=NOISE).astype(np.float64) * 1e3
    scaled = (2.5 * np.log10(np.e) * np.arcsinh(linear / 30)).astype(np.float32)
    compressed = fits.CompImageHDU(scaled, header, compression_type="GZIP_1", quantize_level=0)
    return [("rings.v3.skycell.1234.056.stack.unconv.fits", file_of(primary(), compressed))]


def hsc_cutout():
    """A co-add patch: zero point in the primary, bit planes in the mask."""
    mask = plane("MASK", 1 << 5, dtype=np.int32, MP_BAD=0, MP_SAT=1, MP_EDGE=4, **{"HIERARCH MP_DETECTED": 5})
    mask.data[0, 0] = 1 << 1
    hdus = (
        primary(FLUXMAG0=63095734448.0194),
        image("IMAGE"),
        mask,
        plane("VARIANCE", NOISE**2),
        table("ARCHIVE_INDEX"),
    )
    return [("calexp-HSC-I-9813-4,5.fits", file_of(*hdus))]


def des_tile():
    """SCI, MSK and WGT; a weight of zero is a masked pixel."""
    weight = plane("WGT", NOISE**-2)
    weight.data[0] = 0
    sci = image(
        "SCI",
        BAND="r",
        FILTER="r DECam SDSS c0002 6415.0 1480.0",
        TILENAME="DES2143-4040",
        MAGZERO=30.0,
        BUNIT="electrons",
    )
    return [
        ("DES2143-4040_r2601p01_r.fits", file_of(primary(), sci, plane("MSK", 0, dtype=np.int16), weight))
    ]


def hst_drizzled(**cards):
    """SCI, WHT and CTX; filter and target in the primary, calibration in SCI."""
    filters = {"FILTER1": "CLEAR1L", "FILTER2": "F814W"}
    head = primary(TELESCOP="HST", INSTRUME="ACS", DETECTOR="WFC", EXPTIME=2028.0, **{**filters, **cards})
    sci = image("SCI", BUNIT="ELECTRONS/S", PHOTFLAM=7.07236e-20, PHOTPLAM=8059.7598)
    return [
        (
            "hst_9822_31_acs_wfc_f814w_drz.fits",
            file_of(head, sci, plane("WHT", 500.0), plane("CTX", 1, dtype=np.int32)),
        )
    ]


def hst_two_chips(**cards):
    """Two exposures SCI, ERR, DQ of one filter; the second chip lies 0.1 degrees north."""
    head = primary(TELESCOP="HST", INSTRUME="WFC3", DETECTOR="UVIS", FILTER="F606W", EXPTIME=500.0, **cards)
    hdus = [head]
    for version, north in ((1, 0.0), (2, 0.1)):
        header = tan_header(
            dec=2.2 + north, BUNIT="ELECTRONS", PHOTFLAM=1.15e-19, PHOTPLAM=5889.2, EXTVER=version
        )
        hdus.append(fits.ImageHDU(galaxy(noise=NOISE), header, name="SCI"))
        hdus += [plane("ERR", NOISE, EXTVER=version), plane("DQ", 0, dtype=np.int16, EXTVER=version)]
    return [("idxyz_flc.fits", file_of(*hdus))]


def jwst_i2d():
    """SCI in MJy/sr with PIXAR_SR, ERR, CON, WHT, and the ASDF table."""
    sci = image("SCI", BUNIT="MJy/sr", PIXAR_SR=(0.4 / 206264.80625) ** 2)
    hdus = (
        primary(TELESCOP="JWST", INSTRUME="NIRCAM", FILTER="F200W"),
        sci,
        plane("ERR", NOISE),
        plane("WHT", 9.0),
        table("ASDF"),
    )
    return [("jw_i2d.fits", file_of(*hdus))]


def kids_coadd():
    """Counts are maggies: the zero point is 0."""
    header = tan_header(INSTRUME="OMEGACAM", MAGZERO=0.0, FILTER="r_SDSS")
    return [
        (
            "KiDS_DR4.0_140.0_0.5_r_sci.fits",
            file_of(fits.PrimaryHDU(galaxy(noise=NOISE) * np.float32(1e-11), header)),
        )
    ]


def rubin_coadd():
    hdus = (
        primary(TELESCOP="LSST", FILTER="i"),
        image("IMAGE", BUNIT="nJy"),
        plane("MASK", 0, dtype=np.int32, MP_BAD=0),
        plane("VARIANCE", NOISE**2),
    )
    return [("deepCoadd_i.fits", file_of(*hdus))]
