"""`skylike index clusters`: galaxies that look alike, and galaxies that are there more than once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    progress,
)

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["clusters"]

_METHODS = ("gmm", "hdbscan")
# As many as a terminal of 80 columns has room for.
_MEDIANS = ("z_spec", "mag_r", "anomaly_p")


def clusters(
    survey: ActiveSurvey = None,
    *,
    method: Annotated[
        str, typer.Option("--method", help="gmm, as built with the release; or hdbscan, found now.")
    ] = "gmm",
    repeats: Annotated[
        bool, typer.Option("--repeats", help="List galaxies that are there more than once instead.")
    ] = False,
    above: Annotated[
        float, typer.Option("--above", min=0, max=1, help="Similarity from which two pictures are the same.")
    ] = 0.9999,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help="Count galaxies with column:low..high alone; may be given again."),
    ] = None,
    model: ActiveModel = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the sample that hdbscan parts.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write every galaxy with its cluster: .csv, .vot, .fits or .parquet."),
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    json: Json = False,
) -> None:
    """List the clusters of a release: size, exemplars, medians, the clusters most like each."""
    from index.selection import BadSelection
    from service.operations.refusals import InvalidFilter
    from service.selection_parameters import selection_of
    from skylike import group_reports as reports
    from skylike.active import NothingActive, open_active

    if method not in _METHODS:
        raise typer.BadParameter(f"{method!r} is none of {', '.join(_METHODS)}", param_hint="--method")
    if where and (repeats or method != "gmm"):
        raise typer.BadParameter("goes with gmm alone", param_hint="--where")
    complaints: tuple[type[Exception], ...] = (
        *refusals(),
        NothingActive,
        BadSelection,
        InvalidFilter,
        reports.UnknownSuffix,
    )
    try:
        release = open_active(data_dir, url_of(data_dir, database), survey, model_id=model)
        if repeats:
            found, rows = reports.repeat_report(release, above=above)
        elif method == "gmm":
            found, rows = reports.mixture_report(release, selection_of(where=where))
        else:
            with progress(f"Parting {release.info.n_galaxies} galaxies"):
                found, rows = reports.density_report(release, seed=seed)
        if out is not None:
            reports.write_rows(rows, out)
    except complaints as error:
        fail(str(error))
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror}")
    if json:
        emit(found, as_json=True)
        return
    from rich.console import Console

    console = Console()
    console.print(_repeats_table(found) if repeats else _table(found))
    for line in _notes(found):
        typer.echo(line)


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    """Say what a table leaves open."""
    if found.get("method") == "hdbscan":
        yield f"{found['n_in_none']} of {found['n_total']} galaxies are in none"
    elif found.get("clusters") == []:
        yield "it has none: there are fewer than 20 galaxies, or an earlier version built it (skylike index build makes it anew)"


def _table(found: Mapping[str, Any]) -> Table:
    table = _empty(f"{found['release']}: {found['method']}")
    is_mixture = found["method"] == "gmm"
    medians = _MEDIANS if is_mixture else ()
    for name in ("cluster", "size", "share", *medians):
        table.add_column(name, justify="right", no_wrap=True)
    if is_mixture:
        table.add_column("nearest", no_wrap=True)
    table.add_column("exemplar", no_wrap=True)
    for one in found["clusters"]:
        cells = [str(one["cluster"]), str(one["size"]), f"{one['share']:.3f}"]
        cells += ["" if one["medians"][name] is None else f"{one['medians'][name]:.3g}" for name in medians]
        if is_mixture:
            near = one["nearest"][0]
            cells.append(f"{near['cluster']} ({near['hellinger']:.2f})")
        table.add_row(*cells, next(iter(one["exemplars"]), ""))
    return table


def _repeats_table(found: Mapping[str, Any]) -> Table:
    table = _empty(f"{found['release']}: {found['n_groups']} galaxies that are there more than once")
    table.add_column("group", justify="right", no_wrap=True)
    table.add_column("found by")
    table.add_column("objects", overflow="fold")
    for one in found["groups"]:
        table.add_row(str(one["group"]), ", ".join(one["found_by"]), "  ".join(one["object_ids"]))
    return table


def _empty(title: str) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    return Table(
        title=title, title_justify="left", box=SIMPLE, padding=(0, 1), pad_edge=False, collapse_padding=True
    )
