"""Answers read back by the programs that astronomers read them with: one reader a format, all asked alike.

Every reader gives the ``values`` of a column as a list with None for what is missing, its ``unit`` and ``ucd``, and the
``grid`` of redshifts.
"""

from __future__ import annotations

import json
import warnings

import h5py
import numpy as np
import orjson
import pandas as pd
import pyarrow.parquet as pq
import pyvo
import qp
from astropy.io import fits, votable
from astropy.table import Table

__all__ = ["READERS", "OfFITS", "OfJSON", "OfPandas", "OfQp", "OfVOTable"]

#: A character beyond ASCII, and what becomes of it: ``star`` of a reader.
STAR = "\u661f"


class OfJSON:
    star = STAR

    def __init__(self, path):
        self.told = orjson.loads(path.read_bytes())
        self.words = {one["name"]: one for one in self.told["columns"]}

    def values(self, name):
        return [row[name] for row in self.told["rows"]]

    def unit(self, name):
        return self.words[name]["unit"]

    def ucd(self, name):
        return self.words[name]["ucd"]

    def grid(self):
        return self.told["z_grid"]


class OfPandas:
    star = STAR

    def __init__(self, path):
        if path.suffix == ".csv":
            text = {"object_id": str, "big": "Int64", "z_n_peaks": "Int64"}
            self.frame = pd.read_csv(path, dtype=text)
        else:
            self.frame = pd.read_parquet(path, dtype_backend="numpy_nullable")
        self.schema = None if path.suffix == ".csv" else pq.read_schema(path)

    def values(self, name):
        if self.schema is None and name in ("z_q", "pdf"):
            columns = [column for column in self.frame if column.startswith(f"{name}_")]
            rows = self.frame[columns].to_numpy()
            return [None if np.isnan(row).all() else row.tolist() for row in rows]
        return [
            None if not isinstance(value, np.ndarray) and pd.isna(value) else value
            for value in self.frame[name]
        ]

    def unit(self, name):
        return "" if self.schema is None else self._word(name, b"unit")

    def ucd(self, name):
        return "" if self.schema is None else self._word(name, b"ucd")

    def _word(self, name, key):
        return (self.schema.field(name).metadata or {}).get(key, b"").decode()

    def grid(self):
        if self.schema is not None:
            return json.loads(self.schema.metadata[b"z_grid"])
        names = [column for column in self.frame if column.startswith("pdf_")]
        return [float(name.removeprefix("pdf_").replace("p", ".")) for name in names]


class OfAstropy:
    def __init__(self, table):
        self.table = table

    def values(self, name):
        column = self.table[name]
        if column.ndim > 1:
            # A vector of which nothing is there.
            return [None if np.all(gone(row)) else np.asarray(row).tolist() for row in column]
        return [None if gone(value) else value for value in column]

    def unit(self, name):
        return str(self.table[name].unit or "")


def gone(value):
    # astropy reads a missing text of a VOTable as an empty one, whatever its flag.
    if np.ma.is_masked(value) or (isinstance(value, str) and not value):
        return True
    return isinstance(value, float | np.floating | np.ndarray) and np.isnan(value)


class OfFITS(OfAstropy):
    star = "\\u661f"

    def __init__(self, path):
        super().__init__(Table.read(path, hdu=1))
        with fits.open(path) as hdus:
            hdus.verify("exception")
            self.header = hdus[1].header
            self.zgrid = hdus["ZGRID"].data["z_grid"].tolist() if "ZGRID" in hdus else None

    def ucd(self, name):
        number = next(n for n in range(1, 99) if self.header[f"TTYPE{n}"] == name)
        return self.header.get(f"TUCD{number}", "")

    def grid(self):
        return self.zgrid


class OfVOTable(OfAstropy):
    star = STAR

    def __init__(self, path):
        assert votable.is_votable(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # A name that is no XML id: astropy makes one of it, and perhaps the same of two.
            warnings.filterwarnings("ignore", ".*(W03: Implicitly generating an ID|W32: Duplicate ID)")
            self.file = votable.parse(path, verify="exception")
        self.resource = self.file.resources[0]
        super().__init__(pyvo.dal.DALResults(self.file).to_table())

    def ucd(self, name):
        return self.file.get_first_table().get_field_by_id_or_name(name).ucd or ""

    def grid(self):
        return next(one.value.tolist() for one in self.resource.params if one.name == "z_grid")


class OfQp:
    star = STAR

    def __init__(self, path):
        with warnings.catch_warnings():
            # qp names the rows that have no p(z).
            warnings.simplefilter("ignore", RuntimeWarning)
            self.ensemble = qp.read(str(path))
        with h5py.File(path) as file:
            self.attrs = {name: dict(file["ancil"][name].attrs) for name in file["ancil"]}

    def values(self, name):
        if name == "pdf":
            # Between the ends, which are not ours.
            rows = self.ensemble.objdata["yvals"][:, 1:-1]
            return [None if np.isnan(row).all() else row.tolist() for row in rows]
        column = self.ensemble.ancil[name]
        if column.ndim > 1:
            return [None if np.isnan(row).all() else row.tolist() for row in column]
        return [None if value in ("", b"") or gone(value) else _plain(value) for value in column]

    def unit(self, name):
        return self.attrs[name].get("unit", "")

    def ucd(self, name):
        return self.attrs[name].get("ucd", "")

    def grid(self):
        return self.ensemble.metadata["xvals"][1:-1].tolist()


def _plain(value):
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() and len(value) < 17 else value


READERS = {
    "json": OfJSON,
    "csv": OfPandas,
    "votable": OfVOTable,
    "fits": OfFITS,
    "parquet": OfPandas,
    "hdf5": OfQp,
}
