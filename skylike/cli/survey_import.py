"""`skylike survey import`: the user's own galaxies become a survey."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from skylike.cli.importing import carry_out, describe, read_join
from skylike.cli.options import DEFAULT_DATA_DIR, DataDir, Json

if TYPE_CHECKING:
    from survey.sources.plan import ImportPlan

__all__ = ["app"]

app = typer.Typer(
    help="Import images, FITS cutouts, a catalogue or a public set. Try --dry-run first: it prints how your columns are understood.",
    no_args_is_help=True,
)

Survey = Annotated[
    str, typer.Option("--survey", help="Name of the survey: lower-case letters, digits, . _ -")
]
Column = Annotated[
    list[str] | None,
    typer.Option(
        "--column", metavar="NAME=YOUR_COLUMN", help="Say which column is which: ra=RAJ2000. Repeatable."
    ),
]
JoinTable = Annotated[
    Path | None, typer.Option("--join", help="A second table to take missing columns from.")
]
On = Annotated[str | None, typer.Option("--on", help="The column both tables share, or LEFT=RIGHT.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the mapping, first rows and estimate; write nothing.")
]
Replace = Annotated[bool, typer.Option("--replace", help="Replace a survey of this name.")]
Workers = Annotated[int, typer.Option("--workers", min=0, help="Processes that decode; 0 is one per core.")]
Title = Annotated[str, typer.Option("--title", help="One line that names the survey.")]
Citation = Annotated[str, typer.Option("--citation", help="What to cite.")]
Licence = Annotated[str, typer.Option("--licence", help="Terms of the data.")]


@app.command("images")
def images(
    source: Annotated[
        Path, typer.Argument(help="A Parquet file with a column of JPEG/PNG bytes, or a folder of pictures.")
    ],
    table: Annotated[
        Path | None, typer.Argument(help="For a folder: the catalogue (CSV, Parquet, FITS, VOTable).")
    ] = None,
    *,
    survey: Survey = "mine",
    column: Column = None,
    join: JoinTable = None,
    on: On = None,
    image_column: Annotated[
        str, typer.Option("--image-column", help="Column of the picture's bytes.")
    ] = "image",
    field_px: Annotated[
        int | None, typer.Option("--field-px", min=16, max=2048, help="Side of the stored pictures.")
    ] = None,
    resize: Annotated[
        Literal["crop", "rescale"] | None,
        typer.Option("--resize", help="What to do with pictures of another size."),
    ] = None,
    title: Title = "",
    citation: Citation = "",
    licence: Licence = "",
    dry_run: DryRun = False,
    replace: Replace = False,
    workers: Workers = 0,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
) -> None:
    """Import display pictures (JPEG, PNG): similarity without photometry."""

    def make() -> ImportPlan:
        from survey.sources.columns import parse_overrides
        from survey.sources.images import plan

        return plan(
            source,
            describe(
                survey,
                title,
                citation,
                licence,
                "Real or rendered as the source says; display-stretched pictures.",
            ),
            table=table,
            columns=parse_overrides(column or []),
            join=read_join(join, on),
            image_column=image_column,
            field_px=field_px,
            resize=resize,
        )

    carry_out(make, data_dir, dry_run=dry_run, replace=replace, workers=workers, as_json=as_json)


@app.command("fits")
def fits(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="CUTOUTS... [TABLE]",
            help="Folders or files of FITS cutouts (or a .txt list), then the catalogue table.",
        ),
    ],
    *,
    survey: Survey = "mine",
    table: Annotated[
        Path | None, typer.Option("--table", help="The catalogue, if it is itself a FITS file.")
    ] = None,
    column: Column = None,
    join: JoinTable = None,
    on: On = None,
    bands: Annotated[
        str | None, typer.Option("--bands", help="The planes in order: grz, sdss-ugriz, hsc:g,hsc:r …")
    ] = None,
    pixel_scale: Annotated[
        float | None,
        typer.Option(
            "--pixel-scale", help="Arcsec per pixel of the survey; other scales are resampled to it."
        ),
    ] = None,
    field_px: Annotated[
        int | None, typer.Option("--field-px", min=16, max=2048, help="Side of the stored cutouts.")
    ] = None,
    zeropoint: Annotated[float | None, typer.Option("--zeropoint", help="AB magnitude of one count.")] = None,
    hdu: Annotated[int | None, typer.Option("--hdu", min=0, help="The HDU with the image.")] = None,
    aperture: Annotated[
        float,
        typer.Option("--aperture", help="Radius in arcsec of the fluxes measured if the table has none."),
    ] = 4.0,
    flux_unit: Annotated[
        str | None,
        typer.Option(
            "--flux-unit", help="Unit of the table's flux_<band>, if the table states none: nanomaggy, uJy …"
        ),
    ] = None,
    title: Title = "",
    citation: Citation = "",
    licence: Licence = "",
    dry_run: DryRun = False,
    replace: Replace = False,
    workers: Workers = 0,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
) -> None:
    """Import FITS cutouts with their catalogue: one cube per galaxy, or one file per band."""

    def make() -> ImportPlan:
        from survey.sources.columns import parse_overrides
        from survey.sources.fits_folder import Choices, plan

        cutouts, catalogue = _split_table(sources, table)
        return plan(
            cutouts,
            describe(survey, title, citation, licence, "Calibrated cutouts as the source gives them."),
            table=catalogue,
            columns=parse_overrides(column or []),
            join=read_join(join, on),
            choices=Choices(
                bands=bands,
                pixel_scale_arcsec=pixel_scale,
                field_px=field_px,
                zeropoint=zeropoint,
                hdu=hdu,
                aperture_arcsec=aperture,
                flux_unit=flux_unit,
            ),
        )

    carry_out(make, data_dir, dry_run=dry_run, replace=replace, workers=workers, as_json=as_json)


@app.command("table")
def table(
    source: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV, Parquet, FITS or VOTable.")],
    *,
    survey: Survey = "mine",
    column: Column = None,
    join: JoinTable = None,
    on: On = None,
    prefix: Annotated[
        str, typer.Option("--prefix", help="Of the IAU names that objects without an id take.")
    ] = "SDSS",
    title: Title = "",
    citation: Citation = "",
    licence: Licence = "",
    dry_run: DryRun = False,
    replace: Replace = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
) -> None:
    """Import a catalogue without images: cone search and joins."""

    def make() -> ImportPlan:
        from survey.sources.columns import parse_overrides
        from survey.sources.tables import plan

        return plan(
            source,
            describe(survey, title, citation, licence, "A catalogue without images.", kind="catalogue"),
            columns=parse_overrides(column or []),
            join=read_join(join, on),
            prefix=prefix,
        )

    carry_out(make, data_dir, dry_run=dry_run, replace=replace, workers=1, as_json=as_json)


def _split_table(sources: list[Path], table: Path | None) -> tuple[list[Path], Path | None]:
    """Take the last argument as the table if it is no folder and no FITS cutout."""
    last = sources[-1]
    image_like = last.is_dir() or last.name.lower().endswith(
        (".fits", ".fit", ".fz", ".fits.gz", ".fits.bz2", ".txt")
    )
    if table is not None or len(sources) == 1 or (image_like and len(sources) != 2):
        return sources, table
    # CUTOUTS TABLE with a FITS table: a folder, then one file.
    return (
        (sources[:-1], last)
        if not image_like or (sources[0].is_dir() and last.is_file())
        else (sources, None)
    )
