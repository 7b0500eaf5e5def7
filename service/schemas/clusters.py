"""Clusters, and the map."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from service.schemas.base import Answer, ReleaseBlock
from service.schemas.lists import ListAnswer, ListedObject

__all__ = ["ClusterMembersAnswer", "ClustersAnswer", "MapAnswer", "MapBlock"]

_FILTERS = "What the galaxies keep, as searches say it."


class NearCluster(Answer):
    """A cluster near another one."""

    cluster: int
    hellinger: float = Field(description="From 0, the same, to 1: they share nothing.")


class Cluster(Answer):
    """Galaxies that look alike: one component of the mixture."""

    cluster: int = Field(description="Its number, the weightiest first.")
    size: int = Field(description="Galaxies of it that keep the filters.")
    share: float = Field(description="Of all that keep them.")
    weight: float = Field(description="Expected share, as the mixture was fitted.")
    exemplars: list[str] = Field(
        description="The galaxies nearest its mean that keep the filters, at most 12."
    )
    medians: dict[str, float | None] = Field(
        description="Of some columns, over these galaxies; null where none has a value.",
        examples=[{"z_spec": 0.08, "z_phot": 0.081, "mag_r": 17.2, "anomaly_p": 0.41}],
    )
    nearest: list[NearCluster] = Field(description="The clusters most like it.")
    hellinger: list[float] = Field(description="Distance to every cluster, itself at 0.")


class ClustersAnswer(Answer):
    """The clusters of a release."""

    release: ReleaseBlock
    filters: dict[str, Any] = Field(description=_FILTERS, examples=[{"z_spec": [0.05, 0.1]}])
    n_total: int = Field(description="Galaxies that keep the filters.")
    clusters: list[Cluster] = Field(
        description="Empty in a release of fewer than 20 galaxies, or of an earlier version."
    )


class ClusterMember(ListedObject):
    """One galaxy of a cluster."""

    cluster_probability: float = Field(description="That it belongs to this cluster and to no other.")
    cluster_distance: float = Field(description="From the cluster's mean, in units of its spread.")


class ClusterMembersAnswer(ListAnswer):
    """The galaxies of a cluster, the most typical first."""

    cluster: int
    objects: list[ClusterMember]


class MapSaid(Answer):
    """How a map was made, and how far it holds."""

    method: str = Field(description="`umap`, `tsne`, or `pca` in a release of fewer than 500 galaxies.")
    seed: int
    n_laid_out: int = Field(description="Galaxies that were laid out; the others were placed among them.")
    trustworthiness: float | None = Field(
        description="How far neighbours on the map are neighbours indeed, 1 at best."
    )
    continuity: float | None = Field(description="How far neighbours are neighbours on the map, 1 at best.")
    displacement_median: float | None = Field(
        description=(
            "How far galaxies come to lie from their places when their neighbours place them, in units of the map's "
            "root-mean-square radius."
        )
    )
    n_measured: int = Field(description="Galaxies, drawn at random, that this was measured with.")


class MapAnswer(Answer):
    """Points of a release's map, column by column."""

    release: ReleaseBlock
    filters: dict[str, Any] = Field(description=_FILTERS, examples=[{"z_spec": [0.05, 0.1]}])
    map: MapSaid | None = Field(description="Null in a release without a map; then there are no points.")
    n_total: int = Field(description="Galaxies that keep the filters and have a place.")
    n: int = Field(description="Points given: the first of a fixed random order.")
    points: dict[str, list[Any]] = Field(
        description="`object_id`, `x`, `y`, `cluster` and what `columns` asked for; all of length `n`.",
        examples=[{"object_id": ["J00001"], "x": [3.1], "y": [-0.4], "cluster": [7]}],
    )


class MapBlock(Answer):
    """Where a new galaxy lies on the map and in the clusters."""

    x: float | None = Field(description="Weighted mean of its nearest neighbours' places.")
    y: float | None
    cluster: int | None
    cluster_probability: float | None = Field(description="That it belongs to this cluster and to no other.")
