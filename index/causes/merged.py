"""Inspections of a survey and its supplements, read like those of one survey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from index.causes.inspections import Inspections
from index.causes.table import table_of
from survey.updated import UpdatedSurvey

__all__ = ["MergedInspections"]


class MergedInspections(Inspections):
    """What was found in the pixels that each object now has.

    Parameters
    ----------
    parts
        Of ``survey.parts``.
    """

    def __init__(self, survey: UpdatedSurvey, parts: Sequence[Inspections]) -> None:
        self.path = parts[0].path
        self.info = replace(parts[0].info, n_objects=len(survey))
        self._parts = tuple(parts)
        self._part_of = {
            part.ids[row]: n for n, part in enumerate(survey.parts) for row in survey.rows_of_part(n).tolist()
        }

    def take(self, ids: Sequence[str]) -> pa.Table:
        """Return the rows of these objects; see :meth:`index.causes.inspections.Inspections.take`."""
        nobody = len(self._parts)
        parts = np.array([self._part_of.get(i, nobody) for i in ids], dtype=np.int64)
        order = np.argsort(parts, kind="stable")
        taken = [
            one.take([ids[at] for at in np.flatnonzero(parts == n).tolist()])
            for n, one in enumerate(self._parts)
        ]
        taken.append(table_of([None] * int(np.count_nonzero(parts == nobody))))
        return pa.concat_tables(taken).take(pa.array(np.argsort(order, kind="stable")))
