"""`skylike index map`: the two-dimensional map of a release, drawn or written out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skylike.cli.index_refusals import refusals, url_of
from skylike.cli.options import (
    DEFAULT_DATA_DIR,
    ActiveModel,
    ActiveSurvey,
    DatabaseURL,
    DataDir,
    Json,
    emit,
    fail,
)

__all__ = ["map_"]


def map_(
    survey: ActiveSurvey = None,
    *,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw it into this PNG file.")] = None,
    colour_by: Annotated[
        str | None, typer.Option("--colour-by", help="Column of numbers or words, or cluster.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write every point: .csv, .vot, .fits or .parquet.")
    ] = None,
    model: ActiveModel = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    json: Json = False,
) -> None:
    """Say how a release's map was made and how far it holds; draw it, or write its points."""
    from service.operations.maps import map_of
    from skylike.active import NothingActive, open_active
    from skylike.group_reports import UnknownSuffix, write_rows
    from skylike.map_plot import NoSuchColumn, plot_map

    if colour_by is not None and plot is None:
        raise typer.BadParameter("colours a picture: give --plot too", param_hint="--colour-by")
    written = plot
    complaints: tuple[type[Exception], ...] = (*refusals(), NothingActive, NoSuchColumn, UnknownSuffix)
    try:
        release = open_active(data_dir, url_of(data_dir, database), survey, model_id=model)
        said = map_of(release)
        if said is None:
            why = (release.map or {}).get("reason") or "it was built without one."
            fail(
                f"{release.id} has no map: {why} Build it anew: skylike index build {release.info.survey} --map umap"
            )
        if plot is not None:
            plot_map(release, plot, colour_by=colour_by)
        if out is not None:
            written = out
            names = ["object_id", "ra_deg", "dec_deg", "map_x", "map_y", "cluster"]
            write_rows(release.columns.table(release.galaxies, names), out)
    except ImportError:
        fail("plots need matplotlib: pip install 'skylike[demo]'")
    except complaints as error:
        fail(str(error))
    except OSError as error:
        fail(f"{written} cannot be written: {error.strerror}")
    n_clusters = 0 if release.clusters is None else release.clusters.n
    emit(
        {"release": release.id, **said, "n": release.info.n_galaxies, "n_clusters": n_clusters}, as_json=json
    )
