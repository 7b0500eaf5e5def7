"""The data of a pretraining run: surveys opened, fields calibrated, patches of sky parted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from survey.archive import SurveyFolder
from survey.contract import InputContract
from training.config import BadConfig, PretrainConfig
from training.splits import Split, held_out_ids, sky_groups_of, split_rows
from training.stored_fields import StoredFields, store_fields

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """The data of a run.

    Attributes
    ----------
    contract
        Of the model to be.
    sources
        Stored fields of each survey.
    splits
        Of each survey's *stored fields*: places, not survey rows. Only the first survey validates.
    """

    contract: InputContract
    sources: list[StoredFields]
    splits: list[Split]


def prepare(
    config: PretrainConfig,
    data_dir: Path,
    *,
    root: Path,
    progress: Callable[[str, int, int], None] | None = None,
) -> Prepared:
    """Open the surveys, calibrate their fields once, part them.

    Parameters
    ----------
    root
        What the ``hold_out`` files of the configuration are relative to.
    progress
        Told (survey, done, total).

    Raises
    ------
    BadConfig
        If a hold-out file is missing.
    CorruptFolder, ValueError
        If a survey is missing or none of it fits.
    """
    contract = config.contract.contract()
    hidden: set[str] = set()
    for path in config.data.hold_out:
        if not (root / path).is_file():
            raise BadConfig(
                f"data.hold_out: there is no {path}; evaluation data must be named to be left out"
            )
        hidden |= held_out_ids(root / path)
    sources, splits = [], []
    for n, name in enumerate(config.data.surveys):
        survey = SurveyFolder(data_dir / "surveys" / name)
        tell = None if progress is None else _told(progress, name)
        stored = store_fields(survey, contract, data_dir / "fields", progress=tell)
        objects = survey.objects.take(stored.rows)
        share = config.data.validation_share if n == 0 else 0.0
        split = split_rows(
            objects.column("object_id").to_pylist(),
            sky_groups_of(objects),
            hold_out=hidden,
            validation_share=share,
            seed=config.data.split_seed,
        )
        sources.append(stored)
        splits.append(split)
    return Prepared(contract, sources, splits)


def _told(progress: Callable[[str, int, int], None], name: str) -> Callable[[int, int], None]:
    return lambda done, total: progress(name, done, total)
