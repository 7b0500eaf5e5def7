"""A tiny seeded survey of synthetic blobs, with an encoder that needs no model file."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cdshealpix
import numpy as np
import pyarrow as pa
from astropy.coordinates import Latitude, Longitude
from PIL import Image

from survey.archive import SurveyFolder, SurveyInfo
from survey.bands import BAND_SETS
from survey.contract import InputContract
from survey.cutout import Cutout
from survey.publish import SurveyPart, publish_survey

FIELD_PX = 48
_PLANES = {"flux": BAND_SETS["sdss-ugriz"], "display": BAND_SETS["display-rgb"]}


def tiny_survey(
    path: Path,
    *,
    n: int = 60,
    seed: int = 0,
    kind: str = "flux",
    spectra: bool = True,
    spoilt: int = 0,
    edit: Callable[[np.ndarray], None] | None = None,
    first: int = 0,
) -> SurveyFolder:
    """Publish ``n`` elliptical Gaussians as a survey called like its folder.

    Redder blobs have a larger ``z_spec`` (0.02 to 0.3; every tenth object has none, none has with
    ``spectra=False``), larger ones the label ``spiral``, others ``elliptical``. The last ``spoilt``
    objects are all NaN; ``edit`` may spoil others in place. Ids count from ``first``. Objects 3k and 3k+1 share a ``parent_id``.
    """
    rng = np.random.default_rng(seed)
    bands = _PLANES[kind]
    redness = np.linspace(0, 1, n)
    rng.shuffle(redness)
    radius = rng.uniform(2, 6, n)
    flux = _blobs(rng, redness, radius, len(bands))
    if spoilt:
        flux[n - spoilt :] = np.nan
    if edit is not None:
        edit(flux)
    if kind == "display":
        flux = np.clip(flux * 40, 0, 255).astype(np.uint8)
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    z_spec = [None if i % 10 == 9 or not spectra else float(0.02 + 0.28 * redness[i]) for i in range(n)]
    hpx29 = cdshealpix.nested.lonlat_to_healpix(Longitude(ra, unit="deg"), Latitude(dec, unit="deg"), 29)
    columns = {
        "object_id": [f"J{i:05d}" for i in range(first, first + n)],
        "ra_deg": ra,
        "dec_deg": dec,
        "hpx29": pa.array(hpx29.astype(np.int64)),
        "ebv": rng.uniform(0.01, 0.1, n),
        "z_spec": pa.array(z_spec, pa.float64()),
        "label": ["spiral" if r > 4 else "elliptical" for r in radius],
        "parent_id": [f"P{i // 3 * 3 + i % 3 // 2}" for i in range(n)],
    }
    if kind == "flux":
        for plane, name in enumerate(bands.names):
            columns[f"flux_{name}"] = flux[:, plane].sum(axis=(1, 2))
    info = SurveyInfo(
        name=path.name,
        title="Tiny synthetic blobs",
        kind=kind,
        bands=bands,
        pixel_scale_arcsec=0.396 if kind == "flux" else None,
        field_px=FIELD_PX,
        realism="Everything is synthetic.",
    )
    ivar = np.full(flux.shape, 2500, np.float32) if kind == "flux" else None
    part = SurveyPart(rows=pa.table(columns), flux=flux, ivar=ivar)
    return publish_survey(path, info, [part], thumbnail=_thumbnail)


def tiny_contract(kind: str = "flux") -> InputContract:
    bands = _PLANES[kind]
    if kind == "display":
        return InputContract(bands, None, FIELD_PX, 24, stretch="unit", shrink=True, min_coverage_px=24)
    return InputContract(
        bands, 0.396, FIELD_PX, 40, stretch="asinh", softening=(0.1,) * 5, min_coverage_px=40
    )


@dataclass(frozen=True)
class _FakeCard:
    id: str
    dimension: int
    method: str = "fake"


class FakeEncoder:
    """Seeded projection of the pixels to unit vectors; stands for a Model and its OnnxEncoder at once."""

    def __init__(
        self, *, kind: str = "flux", dimension: int = 16, seed: int = 1, model_id: str = "fake16"
    ) -> None:
        self.contract = tiny_contract(kind)
        self.card = _FakeCard(model_id, dimension)
        self.sha256 = f"{seed:064x}"
        inputs = len(self.contract.bands) * self.contract.input_px**2
        self._projection = np.random.default_rng(seed).normal(size=(inputs, dimension)).astype(np.float32)
        self.calls = 0

    @property
    def dimension(self) -> int:
        return self.card.dimension

    def encode(self, inputs: np.ndarray) -> np.ndarray:
        vectors = inputs.reshape(len(inputs), -1) @ self._projection
        self.calls += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

    def embed_fields(self, fields: np.ndarray) -> np.ndarray:
        return self.encode(self.contract.finish(fields))


def _blobs(rng: np.random.Generator, redness: np.ndarray, radius: np.ndarray, n_bands: int) -> np.ndarray:
    y, x = np.indices((FIELD_PX, FIELD_PX)) - (FIELD_PX - 1) / 2
    angle, axis_ratio = rng.uniform(0, np.pi, len(radius)), rng.uniform(0.5, 1, len(radius))
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    major, minor = x * cos + y * sin, (y * cos - x * sin) / axis_ratio[:, None, None]
    shape = np.exp(-0.5 * (major**2 + minor**2) / radius[:, None, None] ** 2)
    slope = np.linspace(-1, 1, n_bands)
    colour = np.exp(2 * (redness[:, None] - 0.5) * slope)
    flux = 5 * colour[:, :, None, None] * shape[:, None] + rng.normal(
        0, 0.02, (len(radius), n_bands, *y.shape)
    )
    return flux.astype(np.float32)


def _thumbnail(cutout: Cutout) -> bytes:
    plane = np.nan_to_num(cutout.flux[len(cutout.flux) // 2])
    grey = np.clip(255 * plane / max(float(plane.max()), 1e-6), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "WEBP")
    return buffer.getvalue()


def tiny_release(
    data_dir: Path, *, name: str = "tiny", encoder: FakeEncoder | None = None, **survey_options
) -> Path:
    """Publish ``data_dir/surveys/name`` and its release by a fake model; returns the release's folder."""
    from index.embed import embed_survey
    from index.embeddings import EmbeddingStore
    from index.releases import build_release

    encoder = encoder or FakeEncoder(kind=survey_options.get("kind", "flux"))
    survey = tiny_survey(data_dir / "surveys" / name, **survey_options)
    folder = data_dir / "embeddings" / f"{name}--{encoder.card.id}"
    embed_survey(survey, encoder, folder, encoder=encoder, shard_size=32)
    store = EmbeddingStore.open(folder)
    info = build_release(survey=survey, model=encoder, embeddings=store, releases_dir=data_dir / "releases")
    return data_dir / "releases" / info.id
