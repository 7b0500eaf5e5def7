"""Batches as jobs: the same blocks of rows, answered by workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from service.operations.estimate_columns import Shown
from service.operations.finding import Wanted
from service.operations.neighbours_batch import neighbours_block, neighbours_meta
from service.operations.photoz_batch import batch_meta, photoz_block
from service.selection_json import parse_filters
from service.served import Served

if TYPE_CHECKING:
    from service.jobs.handlers import Spec
    from service.resources import Resources

__all__ = ["NeighboursJob", "PhotoZJob"]


class PhotoZJob:
    """Jobs of kind ``photoz``."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def run(self, spec: Spec, chunk: int, rows: pa.Table) -> pa.Table:
        """Estimate a chunk's redshifts."""
        asked = spec.parameters
        return photoz_block(
            _served(self._resources, spec),
            rows,
            _shown(spec),
            chunk,
            first=chunk * spec.chunk_rows,
            radius_deg=asked["match_radius_deg"],
            with_reason=spec.format == "json",
        )

    def meta(self, spec: Spec) -> dict[str, Any]:
        """Say what holds for all rows."""
        meta = batch_meta(_served(self._resources, spec), _shown(spec))
        return {**meta, "table": spec.parameters["table"]}


class NeighboursJob:
    """Jobs of kind ``neighbours``."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def run(self, spec: Spec, chunk: int, rows: pa.Table) -> pa.Table:
        """Find a chunk's neighbours."""
        asked = spec.parameters
        return neighbours_block(
            _served(self._resources, spec),
            rows,
            _wanted(spec),
            chunk * spec.chunk_rows,
            radius_deg=asked["match_radius_deg"],
        )

    def meta(self, spec: Spec) -> dict[str, Any]:
        """Say what holds for all rows."""
        meta = neighbours_meta(_served(self._resources, spec), _wanted(spec))
        return {**meta, "table": spec.parameters["table"]}


def _served(resources: Resources, spec: Spec) -> Served:
    return resources.choose(None, spec.parameters["release"])


def _wanted(spec: Spec) -> Wanted:
    asked = spec.parameters
    # Jobs that an earlier version made have neither.
    return Wanted(asked["k"], parse_filters(asked.get("filters", {})), exact=asked.get("exact", False))


def _shown(spec: Spec) -> Shown:
    asked = spec.parameters
    return Shown(asked["representation"], asked["n_samples"], asked["seed"])
