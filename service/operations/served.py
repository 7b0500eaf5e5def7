"""Lists of what is served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from service.resources import Resources

__all__ = ["models", "releases", "surveys"]


_UPDATE = ("base", "base_sha256", "supplements", "added", "changed", "withdrawn")


def surveys(resources: Resources) -> dict[str, Any]:
    """Return every survey, the default one named."""
    entries = [
        {
            **{key: value for key, value in folder.info.to_json().items() if key != "extra"},
            "n_objects": len(folder),
            "sha256": folder.sha256,
            "default_release": resources.defaults.get(name),
            "is_default": name == resources.default_survey,
        }
        for name, folder in resources.surveys.items()
    ]
    return {"default": resources.default_survey, "surveys": entries}


def releases(resources: Resources) -> dict[str, Any]:
    """Return every release, the default one named."""
    entries = []
    for served in resources.releases.values():
        info = served.release.info
        entries.append(
            {
                **served.block,
                "n": info.n_galaxies,
                **{
                    name: getattr(info, name)
                    for name in ("dimension", "metric", "exact", "recall_at_10", "created")
                },
                "index": served.release.index.to_json(),
                "recall": served.release.recall,
                "dimension_in": served.model.card.dimension,
                "has_photoz": served.has_photoz,
                "is_default": resources.defaults.get(served.survey) == served.release.id,
                "update": None
                if info.update is None
                else {name: getattr(info.update, name) for name in _UPDATE},
            }
        )
    default = resources.defaults.get(resources.default_survey) if resources.default_survey else None
    return {"default": default, "releases": entries, "release_swap": resources.shared.swapping.to_json()}


def models(resources: Resources) -> dict[str, Any]:
    """Return the card of every model that made a release."""
    unique = {served.model.card.id: served.model for served in resources.releases.values()}
    names = (
        "id",
        "method",
        "title",
        "dimension",
        "precision",
        "contract",
        "training",
        "metrics",
        "licence",
        "created",
    )
    return {
        "models": [
            {
                **{n: getattr(m.card, n) for n in names},
                "photoz": None if m.card.photoz is None else m.card.photoz.model_dump(),
                "sha256": m.sha256,
            }
            for m in unique.values()
        ]
    }
