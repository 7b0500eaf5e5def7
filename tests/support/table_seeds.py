"""Honest tables that mutation starts from: every format and encoding that is read."""

from __future__ import annotations

import bz2
import gzip
import io
import warnings
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.table import Table
from astropy.units import UnitsWarning

__all__ = ["mutated_table", "table_seeds"]

_IDS = ["a-1", "b-2", "galaxy \u661f"]
_WORDS = (b"href", b"STREAM", b"<STREAM href='@'/>", b"@", b"<!ENTITY x SYSTEM '@'>", b"\x00", b"\xff\xfe")


@cache
def table_seeds() -> dict[str, bytes]:
    """Return name to bytes; three ids each."""
    csv = "object_id,ra,dec\n" + "".join(f"{one},{n}.5,{-n}\n" for n, one in enumerate(_IDS))
    table = Table({"object_id": _IDS, "ra": [0.5, 1.5, 2.5], "dec": [0.0, -1.0, -2.0]})
    table["ra"].unit = "deg"
    seeds = {
        "csv": csv.encode(),
        "csv with a mark": csv.encode("utf-8-sig"),
        "csv.bz2": bz2.compress(csv.encode()),
    }
    for kind in ("tabledata", "binary", "binary2"):
        stream = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnitsWarning)
            table.write(stream, format="votable", tabledata_format=kind)
        seeds[f"votable {kind}"] = stream.getvalue()
    framed = seeds["votable binary"].replace(b"<TABLE", b'<COOSYS ID="s" system="eq_FK5"/><TABLE', 1)
    seeds["votable with a frame"] = framed.replace(b'name="ra"', b'name="ra" ucd="pos.eq.ra;meta.main"')
    for codec in ("none", "snappy", "gzip", "zstd", "brotli", "lz4"):
        stream = io.BytesIO()
        columns = {name: table[name].tolist() for name in table.colnames}
        pq.write_table(pa.table(columns), stream, compression=codec)
        seeds[f"parquet {codec}"] = stream.getvalue()
    ascii_table = table.copy()
    ascii_table["object_id"] = ["a-1", "b-2", "c-3"]
    stream = io.BytesIO()
    ascii_table.write(stream, format="fits")
    return seeds | {"fits": stream.getvalue(), "fits.gz": gzip.compress(stream.getvalue(), mtime=0)}


def mutated_table(number: int, target: str) -> tuple[str, bytes]:
    """Return (seed, bytes) of a case: one to four cuts, flips, repeats, or words that lead to a target; the same in every run."""
    rng = np.random.default_rng([20_261, number])
    seed = sorted(table_seeds())[number % len(table_seeds())]
    data = bytearray(table_seeds()[seed])
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(0, len(data)))
        match rng.integers(0, 5):
            case 0:
                data[at] ^= 1 << int(rng.integers(0, 8))
            case 1:
                del data[at : at + int(rng.integers(1, 200))]
            case 2:
                data[at:at] = data[at : at + int(rng.integers(1, 200))]
            case 3:
                data[at:at] = _WORDS[rng.integers(0, len(_WORDS))].replace(b"@", target.encode())
            case _:
                data[at : at + 4] = rng.integers(0, 256, 4, dtype=np.uint8).tobytes()
        data = data or bytearray(b"\n")
    return seed, bytes(data)
