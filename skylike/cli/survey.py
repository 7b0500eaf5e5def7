"""`skylike survey`: bring galaxies in, see what is there."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from skylike.cli.import_sets import app as import_app
from skylike.cli.options import DEFAULT_DATA_DIR, DataDir, Json, emit, fail

app = typer.Typer(help="Bring surveys in, list and show them.", no_args_is_help=True)
app.add_typer(import_app, name="import")

if find_spec("skylike.cli.simulate"):
    from skylike.cli.simulate import simulate

    app.command("simulate")(simulate)


@app.command("list")
def list_surveys(data_dir: DataDir = DEFAULT_DATA_DIR, as_json: Json = False) -> None:
    """List the surveys of the data folder."""
    from survey.archive import SurveyFolder
    from survey.manifests import CorruptFolder

    found: list[dict[str, Any]] = []
    for path in sorted((data_dir / "surveys").glob("[!.]*")):
        if not path.is_dir():
            continue
        try:
            folder = SurveyFolder(path)
        except CorruptFolder as error:
            found.append({"name": path.name, "error": str(error)})
            continue
        info, counts = folder.info, folder.manifest.get("counts", {})
        found.append(
            {
                "name": info.name,
                "kind": info.kind,
                "n_objects": folder.manifest.get("n_objects"),
                "bands": list(info.bands.names) if info.bands else [],
                "field_px": info.field_px,
                "pixel_scale_arcsec": info.pixel_scale_arcsec,
                "counts": counts,
                "title": info.title,
            }
        )
    if as_json:
        emit({"surveys": found}, as_json=True)
        return
    if not found:
        typer.echo(
            f"No surveys in {data_dir / 'surveys'}. Start with: skylike survey import --help", err=True
        )
    for row in found:
        if "error" in row:
            typer.echo(f"{row['name']:24} {row['error']}")
            continue
        size = f"{row['field_px']} px" if row["field_px"] else "no images"
        typer.echo(
            f"{row['name']:24} {row['kind']:9} {row['n_objects']:>9,} objects  {''.join(row['bands']) or '-':10} {size}"
        )


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="The survey.")],
    object_id: Annotated[str | None, typer.Argument(help="One object: its row.")] = None,
    *,
    image: Annotated[
        Path | None,
        typer.Option("--image", help="Write the object's picture (.png, .webp) or cutout (.fits) here."),
    ] = None,
    rejected: Annotated[
        bool, typer.Option("--rejected", help="List what the import left out, with reasons.")
    ] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
) -> None:
    """Describe a survey, or one of its objects."""
    import pyarrow.parquet as pq

    from survey.archive import SurveyFolder, UnknownObject
    from survey.manifests import CorruptFolder

    try:
        folder = SurveyFolder(data_dir / "surveys" / name)
        if rejected:
            table = folder.path / "rejected.parquet"
            rows = pq.read_table(table).to_pylist() if table.is_file() else []
            emit(
                {"n_rejected": len(rows), "rejected": rows}
                if as_json
                else {r["what"]: r["reason"] for r in rows},
                as_json=as_json,
            )
            return
        if object_id is not None:
            row = folder.objects.slice(folder.row_of(object_id), 1).to_pylist()[0]
            if image is not None:
                _write_image(folder.read([object_id])[0], image)
            emit(row, as_json=as_json)
            return
    except (CorruptFolder, UnknownObject) as error:
        fail(str(error))
    objects = folder.objects
    columns = {
        field.name: f"{field.type}, {objects.num_rows - objects.column(field.name).null_count:,} known"
        for field in objects.schema
    }
    described: dict[str, Any] = {
        **{key: value for key, value in folder.info.to_json().items() if value not in (None, "", [], {})},
        "n_objects": objects.num_rows,
        "sha256": folder.sha256,
    }
    emit({**described, "columns": columns} if as_json else {**described, **columns}, as_json=as_json)


def _write_image(cutout: Any, path: Path) -> None:
    kinds: dict[str, Literal["png", "webp", "fits"]] = {".png": "png", ".webp": "webp", ".fits": "fits"}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        fail(f"--image {path.name}: end the name with .png, .webp or .fits.")
    if kind == "fits":
        from survey.fits.writer import write_fits

        path.write_bytes(write_fits(cutout))
        return
    from survey.rendering import encode, to_rgb

    path.write_bytes(encode(to_rgb(cutout), kind))
