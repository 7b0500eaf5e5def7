"""All that a look at the pixels of one cutout tells: its defects, and what lies beside the target."""

from __future__ import annotations

from dataclasses import dataclass

from survey.blends import Blend, blend_in
from survey.cutout import Cutout
from survey.defects.look import look_at
from survey.defects.verdict import Verdict
from survey.quality import assess_look

__all__ = ["RULES", "Inspection", "inspect"]

#: Version of the rules: what older ones found is looked for again.
RULES = 1


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a cutout.

    Attributes
    ----------
    defects
        In the order of :data:`survey.defects.verdict.DEFECTS`, each once at most.
    blend
        What lies beside the target.
    """

    defects: tuple[Verdict, ...]
    blend: Blend

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the defects, sorted."""
        return tuple(sorted(verdict.name for verdict in self.defects))


def inspect(cutout: Cutout) -> Inspection:
    """Look for defects and neighbours in a cutout of flux or of display counts; nothing is raised for any pixels."""
    look = look_at(cutout)
    return Inspection(tuple(assess_look(look)), blend_in(look))
