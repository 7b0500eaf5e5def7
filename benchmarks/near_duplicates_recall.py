"""How many of the near duplicates that exist benchmarks/near_duplicates.py would find.

    python benchmarks/near_duplicates_recall.py

Copies of judged images, re-encoded, shifted, at other scales; and the real same-sky pairs among the judged. Prints the
shares. Hardware: two cores, no GPU; about 3 minutes.
Expected: 1.00 of copies of one scale, 0.94 of the real pairs, at other scales 0.86 below 0.7, 0.92 to 1.2, 0.6 above
(where most of the copy lies outside of the judged image).
"""

from __future__ import annotations

import io
import json

import numpy as np
from held_out import share
from near_duplicates import FINE_SAME_SCALE, JUDGED, SPLITS, STORED, SURE, Images
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from training.near_duplicates import crossed_by_trail, fine_correlation, phase_peaks, standardised
from training.scaled_duplicates import bright_centres, describe, likeness, scaled_candidates

N_COPIES = 200
# The least that stands among the 800 highest of 1,140 x 4,326 pairs.
STANDS_OUT = 5.6


def copied(
    grey: NDArray[np.float32], rng: np.random.Generator, scale: float, shift: float
) -> NDArray[np.float32]:
    """Return another rendering: ``scale`` pixels to one, moved by up to ``shift``, brighter or fainter, noise, JPEG 75."""
    side = len(grey)
    grid = (np.arange(side) - (side - 1) / 2) * scale + (side - 1) / 2
    where = np.meshgrid(*(grid + rng.uniform(-shift, shift) for _ in range(2)), indexing="ij")
    smooth = ndimage.gaussian_filter(grey, 0.45 * scale) if scale > 1 else grey
    copy = ndimage.map_coordinates(smooth, where, order=1, mode="constant", cval=float(np.median(grey)))
    copy = 255 * (copy / 255).clip(0, 1) ** rng.uniform(0.85, 1.15) + rng.normal(0, 2, copy.shape)
    stream = io.BytesIO()
    Image.fromarray(copy.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=75)
    return np.asarray(Image.open(stream), dtype=np.float32)


def same_scale(judged: Images, rng: np.random.Generator) -> list[bool]:
    """Return which shifted copies are found among the judged images."""
    chosen = rng.permutation(len(judged.ids))[:N_COPIES]
    copies = np.stack([copied(judged.grey[row], rng, 1.0, 20.0) for row in chosen])
    out = standardised(phase_peaks(judged.grey, copies))
    return [
        bool(out[row, n] > STANDS_OUT and fine_correlation(judged.grey[row], copies[n]) > FINE_SAME_SCALE)
        for n, row in enumerate(chosen)
    ]


def real_pairs(judged: Images) -> list[bool]:
    """Return which stored same-sky pairs of judged images are found, those of satellite trails left out."""
    row = {object_id: at for at, object_id in enumerate(judged.ids)}
    trail = crossed_by_trail(judged.colour)
    stored = json.loads((SPLITS / f"{JUDGED}.json").read_text())["same_sky"]
    pairs = [(row[a], row[b]) for a, b in stored if a in row and b in row]
    pairs = [(a, b) for a, b in pairs if not (trail[a] and trail[b])]
    firsts = [a for a, _ in pairs]
    out = standardised(phase_peaks(judged.grey[firsts], judged.grey))
    return [
        bool(out[n, b] > STANDS_OUT and fine_correlation(judged.grey[a], judged.grey[b]) > FINE_SAME_SCALE)
        for n, (a, b) in enumerate(pairs)
    ]


def other_scales(judged: Images, rng: np.random.Generator) -> tuple[list[float], list[bool]]:
    """Return the scale of copies centred on the galaxy, and which are found."""
    scales, found = [], []
    for row in rng.permutation(len(judged.ids))[:N_COPIES]:
        scales.append(float(np.exp(rng.uniform(np.log(0.4), np.log(1.9)))))
        copy = copied(judged.grey[row], rng, scales[-1], 1.0)
        centres = bright_centres(judged.grey[row])
        best = scaled_candidates(describe(judged.grey[row], centres), describe(copy, [(63.5, 63.5)]), n=1)[0]
        reached = (best.score, *likeness(judged.grey[row], copy, centres[best.query], best.scale))
        found.append(all(value > least for value, least in zip(reached, SURE, strict=True)))
    return scales, found


def main() -> None:
    """Print the shares."""
    rng = np.random.default_rng(0)
    judging = set(json.loads(STORED.read_text())["evaluation"][0])
    everything = Images.read(JUDGED)
    judged = everything.take(row for row, one in enumerate(everything.ids) if one in judging)
    scales, found = other_scales(judged, rng)
    parts = {"copies of one scale": same_scale(judged, rng), "real same-sky pairs": real_pairs(judged)}
    for low, high in ((0.4, 0.7), (0.7, 1.2), (1.2, 1.9)):
        of_scale = [hit for scale, hit in zip(scales, found, strict=True) if low <= scale < high]
        parts[f"copies of scale {low} to {high}"] = of_scale
    for what, hits in parts.items():
        value, (least, most), n = share(hits)
        print(f"{what}: {value:.3f} [{least:.3f}, {most:.3f}] of {n}")


if __name__ == "__main__":
    main()
