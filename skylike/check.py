"""Goes through a data folder: every hash, and whether surveys, models and releases agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from index.embeddings import EmbeddingStore
from index.model import GoldenMismatch, Model, OnnxEncoder
from index.photoz_encoder import PhotozEncoder
from index.photoz_shards import PhotozShards
from index.release import WHOLE_SINCE, Release
from index.releases import list_releases
from index.shipped import released_folder
from index.updates.survey import survey_of
from skylike.findings import Finding, complaint, note, ok
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder, read_manifest

__all__ = ["DataCheck"]

_NOTHING = "skylike demo --no-serve"


class DataCheck:
    """One pass over a data folder.

    Attributes
    ----------
    surveys, models, releases
        What was found whole, by name; filled by :meth:`run`.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.surveys: dict[str, SurveyFolder] = {}
        self.models: dict[str, Model] = {}
        self.releases: dict[str, Release] = {}

    def run(self) -> Iterator[Finding]:
        """Yield a finding for every folder; hashes of all files are computed."""
        if not self._folders("surveys"):
            yield complaint("surveys", f"none in {self.data_dir}", _NOTHING)
        for path in self._folders("surveys"):
            yield self._survey(path)
        for path in self._folders("models"):
            yield self._model(path)
        for path in self._folders("embeddings"):
            yield self._embeddings(path)
        for path in self._folders("photoz"):
            yield self._redshifts(path)
        for path in self._folders("releases"):
            yield self._release(path)
        yield from self._leftovers()

    def _folders(self, kind: str) -> list[Path]:
        folder = self.data_dir / kind
        return sorted(p for p in folder.iterdir() if not p.name.startswith(".")) if folder.is_dir() else []

    def _survey(self, path: Path) -> Finding:
        name = f"survey {path.name}"
        try:
            read_manifest(path, "survey.json", verify=None)
            survey = SurveyFolder(path)
        except CorruptFolder as error:
            again = (
                "skylike demo --no-serve"
                if path.name == "demo"
                else f"skylike survey import … --survey {path.name}"
            )
            return complaint(name, str(error), f"rm -r {path} && {again}")
        self.surveys[path.name] = survey
        return ok(name, f"{len(survey)} objects, {survey.info.kind}, hashes agree")

    def _model(self, path: Path) -> Finding:
        name = f"model {path.name}"
        try:
            model = Model.open(path)
            smallest = OnnxEncoder(model, check=False).check_golden()
            if model.card.photoz is not None:
                PhotozEncoder(model)
        except CorruptFolder as error:
            return complaint(name, str(error), self._refit(path.name))
        except GoldenMismatch as error:
            return complaint(name, str(error), self._refit(path.name))
        self.models[path.name] = model
        return ok(
            name, f"{model.card.method}, {model.card.dimension} dimensions, golden objects at {smallest:.6f}"
        )

    def _refit(self, model: str) -> str:
        """Return the command that brings a model back: a released one is copied again, others are fitted."""
        shipped = released_folder()
        if shipped is not None and (shipped / model / "card.json").is_file():
            users = [path.name.partition("--") for path in self._folders("embeddings")]
            survey = next((survey for survey, _, used in users if used == model), "SURVEY")
            return f"rm -r {self.data_dir / 'models' / model} && skylike index build {survey} --model {model}"
        method, _, survey = model.partition("-")
        survey = survey.removesuffix("-rgb")
        return f"rm -r {self.data_dir / 'models' / model} && skylike train fixed {method} --survey {survey} --model-id {model}"

    def _embeddings(self, path: Path) -> Finding:
        name = f"embeddings {path.name}"
        survey, _, model = path.name.partition("--")
        build = f"rm -r {path} && skylike index build {survey} --model {model}"
        try:
            store = EmbeddingStore.open(path)
            ids, _ = store.load()
        except CorruptFolder as error:
            return complaint(name, str(error), build)
        stale = self.stale(
            store.info.survey, store.info.survey_sha256, store.info.model_id, store.info.model_sha256
        )
        if stale:
            return complaint(name, stale, build)
        return ok(name, f"{len(ids)} vectors, {len(store.rejected)} objects rejected")

    def _redshifts(self, path: Path) -> Finding:
        name = f"redshifts {path.name}"
        build = f"rm -r {path}; skylike index photoz"
        try:
            shards = PhotozShards.open(path)
            info = shards.info
            build = f"rm -r {path} && skylike index photoz {info.survey} --model {info.model_id}"
            n = sum(len(ids) for ids, _ in shards.read())
        except CorruptFolder as error:
            return complaint(name, str(error), build)
        stale = self.stale(info.survey, info.survey_sha256, info.model_id, info.model_sha256)
        if stale:
            return complaint(name, stale, build)
        return ok(name, f"{n} redshifts, {len(shards.rejected)} objects rejected")

    def _release(self, path: Path) -> Finding:
        name = f"release {path.name}"
        survey, model = (*path.name.split("--"), "")[:2]
        try:
            release = Release.open(path, verify="full")
        except CorruptFolder as error:
            return complaint(
                name, str(error), f"rm -r {path} && skylike index build {survey} --model {model}"
            )
        info = release.info
        self.releases[info.id] = release
        build = f"skylike index build {info.survey} --model {info.model_id}"
        stale = self.stale(info.survey, info.survey_sha256, info.model_id, info.model_sha256)
        if stale:
            return self._judge_stale(name, path, stale, build)
        try:
            known = set(survey_of(path, info, self.surveys[info.survey], self.data_dir / "surveys").ids)
        except CorruptFolder as error:
            return complaint(
                name,
                f"a supplement: {error}",
                f"skylike index rollback {info.survey} --model {info.model_id}",
            )
        ids = release.columns.ids
        strangers = [ids[row] for row in release.galaxies if ids[row] not in known]
        if strangers:
            found = f"{len(strangers)} ids are not in survey {info.survey}, first {strangers[0]!r}"
            return complaint(name, found, build)
        if release.format < WHOLE_SINCE:
            return note(
                name,
                f"built by an earlier version: without anomaly model, causes and map; {build} makes it anew",
            )
        measured = f", {release.domain.n} measured" if release.domain is not None else ""
        return ok(name, f"{info.n_galaxies} of {len(known)} objects, every vector finds itself{measured}")

    def _judge_stale(self, name: str, path: Path, stale: str, build: str) -> Finding:
        """Complain of a stale release unless a current one of the same survey and model is there."""
        key = path.name.rpartition("--")[0]
        for other in list_releases(self.data_dir / "releases"):
            is_current = not self.stale(other.survey, other.survey_sha256, other.model_id, other.model_sha256)
            if is_current and other.id.rpartition("--")[0] == key:
                return note(name, f"superseded by {other.id}: {stale}; rm -r {path} frees its room")
        return complaint(name, stale, build)

    def stale(self, survey: str, survey_sha256: str, model: str, model_sha256: str) -> str:
        """Say which of survey and model is not the one that something was made from; empty if both are."""
        for kind, name, expected, found in (
            ("survey", survey, survey_sha256, self.surveys.get(survey)),
            ("model", model, model_sha256, self.models.get(model)),
        ):
            if found is None:
                return f"its {kind} {name} is not here or not whole"
            if found.sha256 != expected:
                return f"made from {kind} {name} {expected[:12]}; the one here is {found.sha256[:12]}"
        return ""

    def _leftovers(self) -> Iterator[Finding]:
        for kind in ("surveys", "models", "releases"):
            folder = self.data_dir / kind
            for path in sorted(folder.glob(".*")) if folder.is_dir() else ():
                if path.is_dir():
                    yield note(
                        f"leftover {path.name}", f"from an interrupted command; rm -r {path} frees its room"
                    )
