"""What the card of a trained model says."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from index.card import ModelCard
from training.config import PretrainConfig
from training.curves import best_epoch
from training.export import Head
from training.precision import Released, processor
from training.preparation import Prepared
from training.tricks import Chosen

__all__ = ["Facts", "card_of", "model_id"]

_LONGEST_ID = 64


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """All that an export decided and measured."""

    config: PretrainConfig
    prepared: Prepared
    chosen: Chosen
    head: Head
    released: Released
    nuisance: dict[str, Any]
    without: tuple[str, ...]
    log: list[dict[str, Any]]


def model_id(name: str, without: Sequence[str]) -> str:
    """Return the id of a model: one without some directions says so."""
    return "-".join([name, *(f"no-{what}" for what in without)])[:_LONGEST_ID]


def card_of(name: str, facts: Facts) -> ModelCard:
    """Write the card; ``files`` are filled in when it is published."""
    head, config = facts.head, facts.config
    training = _training(facts)
    metrics = {
        "validation_score": facts.released.measured[facts.released.precision]["score"],
        "validation_measure": "purity@10 by label, or minus sigma_MAD of redshifts where there are no labels",
        "precisions": facts.released.measured,
        "measured_on": processor(),
        "nuisance": facts.nuisance,
    }
    return ModelCard(
        id=name,
        method=config.method if head.rings is None else f"{config.method}+rings",
        title=_title(facts),
        contract=facts.prepared.contract.to_json(),
        dimension=head.dimension,
        precision=facts.released.precision,
        views=8 if head.projection.views == 8 else 1,
        training=training,
        metrics=metrics,
        code_revision=f"skylike {importlib.metadata.version('skylike')}",
        licence=_licence(facts),
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    )


def _title(facts: Facts) -> str:
    network = facts.config.network
    title = f"MoCo v2, ResNet-{network.depth} ({network.stem} stem, width {network.width})"
    if facts.head.rings is not None:
        title = f"Hybrid: {title} joined with polar Fourier moduli (as polar48) and the phases between rings"
    return f"{title}, without {' and '.join(facts.without)}" if facts.without else title


def _training(facts: Facts) -> dict[str, Any]:
    head, prepared, chosen = facts.head, facts.prepared, facts.chosen
    surveys = [source.survey for source in prepared.sources]
    training: dict[str, Any] = {
        "config": facts.config.model_dump(mode="json"),
        "survey": ", ".join(survey.info.name for survey in surveys),
        "survey_sha256": surveys[0].sha256,
        "surveys": {survey.info.name: survey.sha256 for survey in surveys},
        "n": sum(len(split.train) for split in prepared.splits),
        "n_validation": len(prepared.splits[0].validation),
        "epochs": facts.log[-1]["epoch"] if facts.log else 0,
        "best_epoch": best_epoch(facts.log),
        "seed": facts.config.seed,
        "labels": _labels(has_rings=head.rings is not None),
        "tricks": chosen.tried,
        "power": chosen.power,
        "golden": "drawn Sersic galaxies under noise; vectors of this graph in this precision",
    }
    if head.rings is not None:
        training["rings"] = {
            "weight": head.weight,
            "dimension": head.rings.dimension,
            "description": head.rings.settings(),
            "fitted_on": "network inputs of the first survey's training part",
        }
    if facts.without:
        training["without"] = list(facts.without)
    return training


def _labels(*, has_rings: bool) -> str:
    """Say what labels were used for: nothing is fitted to one, but choices were made by them."""
    told = (
        "none were trained on; those of the validation part (redshifts where there are none) chose the epoch, the tricks and "
        "the precision; the shipped recipes were settled by labels of gz1_fixed51's training and validation parts"
    )
    return f"{told}, and so were the numbers of the rings (training/fusion.py)" if has_rings else told


def _licence(facts: Facts) -> str:
    surveys = [source.survey.info for source in facts.prepared.sources]
    terms = "; ".join(f"{info.title}: {info.licence or 'licence not stated'}" for info in surveys)
    return f"Weights: BSD-3-Clause. Trained on {terms}"
