"""Which of the user's columns is which: aliases found, echoed, and overruled by the user."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from survey.sources.table_files import UnreadableTable

__all__ = ["RESERVED", "STANDARD", "ColumnMap", "is_magnitude_name", "match_columns", "parse_overrides"]

# Names under which a survey keeps what it understands, and what tables in the field call it: the first
# alias that a table has wins. `z` is a redshift only where no u, g, r, i beside it makes it a magnitude.
STANDARD: dict[str, tuple[str, ...]] = {
    "object_id": (
        "object_id", "id", "objid", "obj_id", "objectid", "dr7_objid", "dr8objid", "iauname", "iau_name", "name",
        "source_id", "sourceid", "targetid", "galaxy_id", "galaxyid", "gama_id", "cataid", "dr7objid", "coadd_object_id",
        "specobjid", "objname", "designation", "number",
    ),
    "ra_deg": (
        "ra_deg", "ra", "raj2000", "_raj2000", "ra_j2000", "ra_icrs", "radeg", "alpha_j2000", "alphawin_j2000", "ra_2000",
        "_ra", "alpha", "target_ra", "plug_ra", "ra_x", "racen", "ra_cen", "ra_mean", "ramean", "ra_gal",
    ),
    "dec_deg": (
        "dec_deg", "dec", "dej2000", "_dej2000", "decj2000", "dec_j2000", "de_icrs", "dec_icrs", "decdeg", "dedeg",
        "delta_j2000", "deltawin_j2000", "dec_2000", "_de", "delta", "target_dec", "plug_dec", "dec_x", "deccen", "dec_cen",
        "dec_mean", "decmean", "dec_gal",
    ),
    "z_spec": (
        "z_spec", "zspec", "specz", "spec_z", "redshift", "specz_redshift", "z_helio", "zhelio", "z_sp", "zsp",
        "z_cmb", "z_noqso", "sdss_z", "sdss_spec_z", "z",
    ),
    "ebv": ("ebv", "e_bv", "e(b-v)", "e_b_v", "ebv_sfd", "sfd_ebv", "ebv_sfd98", "ebmv"),
    "label": ("label", "class", "morphology", "morph", "type", "hubble_type", "label_raw"),
    "file": ("file", "filename", "file_name", "fits_file", "image_file", "imagefile", "fits", "cutout", "stamp", "file_path"),
    "mag_r": ("mag_r", "r_mag", "rmag", "modelmag_r", "petromag_r", "cmodelmag_r", "mag_auto_r", "petror", "r_kron_ab"),
    "pixel_scale_arcsec": ("pixel_scale_arcsec", "pixscale_arcsec", "pixscale", "pxscale", "pixel_scale"),
}  # fmt: skip

# What later steps add to a survey's columns; a user's column of that name is kept as NAME_user.
RESERVED = frozenset(
    {
        "object_id",
        "ra_deg",
        "dec_deg",
        "hpx29",
        "ebv",
        "ebv_src",
        "z_spec",
        "label",
        "mag_r",
        "z_phot",
        "anomaly_percentile",
    }
)


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Standard names and the user's columns behind them.

    Attributes
    ----------
    columns
        Standard name to the user's name.
    told
        Standard names that the user gave.
    """

    columns: Mapping[str, str]
    told: frozenset[str]

    def lines(self) -> list[str]:
        """Return the mapping as text, one standard column a line."""
        width = max((len(name) for name in self.columns), default=0)
        return [
            f"{name:<{width}} = {column}{' (as you said)' if name in self.told else ''}"
            for name, column in self.columns.items()
        ]


def parse_overrides(texts: Sequence[str]) -> dict[str, str]:
    """Read ``ra=RAJ2000`` pairs; ``id``, ``ra``, ``dec``, ``z`` and ``filename`` are short for the standard names.

    Raises
    ------
    UnreadableTable
        If a text is no pair, or its left side no standard column.
    """
    short = {
        "id": "object_id", "ra": "ra_deg", "dec": "dec_deg", "z": "z_spec", "redshift": "z_spec", "filename": "file",
        "pixscale": "pixel_scale_arcsec", "class": "label",
    }  # fmt: skip
    found: dict[str, str] = {}
    for text in texts:
        left, separator, right = (part.strip() for part in text.partition("="))
        name = short.get(left, left)
        if not separator or not right or name not in STANDARD:
            raise UnreadableTable(
                f"--column {text!r}: write NAME=YOUR_COLUMN with NAME one of {', '.join(STANDARD)}."
            )
        found[name] = right
    return found


def match_columns(names: Sequence[str], overrides: Mapping[str, str] | None = None) -> ColumnMap:
    """Find the standard columns among a table's names, without regard to case.

    Parameters
    ----------
    names
        The table's columns.
    overrides
        Standard name to column, from the user; ``none`` as the column leaves it out.

    Raises
    ------
    UnreadableTable
        If the user names a column that the table has not.
    """
    overrides = overrides or {}
    by_lower = {name.lower(): name for name in reversed(names)}
    columns: dict[str, str] = {}
    for standard, aliases in STANDARD.items():
        given = overrides.get(standard)
        if given is not None:
            if given.lower() == "none":
                continue
            column = given if given in names else by_lower.get(given.lower())
            if column is None:
                raise UnreadableTable(
                    f"no column {given!r} for {standard}; the table has {', '.join(names)}."
                )
            columns[standard] = column
            continue
        found = next((by_lower[a] for a in aliases if a in by_lower and not _is_magnitude(a, by_lower)), None)
        if found is not None and found not in columns.values():
            columns[standard] = found
    if ("ra_deg" in columns) != ("dec_deg" in columns):
        lonely = "dec" if "ra_deg" in columns else "ra"
        raise UnreadableTable(f"found one coordinate but not the other; add `--column {lonely}=YOUR_COLUMN`.")
    told = frozenset(name for name in overrides if name in columns)
    return ColumnMap(columns, told)


def _is_magnitude(alias: str, by_lower: Mapping[str, str]) -> bool:
    """Whether a column ``z`` stands in a row of magnitudes (SkyServer) rather than for a redshift."""
    return alias == "z" and sum(band in by_lower for band in ("u", "g", "r", "i")) >= 2


def is_magnitude_name(name: str) -> bool:
    """Whether a column's name says that it holds magnitudes."""
    return re.search(r"mag(_|\d|$)|kron_ab$", name.lower()) is not None
