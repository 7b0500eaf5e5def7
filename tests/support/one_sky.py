"""Pictures of a synthetic sky, some of them of the same patch."""

import numpy as np


def sky(seed: int, height: int, width: int) -> np.ndarray:
    """Draw stars and small galaxies in three colours, counts of 0 to 255 with noise, shape (3, height, width)."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((height, width))
    image = np.full((3, height, width), 12.0)
    for _ in range(height * width // 300):
        row, column, size = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(1.2, 2.5)
        blob = np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * size**2))
        image += rng.uniform(20, 120) * rng.uniform(0.5, 1, 3)[:, None, None] * blob
    return np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def pictures(n: int, side: int = 64, *, seed: int = 0) -> np.ndarray:
    """Draw n pictures of different patches, uint8, shape (n, 3, side, side)."""
    return np.stack([sky(1000 * seed + number, side, side) for number in range(n)])


def views(seed: int, shift: tuple[int, int], side: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Draw two pictures of one patch, of which pixel (y, x) of the second shows (y + dy, x + dx) of the first."""
    dy, dx = shift
    wide = sky(seed, side + abs(dy), side + abs(dx))
    first_y, first_x = max(0, -dy), max(0, -dx)
    first = wide[:, first_y : first_y + side, first_x : first_x + side]
    second = wide[:, first_y + dy : first_y + dy + side, first_x + dx : first_x + dx + side]
    return first, second


def crossed(picture: np.ndarray, row: int) -> np.ndarray:
    """Draw a satellite's trail, bright in green, through a copy of a picture."""
    trailed = picture.copy()
    rows = row + np.arange(trailed.shape[-1]) // 6
    for offset in range(4):
        trailed[1, rows + offset, np.arange(trailed.shape[-1])] = 250
    return trailed
