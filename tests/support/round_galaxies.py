"""Smooth galaxies drawn from a formula at any position angle, so that no rotation needs interpolation."""

import numpy as np


def smooth_galaxies(position_angles, *, side=64, n_bands=3, seed=0, axis_ratio=(0.35, 0.95), mirrored=False):
    """Draw one elliptical galaxy with a companion per angle; equal seeds give equal galaxies.

    Shape (N, C, S, S), float32, 0..1; ``mirrored`` reverses left and right.
    """
    angles = np.asarray(position_angles, dtype=float)
    rng = np.random.default_rng(seed)
    n = len(angles)
    radius = rng.uniform(0.08, 0.16, n) * side
    ratio = rng.uniform(*axis_ratio, n)
    distance = rng.uniform(0.15, 0.3, n) * side
    brightness = rng.uniform(0.1, 0.3, n)
    colour = rng.uniform(0.5, 1.0, (n, n_bands))
    y, x = np.indices((side, side)) - (side - 1) / 2
    x = -x if mirrored else x
    images = np.empty((n, n_bands, side, side), dtype=np.float32)
    for i, angle in enumerate(angles):
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        body = np.exp(-0.5 * (along**2 + (across / ratio[i]) ** 2) / radius[i] ** 2)
        beside = (along - 0.6 * distance[i]) ** 2 + (across - 0.8 * distance[i]) ** 2
        companion = brightness[i] * np.exp(-0.5 * beside / (0.07 * side) ** 2)
        images[i] = colour[i][:, None, None] * np.clip(body + companion, 0, 1)
    return images
