"""An index release opened for answering."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from index.anomalies.model import ANOMALIES, AnomalyModel
from index.causes.table import CAUSES, FrozenCauses
from index.clusters.mixture import CLUSTERS, Mixture
from index.columns import Columns
from index.domain import DOMAIN, Domain
from index.embeddings import rounded
from index.estimates import ARRAYS
from index.neighbours import NeighbourGraph
from index.photoz_encoder import PhotozEncoder
from index.photoz_network import NetworkPhotoZ
from index.photoz_stored import StoredEstimates
from index.release_index import IndexInfo, open_approximate, open_store
from index.release_info import ReleaseInfo
from index.release_photoz import PhotoZEstimator, open_photoz
from index.release_verify import check_counts, hash_of_ids, verify_release
from index.remoteness import Remoteness
from index.selection_masks import Masks
from index.spectroscopic import Spectroscopic
from index.vectors.approximate import ApproximateStore
from index.vectors.engine import SearchEngine
from index.vectors.engine_store import EngineStore
from index.vectors.exact import ExactStore
from index.vectors.projection import PROJECTION, Projection
from index.vectors.store import VectorArray, VectorStore
from survey.manifests import CorruptFolder, read_manifest, sha256_of

__all__ = ["FORMAT", "MANIFEST", "WHOLE_SINCE", "Release", "ReleaseInfo", "hash_of_ids", "verify_release"]

MANIFEST = "manifest.json"
#: What is built now. 1 had no domain; 2 had no calibrated redshifts, and computes them; up to 3 nothing was said of the index,
#: which was exact; up to 4 there was no anomaly model and none of its columns: all are read.
FORMAT = 5
#: From this one on a release has all that answers are made from.
WHOLE_SINCE = 5
COLUMNS = "columns.arrow"
#: Of an updated release only: rows that were withdrawn or superseded, int64, rising.
WITHDRAWN = "withdrawn.npy"
# Galaxies that share this column's value are renderings of one real galaxy.
PARENT = "parent_id"
_QUICK_BYTES = 64 * 2**20


class Release:
    """One survey indexed by one model, frozen.

    Attributes
    ----------
    path
        The folder.
    info
        Its manifest.
    index
        How it is searched.
    recall
        What was measured of that when it was built: :class:`index.vectors.recall.Recall` as JSON; empty where exact
        search in the model's own space leaves nothing to measure.
    graph_is_exact
        Whether the neighbour graph compared all with all.
    graph_recall_at_10
        Share of the true ten nearest that the neighbour graph holds; 1 where it is exact.
    sha256
        SHA-256 of the manifest, which the active release row must repeat.
    format
        :data:`FORMAT` at the time of building.
    map
        How its map was made and how far it holds, as :func:`index.maps.writing.write_map` says; None in a release that was
        built before there was one.
    rules
        :data:`survey.inspection.RULES` that its causes were found by; None where its galaxies were not inspected.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.info = ReleaseInfo.from_manifest(manifest)
        self.sha256 = sha256_of((path / MANIFEST).read_bytes())
        self.index = IndexInfo.from_manifest(manifest)
        self.recall: list[dict[str, Any]] = manifest.get("recall", [])
        graph = manifest.get("graph", {})
        self.graph_is_exact = bool(graph.get("is_exact", True))
        self.graph_recall_at_10 = float(graph.get("recall_at_10", 1))
        self._photoz: dict[str, Any] = manifest["photoz"]
        self._has_projection = manifest.get("projection") is not None
        # By the manifest: a file that it does not name has no hash.
        self._files = frozenset(manifest["files"])
        self._has_clusters = CLUSTERS in manifest["files"]
        self.map: dict[str, Any] | None = manifest.get("map")
        self.rules: int | None = (manifest.get("causes") or {}).get("rules")
        self.format = int(manifest.get("format", 1))

    @classmethod
    def open(cls, path: Path, *, verify: Literal["quick", "full"] = "quick") -> Release:
        """Open a release after checking its files.

        Parameters
        ----------
        verify
            ``quick`` hashes files up to 64 MiB and checks the size of larger ones; ``full`` hashes
            everything and looks up every vector.

        Raises
        ------
        CorruptFolder
            If a file is missing, damaged, or does not fit the others.
        """
        manifest = read_manifest(path, MANIFEST, verify=())
        sizes = manifest.get("sizes")
        if not isinstance(sizes, dict) or manifest.get("id") != path.name.removeprefix(".").removesuffix(
            ".staged"
        ):
            raise CorruptFolder(
                f"{path.name}: {MANIFEST} belongs to another release; build the release again"
            )
        for name, size in sizes.items():
            if not (path / name).is_file() or (path / name).stat().st_size != size:
                raise CorruptFolder(
                    f"{path.name}: {name} is missing or not {size} bytes long; build the release again"
                )
        small = [name for name, size in sizes.items() if size <= _QUICK_BYTES]
        read_manifest(path, MANIFEST, verify=None if verify == "full" else small)
        release = cls(path, manifest)
        check_counts(release)
        if verify == "full":
            verify_release(release)
        return release

    @property
    def id(self) -> str:
        """The release's name."""
        return self.info.id

    @cached_property
    def store(self) -> ExactStore:
        """The vectors."""
        return open_store(self.path, self.index, self.info.dimension)

    @cached_property
    def approximate(self) -> ApproximateStore | None:
        """The approximate index; None for a release that is searched exactly."""
        return open_approximate(self.path, self.index, self.store)

    @cached_property
    def projection(self) -> Projection | None:
        """What brings embeddings into the space that is searched; None where that is the model's own."""
        if not self._has_projection:
            return None
        try:
            return Projection.open(self.path)
        except (OSError, ValueError, KeyError) as error:
            raise CorruptFolder(f"{self.id}: {PROJECTION} cannot be read; build the release again") from error

    def project(self, vectors: VectorArray) -> VectorArray:
        """Bring a model's embeddings, shape (Q, its dimension), into the space that is searched, shape (Q, D)."""
        return vectors if self.projection is None else self.projection(vectors)

    def as_stored(self, embeddings: VectorArray) -> VectorArray:
        """Bring a model's embeddings into the space that is searched, rounded as a galaxy's are on their way to disk.

        Parameters
        ----------
        embeddings
            Unit vectors, shape (Q, the model's dimension).

        Returns
        -------
        VectorArray
            float32, shape (Q, D).
        """
        return self.project(rounded(embeddings)).astype(self.index.storage).astype(np.float32)

    @cached_property
    def alive(self) -> NDArray[np.bool_] | None:
        """Which rows are galaxies of the release, shape (N,); None when none was withdrawn by an update."""
        if WITHDRAWN not in self._files:
            return None
        alive = np.ones(self.info.n, dtype=np.bool_)
        alive[np.load(self.path / WITHDRAWN, allow_pickle=False)] = False
        return alive

    @cached_property
    def galaxies(self) -> NDArray[np.int64]:
        """The rows that are galaxies, rising: all but those that an update withdrew."""
        return np.arange(self.info.n) if self.alive is None else np.flatnonzero(self.alive)

    @cached_property
    def engine(self) -> SearchEngine:
        """What searches them."""
        return SearchEngine(
            self.store, self.approximate, alive=self.alive, recall_at_10=self.info.recall_at_10
        )

    @cached_property
    def searched(self) -> VectorStore:
        """The vectors as searches find them: :attr:`store`, or the engine where there is an approximate index."""
        return self.store if self.approximate is None else EngineStore(self.engine)

    @cached_property
    def columns(self) -> Columns:
        """The frozen columns, in the same row order."""
        return Columns(self.path / COLUMNS, alive=self.alive)

    @cached_property
    def masks(self) -> Masks:
        """Which rows a selection allows."""
        return Masks(self.columns, self.id)

    @cached_property
    def graph(self) -> NeighbourGraph:
        """The nearest neighbours of each row."""
        return NeighbourGraph.open(self.path)

    @cached_property
    def anomalies(self) -> AnomalyModel | None:
        """What scores its galaxies and others; None for a release of before format 5."""
        return AnomalyModel.open(self.path) if ANOMALIES in self._files else None

    @cached_property
    def remoteness(self) -> Remoteness:
        """How far its galaxies lie from their neighbours."""
        return Remoteness(self.graph)

    @cached_property
    def causes(self) -> FrozenCauses | None:
        """What was found in the pixels of its galaxies; None where they were not inspected."""
        return FrozenCauses.open(self.path / CAUSES) if CAUSES in self._files else None

    @cached_property
    def spectroscopic(self) -> Spectroscopic:
        """The spectroscopic redshifts."""
        columns = self.columns
        parents = columns.array(PARENT) if PARENT in columns.names else None
        return Spectroscopic(columns.array("z_spec"), parents)

    @property
    def photoz(self) -> PhotoZEstimator:
        """The photo-z estimator; it raises PhotoZUnavailable with the reason where there can be none."""
        return self._redshifts[0]

    def lend_network(self, encoder: PhotozEncoder) -> None:
        """Give the estimator its model's redshift network, so that it can estimate images; a kernel needs none."""
        if isinstance(self.photoz, NetworkPhotoZ):
            self.photoz.encoder = encoder

    @cached_property
    def _redshifts(self) -> tuple[PhotoZEstimator, StoredEstimates | None]:
        return open_photoz(
            self.path,
            self._photoz,
            self.searched,
            self.graph,
            self.spectroscopic,
            survey=self.info.survey,
            model_id=self.info.model_id,
        )

    @cached_property
    def clusters(self) -> Mixture | None:
        """What parts its galaxies into groups that look alike; None where there are no clusters."""
        return Mixture.open(self.path) if self._has_clusters else None

    @cached_property
    def places(self) -> NDArray[np.float32] | None:
        """Places on its map, shape (N, 2), NaN for rows that have none; None where there is no map."""
        if self.map is None or self.map["method"] == "none":
            return None
        return np.stack([self.columns.array(name) for name in ("map_x", "map_y")], axis=1).astype(np.float32)

    @cached_property
    def domain(self) -> Domain | None:
        """What its galaxies look like; None for a release of few galaxies, or built before there was one."""
        return Domain.open(self.path / DOMAIN) if DOMAIN in self._files else None

    def photoz_columns(self) -> dict[str, NDArray[Any]] | None:
        """Return :data:`index.estimates.ARRAYS` of every galaxy, shape (N,), NaN for null; None without redshifts."""
        photoz, stored = self._redshifts
        if photoz.unavailable is not None:
            return None
        if stored is not None:
            return {name: stored.column(name) for name in ARRAYS}
        # A release that was built before they were stored.
        assert not isinstance(photoz, NetworkPhotoZ)
        blocks = [estimates.columns for _, estimates in photoz.blocks()]
        return {name: np.concatenate([block[name] for block in blocks]) for name in ARRAYS}

    @property
    def stored_redshifts(self) -> StoredEstimates | None:
        """The estimates that the release holds; None for one that computes them."""
        return self._redshifts[1]
