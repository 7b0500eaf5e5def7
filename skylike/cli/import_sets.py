"""`skylike survey import FORMAT`: the public sets become surveys, one verb a format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skylike.cli.importing import carry_out, describe
from skylike.cli.options import DEFAULT_DATA_DIR, DataDir, Json
from skylike.cli.survey_import import Citation, DryRun, Licence, Replace, Survey, Title, app

if TYPE_CHECKING:
    from survey.sources.plan import ImportPlan

__all__ = ["SETS", "app"]

#: Each set's module in survey.sources, and its help.
SETS = {
    "hayat": "Import the SDSS ugriz images of Hayat et al. 2021 (HDF5).",
    "pasquet": "Import the SDSS ugriz images of Pasquet et al. 2019 (sdss.npz or cube.npy, and a table of labels).",
    "stein": "Import the Legacy Surveys grz images of Stein et al. (HDF5).",
    "galaxy10": "Import the display pictures of Galaxy10 DECaLS or SDSS (HDF5).",
    "galaxiesml": "Import the HSC grizy images of GalaxiesML (HDF5).",
    "mmu": "Import an image set of the Multimodal Universe: HSC, Legacy Surveys or Galaxy10 (folders of HDF5).",
}

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="The set's files, as published (mmu: also folders).")
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Take only the first N objects.")]
FieldPx = Annotated[
    int | None, typer.Option("--field-px", min=16, max=512, help="Side to keep, from the middle.")
]


def _verb(module: str) -> Callable[..., None]:
    def import_set(
        files: Files,
        *,
        survey: Survey = "mine",
        limit: Limit = None,
        field_px: FieldPx = None,
        title: Title = "",
        citation: Citation = "",
        licence: Licence = "",
        dry_run: DryRun = False,
        replace: Replace = False,
        data_dir: DataDir = DEFAULT_DATA_DIR,
        as_json: Json = False,
    ) -> None:
        def make() -> ImportPlan:
            from importlib import import_module

            info = describe(survey, title, citation, licence, "")
            plan: ImportPlan = import_module(f"survey.sources.{module}").plan(
                files, info, limit=limit, field_px=field_px
            )
            return plan

        carry_out(make, data_dir, dry_run=dry_run, replace=replace, workers=1, as_json=as_json)

    return import_set


for _name, _help in SETS.items():
    app.command(_name, help=_help)(_verb(_name))
