"""A survey's calibrated fields in one flat file, so that training reads no archive and calibrates nothing twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.fields import Rejection, fields_for
from survey.archive import SurveyFolder
from survey.contract import InputContract
from survey.manifests import CorruptFolder, publish_folder, read_manifest, write_manifest

__all__ = ["StoredFields", "store_fields"]

_MANIFEST, _FIELDS, _ROWS = "fields.json", "fields.bin", "rows.npy"
_BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class StoredFields:
    """Fields of the galaxies that fit a contract.

    Attributes
    ----------
    fields
        Memory-mapped, shape (n, C, F, F): uint8 counts of display images, float16 nanomaggies of others (their
        rounding, 5e-4 of the value, is far below the noise).
    rows
        Row of each in the survey, ascending, shape (n,).
    survey
        Whose they are.
    """

    fields: NDArray[np.generic]
    rows: NDArray[np.int64]
    survey: SurveyFolder

    def __len__(self) -> int:
        return len(self.rows)


def store_fields(
    survey: SurveyFolder,
    contract: InputContract,
    folder: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> StoredFields:
    """Calibrate a survey for a contract, unless that was done before.

    Parameters
    ----------
    folder
        Where such files are kept; one is named by the survey, its hash and the contract's.

    Raises
    ------
    CorruptFolder
        If what an earlier run left is damaged.
    ValueError
        If no object fits the contract.
    """
    told: dict[str, object] = {"survey_sha256": survey.sha256, "contract": contract.to_json()}
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
    path = folder / f"{survey.info.name}-{digest}"
    if not (path / _MANIFEST).is_file():
        _write(survey, contract, path, told, progress)
    manifest = read_manifest(path, _MANIFEST, verify=[_ROWS])
    rows = np.load(path / _ROWS, allow_pickle=False)
    shape = (len(rows), len(contract.bands), contract.field_px, contract.field_px)
    dtype: np.dtype[np.generic] = np.dtype(str(manifest["dtype"]))
    if (path / _FIELDS).stat().st_size != int(np.prod(shape)) * dtype.itemsize:
        raise CorruptFolder(f"{path.name}: {_FIELDS} is not as long as its manifest says; remove the folder")
    fields = np.memmap(path / _FIELDS, dtype=dtype, mode="r", shape=shape)
    return StoredFields(fields, rows, survey)


def _write(
    survey: SurveyFolder,
    contract: InputContract,
    path: Path,
    told: dict[str, object],
    progress: Callable[[int, int], None] | None,
) -> None:
    dtype = np.dtype("u1") if contract.is_display else np.dtype("<f2")
    staged = path.with_name(f".{path.name}.staged")
    staged.mkdir(parents=True, exist_ok=True)
    rows: list[int] = []
    with (staged / _FIELDS).open("wb") as stream:
        for first, cutouts in survey.scan(0, len(survey), _BATCH):
            for row, result in enumerate(fields_for(contract, cutouts), start=first):
                if isinstance(result, Rejection):
                    continue
                values = np.rint(result.field).clip(0, 255) if contract.is_display else result.field
                stream.write(np.ascontiguousarray(values, dtype=dtype).tobytes())
                rows.append(row)
            if progress is not None:
                progress(first + len(cutouts), len(survey))
    if not rows:
        raise ValueError(f"no object of survey {survey.info.name} fits the contract")
    np.save(staged / _ROWS, np.array(rows, dtype=np.int64), allow_pickle=False)
    write_manifest(staged, _MANIFEST, {**told, "dtype": dtype.str, "n": len(rows)}, [_FIELDS, _ROWS])
    publish_folder(staged, path)
