"""Ingest of a large catalogue and cone searches in it, on SQLite and PostgreSQL.

    python benchmarks/catalogue.py

Data: the 120,362 galaxies of ../shared/data/sdss_dr7_volume_limited_120k. Hardware: two cores, an idle machine.
Takes about a minute. Expected: both databases answer a cone of an arcminute in milliseconds, and every cone
holds exactly what a pass over all positions finds.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from figures import REPOSITORY, figure, table, write_results
from sqlalchemy.orm import Session

sys.path.insert(0, str(REPOSITORY / "tests"))
from support.databases import fresh_database, postgres_server

from index.catalogue.ingest import ingest_survey
from index.catalogue.migrate import upgrade
from index.catalogue.repository import cone
from index.catalogue.session import default_url, make_engine, writing
from survey.archive import SurveyFolder, SurveyInfo
from survey.publish import SurveyPart, publish_survey
from survey.sphere import hpx29, separation_deg

SOURCE = REPOSITORY.parent / "shared" / "data" / "sdss_dr7_volume_limited_120k" / "catalog.parquet"
COMMAND = "python benchmarks/catalogue.py"
# The figures without a suffix are those that other pages quote: an arcminute on SQLite, the default.
RADII = {"": 1 / 60, "_5arcsec": 5 / 3600, "_30arcmin": 0.5, "_3deg": 3.0}
N_CONES = 100
LIMIT = 1000


def dr7_survey(path: Path) -> SurveyFolder:
    """Publish the catalogue as a survey without images; the table has no ids, so they are row numbers."""
    source = pq.read_table(SOURCE)
    ra, dec = (source.column(name).to_numpy().astype(np.float64) for name in ("ra", "dec"))
    rows = pa.table(
        {
            "object_id": [f"DR7-{row:06d}" for row in range(len(ra))],
            "ra_deg": ra,
            "dec_deg": dec,
            "hpx29": pa.array(hpx29(ra, dec)),
            "ebv": pa.nulls(len(ra), pa.float64()),
            "z_spec": source.column("z_spec").cast(pa.float64()),
        }
    )
    info = SurveyInfo(
        name="dr7",
        title="SDSS DR7, volume limited",
        kind="catalogue",
        citation="Abazajian et al. 2009, ApJS 182, 543",
    )
    return publish_survey(path, info, [SurveyPart(rows)])


def positions(ra: np.ndarray, dec: np.ndarray, radius_deg: float) -> Iterator[tuple[float, float]]:
    """Yield places within half a radius of a galaxy, so that no cone is empty."""
    rng = np.random.default_rng(1)
    for row in rng.choice(len(ra), N_CONES, replace=False):
        offset = rng.uniform(-0.5, 0.5) * radius_deg
        yield float(ra[row]) % 360, float(np.clip(dec[row] + offset, -90, 90))


def measure(url: str, survey: SurveyFolder, name: str) -> list[dict[str, Any]]:
    """Ingest into one database, ask it, and compare every answer with brute force."""
    upgrade(url)
    engine = make_engine(url)
    with writing(engine)() as session:
        began = time.perf_counter()
        report = ingest_survey(session, survey)
        session.commit()
        rate = report.rows / (time.perf_counter() - began)
        figures = [
            figure(
                f"dr7_rows_per_s{name}",
                round(rate),
                "rows/s",
                n=report.rows,
                better="higher",
                command=COMMAND,
            )
        ]
        figures += [_cones(session, survey, name, label, radius) for label, radius in RADII.items()]
    engine.dispose()
    return figures


def _cones(session: Session, survey: SurveyFolder, name: str, label: str, radius: float) -> dict[str, Any]:
    ra, dec = (survey.objects.column(c).to_numpy() for c in ("ra_deg", "dec_deg"))
    ids = np.array(survey.ids)
    times, brute, found = [], [], []
    for centre_ra, centre_dec in positions(ra, dec, radius):
        began = time.perf_counter()
        matches = cone(
            session, survey="dr7", ra_deg=centre_ra, dec_deg=centre_dec, radius_deg=radius, limit=LIMIT
        )
        times.append(time.perf_counter() - began)
        began = time.perf_counter()
        separation = separation_deg(centre_ra, centre_dec, ra, dec)
        inside = np.flatnonzero(separation <= radius)
        nearest = inside[np.argsort(separation[inside], kind="stable")][:LIMIT]
        brute.append(time.perf_counter() - began)
        if {m.galaxy.object_id for m in matches} != set(ids[nearest]):
            raise AssertionError(f"the cone at {centre_ra}, {centre_dec} differs from brute force")
        found.append(len(matches))
    p50, p10, p90 = (round(1000 * float(np.quantile(times, q)), 3) for q in (0.5, 0.1, 0.9))
    return figure(
        f"dr7_cone{label}_p50_ms{name}",
        p50,
        "ms",
        n=N_CONES,
        better="lower",
        interval=(p10, p90),
        against={
            "brute_force_numpy_ms": round(1000 * float(np.median(brute)), 3),
            "objects_p50": float(np.median(found)),
        },
        command=COMMAND,
    )


def main() -> None:
    """Measure both databases and write the page."""
    if not SOURCE.is_file():
        sys.exit(f"{SOURCE} is not here; this benchmark reads real positions")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        survey = dr7_survey(folder / "dr7")
        figures = measure(default_url(folder), survey, "")
        server = stack.enter_context(postgres_server())
        figures += measure(stack.enter_context(fresh_database(server)), survey, "_postgresql")
    page = f"""# Catalogue: ingest and cone search

{len(survey):,} galaxies of SDSS DR7 (Abazajian et al. 2009; volume limited, real positions and redshifts, no
magnitudes). {N_CONES} cones per radius, each centred within half a radius of a galaxy; warm cache; one
session; at most {LIMIT:,} objects, with all their columns. The interval is the 10th to 90th percentile. Beside each:
the median of a NumPy pass over all positions, already in memory, which answers row numbers only; and how many
objects the median cone holds. Every cone held exactly what that pass found.

{table(figures)}

`dr7_cone_p50_ms` is a cone of one arcminute; figures that name no database are of SQLite.
Times are wall times; the load average of the machine was {os.getloadavg()[0]:.1f} at the end of the run.

Written by `{COMMAND}`.
"""
    write_results("catalogue", figures, page)
    print(page)


if __name__ == "__main__":
    main()
