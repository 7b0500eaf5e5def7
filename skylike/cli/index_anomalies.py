"""`skylike index anomalies`: the oddest galaxies of a release, and why they are odd."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

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

    from index.release import Release
    from service.lists import ObjectList

__all__ = ["anomalies"]

_SHOWN = 20


def anomalies(
    survey: ActiveSurvey = None,
    *,
    detector: Annotated[
        str | None, typer.Option("--detector", help="forest, lof or density; default: the release's own.")
    ] = None,
    cause: Annotated[
        str | None,
        typer.Option(
            "--cause",
            help="astrophysical, blend, data_quality or any; default: astrophysical, where causes are known.",
        ),
    ] = None,
    p_max: Annotated[
        float | None, typer.Option("--p-max", min=0, max=1, help="Tail probability at most.")
    ] = None,
    defect: Annotated[
        list[str] | None, typer.Option("--defect", help="With this defect; may be given again.")
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", help="With column:low..high; may be given again.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="With this label; may be given again.")
    ] = None,
    columns: Annotated[
        str, typer.Option("--columns", help="Further columns for --out and --json, with commas between; *.")
    ] = "",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help=f"How many; default {_SHOWN}, all with --out.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write them: .csv, .vot, .fits, .parquet or .json.")
    ] = None,
    montage: Annotated[
        Path | None, typer.Option("--montage", help="Draw the first ones into this PNG file.")
    ] = None,
    model: ActiveModel = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    json: Json = False,
) -> None:
    """List the oddest galaxies, artefacts set aside; write them to a table, or draw them.

    The list is that of /api/v1/anomalies, read from the release without a service.
    """
    from index.selection import BadSelection
    from service.anomaly_parameters import AnomaliesAsked, CauseName, DetectorName
    from service.lists import chosen_names
    from service.operations.anomaly_list import ranked
    from service.operations.refusals import InvalidFilter
    from service.rankings import Rankings
    from service.selection_parameters import selection_of
    from skylike.active import NothingActive, open_active
    from skylike.group_reports import UnknownSuffix

    _known(detector, get_args(DetectorName), "--detector")
    _known(cause, get_args(CauseName), "--cause")
    complaints: tuple[type[Exception], ...] = (
        *refusals(),
        NothingActive,
        BadSelection,
        InvalidFilter,
        UnknownSuffix,
    )
    written = out
    try:
        release = open_active(data_dir, url_of(data_dir, database), survey, model_id=model)
        asked = AnomaliesAsked(detector, cause, p_max, tuple(defect or ()))  # type: ignore[arg-type] # checked above
        selection = selection_of(where=where, label=label)
        listed, members = ranked(release, Rankings(release), asked, selection, limit or _SHOWN)
        names = chosen_names(release, columns, listed.fields)
        found = {"release": release.id, **members, "n_total": len(listed.rows)}
        if out is not None:
            _write(listed, names, limit or len(listed.rows), out, found)
        objects = listed.page(0, limit or _SHOWN, names)
        if montage is not None:
            written = montage
            _draw(release, data_dir, objects, montage)
    except complaints as error:
        fail(str(error))
    except OSError as error:
        fail(f"{written} cannot be written: {error.strerror}")
    if json:
        emit({**found, "objects": objects}, as_json=True)
        return
    from rich.console import Console

    Console().print(_table(found, objects))
    aside = members["set_aside"]
    if aside["n"]:
        counted = {**aside["by_cause"], **aside["by_defect"]}
        typer.echo(f"set aside: {', '.join(f'{name} {n}' for name, n in counted.items() if n)}")


def _known(text: str | None, known: tuple[str, ...], option: str) -> None:
    if text is not None and text not in known:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(known)}", param_hint=option)


def _write(
    listed: ObjectList, names: tuple[str, ...], limit: int, path: Path, found: Mapping[str, Any]
) -> None:
    import pyarrow as pa

    from service.formats.fields import with_meta
    from skylike.group_reports import write_rows

    table = pa.concat_tables(listed.tables(0, limit, names))
    write_rows(table.cast(with_meta(table.schema, found)), path)


def _draw(release: Release, data_dir: Path, objects: list[dict[str, Any]], path: Path) -> None:
    from index.updates.survey import survey_of
    from skylike.montage import MOST_TILES, draw_montage
    from survey.archive import SurveyFolder

    base = SurveyFolder(data_dir / "surveys" / release.info.survey)
    whole = survey_of(release.path, release.info, base, data_dir / "surveys")
    tiles = [
        (one["object_id"], (one["object_id"], f"{one['rank']}  {_odd(one)}  {one['cause'] or ''}"))
        for one in objects[:MOST_TILES]
    ]
    with progress("Drawing") as report:
        draw_montage(whole, tiles, path, progress=report)


def _table(found: Mapping[str, Any], objects: list[dict[str, Any]]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    title = f"{found['release']}: {found['n_total']} galaxies ({found['cause']}), the oddest first"
    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    for name in ("rank", "odd"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("object", no_wrap=True)
    table.add_column("why", overflow="fold")
    for one in objects:
        why = one["reason"].partition(": ")[2]
        table.add_row(str(one["rank"]), _odd(one), one["object_id"], why)
    return table


def _odd(one: Mapping[str, Any]) -> str:
    """Say how odd: the tail probability, or the percentile of a release of before there was any."""
    p = one["anomaly_p"]
    return f"{one['percentile']:.2f} %" if p is None else f"p {p:.2g}"
