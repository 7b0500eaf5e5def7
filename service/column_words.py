"""What the columns of a release say of themselves in files: unit, UCD, meaning."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from service.formats.fields import field

__all__ = ["described_column"]

#: Name → unit, UCD 1+, description.
_WORDS: Final[dict[str, tuple[str, str, str]]] = {
    "object_id": ("", "meta.id;meta.main", "as the survey writes it"),
    "ra_deg": ("deg", "pos.eq.ra;meta.main", "right ascension, ICRS"),
    "dec_deg": ("deg", "pos.eq.dec;meta.main", "declination, ICRS"),
    "hpx29": ("", "pos.healpix", "HEALPix cell of order 29, nested"),
    "ebv": ("mag", "phot.color.excess", "Galactic E(B-V), SFD98 scale"),
    "z_spec": ("", "src.redshift", "measured redshift"),
    "z_phot": ("", "src.redshift.phot", "redshift estimated from the image"),
    "z_err68": ("", "stat.error;src.redshift.phot", "half of the 68 % interval of z_phot"),
    "z_conf": ("", "stat.probability", "chance that z_phot is right to 0.03 (1 + z)"),
    "z_flags": ("", "meta.code.qual", "reservations about z_phot, as bits"),
    "mag_r": ("mag", "phot.mag;em.opt.R", "r magnitude, AB"),
    "label": ("", "src.class", "class that the survey gives"),
    "anomaly_percentile": ("", "stat.rank", "100 (1 - anomaly_p)"),
    "anomaly_p": ("", "stat.probability", "share of normal galaxies that are as odd: small is odd"),
    "anomaly_p_forest": ("", "stat.probability", "anomaly_p by the isolation forest"),
    "anomaly_p_lof": ("", "stat.probability", "anomaly_p by the local outlier factor"),
    "anomaly_p_density": ("", "stat.probability", "anomaly_p by the distance to the nearest normal galaxies"),
    "cause": (
        "",
        "meta.code",
        "what explains the oddity, if it is odd: data_quality, blend or astrophysical",
    ),
    "p_data_quality": ("", "stat.probability", "chance that the data explain the oddity"),
    "p_blend": ("", "stat.probability", "chance that a neighbour on the sky explains the oddity"),
    "defects": ("", "meta.code.qual", "defects found in the pixels, with commas between"),
    "cluster": ("", "meta.id.part", "group of galaxies that look alike"),
    "map_x": ("", "pos.cartesian.x", "place on the map"),
    "map_y": ("", "pos.cartesian.y", "place on the map"),
}


def described_column(column: pa.Field) -> pa.Field:
    """Return a column's name and type with what is known of it; of a survey's own columns nothing is."""
    unit, ucd, description = _WORDS.get(column.name, ("", "", ""))
    return field(column.name, column.type, unit=unit, ucd=ucd, description=description)
