"""Part the real galaxies behind the rendered surveys, once for all: `benchmarks/splits/photoz_parents.json`.

    python benchmarks/photoz_splits.py

Whole tiles of 5 degrees, so that no galaxy, no rendering of it and none of its neighbours on the sky stands on both
sides. 50 % train, 5 % validate, 22.5 % calibrate, 22.5 % are judged by. Takes seconds; the same file every time.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from survey.simulate.parents import read_parents
from training.photoz_split import PARTS, SPLIT_FILE, deal_tiles, sky_tiles

SEED = 5


def main() -> None:
    """Write the file and print how many galaxies and tiles each part has."""
    parents = read_parents()
    tiles = sky_tiles(parents.ra_deg, parents.dec_deg)
    parts = deal_tiles(tiles, seed=SEED)
    stored = {
        "rule": f"parents of the rendered survey by 5-degree tile of the sky, dealt with seed {SEED}: "
        + ", ".join(f"{part} {share:.1%}" for part, share in PARTS.items()),
        **{part: sorted(parents.names[row] for row in rows) for part, rows in parts.items()},
    }
    SPLIT_FILE.write_text(json.dumps(stored, indent=0) + "\n")
    for part, rows in parts.items():
        print(
            f"{part}: {len(rows)} galaxies in {len({tiles[row] for row in rows})} tiles, "
            f"median z {np.median(parents.z_spec[rows]):.4f}"
        )


if __name__ == "__main__":
    main()
