"""Pairs of cutouts that show one piece of sky by their pixels alone, resumed where it was interrupted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.audit.keypoints import Keypoints, Matches, find_keypoints, matches
from index.audit.pairs import SkyPairs
from index.audit.planes import write_planes
from index.audit.verified import verified
from survey.archive import SurveyFolder

__all__ = ["METHOD", "pairs_by_pixels"]

#: A pair search stored under another one is made anew.
METHOD = 1
Progress = Callable[[str, int, int], None]


def pairs_by_pixels(survey: SurveyFolder, cache: Path, *, progress: Progress | None = None) -> SkyPairs:
    """Compare all cutouts with all, at every shift in whole pixels that keeps an eighth of the frame in common.

    Cutouts must have one orientation and one scale: turned or rescaled views are not found. Satellites' trails, which
    agree in one band, are no pairs.

    Parameters
    ----------
    survey
        One with cutouts.
    cache
        Folder for what is done; a later call for the same survey goes on from there, or returns the pairs at once.
    progress
        Told the step, how much of it is done, of how much.

    Raises
    ------
    CorruptFolder
        If the survey holds no cutouts.
    """
    tell = progress or (lambda *_: None)
    key = sha256(f"{survey.version} {METHOD}".encode()).hexdigest()[:12]
    stored = cache / f"pairs-{key}.npz"
    if stored.is_file():
        with np.load(stored, allow_pickle=False) as arrays:
            return SkyPairs(**arrays)
    work = cache / f"search-{key}"
    work.mkdir(parents=True, exist_ok=True)
    planes = _planes(survey, work, tell)
    keypoints = _keypoints(planes, work, tell)
    found = _matches(keypoints, work, tell)
    pairs = verified(planes, found, progress=lambda done, of: tell("Comparing overlaps", done, of))
    _save(stored, {name: getattr(pairs, name) for name in SkyPairs.__slots__})
    shutil.rmtree(work)
    return pairs


def _planes(survey: SurveyFolder, work: Path, tell: Progress) -> NDArray[np.int8]:
    path = work / "planes.npy"
    if not path.is_file():
        staged = work / "planes.staged.npy"
        write_planes(survey, staged, progress=lambda done, of: tell("Reading cutouts", done, of))
        staged.rename(path)
    planes: NDArray[np.int8] = np.load(path, mmap_mode="r", allow_pickle=False)
    return planes


def _keypoints(planes: NDArray[np.int8], work: Path, tell: Progress) -> Keypoints:
    path = work / "keypoints.npz"
    if not path.is_file():
        made = find_keypoints(planes, progress=lambda done, of: tell("Finding points", done, of))
        _save(path, {name: getattr(made, name) for name in Keypoints.__slots__})
    with np.load(path, allow_pickle=False) as arrays:
        return Keypoints(**arrays)


def _matches(keypoints: Keypoints, work: Path, tell: Progress) -> Matches:
    path = work / "matches.npz"
    if not path.is_file():
        parts = []
        for part, done, of in matches(keypoints):
            parts.append(np.hstack([part.rows, part.shifts]))
            tell("Matching points", done, of)
        _save(path, {"matches": np.unique(np.concatenate(parts or [np.empty((0, 4), np.int64)]), axis=0)})
    with np.load(path, allow_pickle=False) as arrays:
        found = arrays["matches"]
    return Matches(found[:, :2], found[:, 2:])


def _save(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Write a file that is whole or not there."""
    staged = path.with_suffix(".staged.npz")
    np.savez(staged, **arrays)  # type: ignore[arg-type]  # its own overloads mistake the names for allow_pickle
    staged.rename(path)
