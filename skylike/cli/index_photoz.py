"""`skylike index photoz`: every redshift of a survey in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skylike.cli.index_refusals import name_rejected, refusals, url_of
from skylike.cli.options import DEFAULT_DATA_DIR, DatabaseURL, DataDir, Json, emit, fail, progress

__all__ = ["photoz"]


def photoz(
    survey: Annotated[str, typer.Argument(help="Name of a survey in the data folder.")],
    *,
    model: Annotated[
        str | None, typer.Option("--model", help="Model id; default: the survey's own, fitted if needed.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write every redshift to this Parquet file.")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    json: Json = False,
) -> None:
    """Estimate the redshift of every galaxy of a survey, as `index build` does, and write them out.

    By the model's redshift network, else from the survey's spectra. Finished steps are skipped; an interrupted one
    continues.
    """
    from index.release import Release
    from skylike.building import build_index
    from skylike.photoz_table import flag_counts, write_table

    if out is not None and not out.parent.is_dir():
        fail(f"there is no folder {out.parent} to write {out.name} to")
    try:
        report = build_index(data_dir, url_of(data_dir, database), survey, model_id=model, step=progress)
        release = Release.open(data_dir / "releases" / report.release)
        if release.photoz.unavailable is not None:
            fail(f"{survey} has no redshifts by {report.model}: {release.photoz.unavailable}")
        if out is not None:
            write_table(release, out)
    except refusals() as error:
        fail(str(error))
    name_rejected(report.rejected)
    estimated = {"release": report.release, "survey": survey, "model": report.model, "n": report.n}
    rejected = report.rejected if json else len(report.rejected)
    emit({**estimated, "rejected": rejected, "flags": flag_counts(release)}, as_json=json)
