"""Small files of the public sets, made in exactly their formats."""

import h5py
import numpy as np

# A galaxy's flux in a plane, so that no two planes of a set are alike: a Gaussian of sigma 2 px, peak by object and band.
SIGMA = 2.0


def images(n, planes, side, *, seed=0, dtype=np.float32):
    """Galaxies in the middle, shape (n, planes, side, side): peak 1 + object + planes / 10, noise 0.01."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    shape = np.exp(-(x**2 + y**2) / (2 * SIGMA**2))
    peak = 1 + np.arange(n)[:, None] % 7 + np.arange(planes) / 10
    noise = np.random.default_rng(seed).normal(0, 0.01, (n, planes, side, side))
    return (peak[:, :, None, None] * shape + noise).astype(dtype)


def pictures(n, side, *, seed=0):
    """Colour pictures, shape (n, side, side, 3), uint8; channels differ."""
    return np.random.default_rng(seed).integers(0, 255, (n, side, side, 3), dtype=np.uint8)


def write_hdf5(path, datasets, **options):
    """Write root datasets; ``options`` (chunks, compression) hold for arrays of three and more axes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file.create_dataset(name, data=values, **(options if np.ndim(values) > 2 else {}))
    return path


def hayat(path, n=6, *, side=107, **changed):
    """`sdss_w_specz_valid.h5`: DR12 extinctions under the name of E(B-V)."""
    ebv = np.linspace(0.01, 0.2, n)
    datasets = {
        "images": images(n, 5, side),
        "e_bv": (ebv[:, None] * [5.155, 3.793, 2.751, 2.086, 1.479]).astype(np.float32),
        "specz_redshift": np.linspace(0.02, 0.3, n).astype(np.float32),
        "specz_redshift_err": np.full(n, 1e-5, np.float32),
        "ObjID": np.arange(n) + 1237648720693755904,
        "specObjID": np.arange(n, dtype=np.uint64) + 299489676975171584,
        "ra": np.linspace(150, 160, n),
        "dec": np.linspace(-1, 1, n),
    }
    datasets.update(changed)
    return write_hdf5(path, {k: v for k, v in datasets.items() if v is not None})


def pasquet_labels(n=6):
    """Some of the 64 columns of Pasquet's labels, with a text column that makes them Python objects."""
    kinds = [
        ("objID", "i8"), ("specObjID", "u8"), ("ra", "f8"), ("dec", "f8"), ("z", "f4"), ("EBV", "f4"),
        ("dered_petro_r", "f4"), ("primtarget", "i4"), ("class", "U6"),
    ]  # fmt: skip
    labels = np.zeros(n, dtype=kinds)
    labels["objID"] = np.arange(n) + 1237648720693755904
    labels["specObjID"] = np.arange(n) + 299489676975171584
    labels["ra"], labels["dec"] = np.linspace(150, 160, n), np.linspace(-1, 1, n)
    labels["z"], labels["EBV"] = np.linspace(0.02, 0.3, n), np.linspace(0.01, 0.2, n)
    labels["dered_petro_r"], labels["primtarget"], labels["class"] = 17.5, 64, "GALAXY"
    return labels


def pasquet_cube(n=6, side=64):
    """`cube`: bands last."""
    return np.ascontiguousarray(images(n, 5, side).transpose(0, 2, 3, 1))


def as_objects(labels):
    """Records that NumPy can only pickle, as in `sdss.npz`."""
    return labels.astype(
        [(name, "O" if labels.dtype[name].kind == "U" else kind) for name, kind in labels.dtype.descr]
    )


def stein(path, n=6, *, side=152, first=0, **changed):
    """`images_npix152_000000000_001000000.h5`: unknown redshifts are -99."""
    per_band = {
        name: np.outer(np.arange(1, n + 1), [1, 2, 3]).astype(np.float32) * scale
        for name, scale in (
            ("flux", 10),
            ("fiberflux", 5),
            ("psfdepth", 100),
            ("psfsize", 0.4),
            ("fracin", 0.1),
        )
    }
    unknown = np.where(np.arange(n) % 2, np.float32(-99), np.linspace(0.1, 0.3, n, dtype=np.float32))
    datasets = {
        "images": images(n, 3, side),
        "ra": np.linspace(150, 160, n),
        "dec": np.linspace(-1, 1, n),
        "inds": np.arange(n) + first,
        "release": np.full(n, 9010, np.int32),
        "brickid": np.full(n, 330368, np.int32),
        "objid": np.arange(n, dtype=np.int32) + first,
        "source_type": np.array(["DEV", "SER", "EXP"] * n, "S3")[:n],
        "ebv": np.linspace(0.01, 0.2, n, dtype=np.float32),
        "maskbits": np.zeros(n, np.int16),
        "nobs": np.full((n, 3), 4, np.int16),
        "z_spec": unknown,
        "z_training": unknown,
        "z_phot_median": unknown,
        **per_band,
    }
    datasets.update(changed)
    return write_hdf5(path, {k: v for k, v in datasets.items() if v is not None})


def galaxy10_decals(path, n=6, **changed):
    """`Galaxy10_DECals.h5`: some redshifts are NaN."""
    datasets = {
        "images": pictures(n, 256),
        "ans": np.arange(n, dtype=np.uint8) % 10,
        "ra": np.linspace(150, 160, n),
        "dec": np.linspace(-1, 1, n),
        "redshift": np.where(np.arange(n) % 2, np.nan, np.linspace(0.02, 0.1, n)),
        "pxscale": np.full(n, 0.262),
    }
    datasets.update(changed)
    return write_hdf5(path, {k: v for k, v in datasets.items() if v is not None})


def galaxy10_sdss(path, n=6):
    """`Galaxy10.h5`: pictures and classes only."""
    return write_hdf5(path, {"images": pictures(n, 69), "ans": np.arange(n, dtype=np.uint8) % 10})


def galaxiesml(path, n=6, *, side=127, **changed):
    """`5x127x127_training_with_morphology.hdf5`: counts of zero point 27."""
    datasets = {
        "image": images(n, 5, side),
        "object_id": np.arange(n) + 36407037182816256,
        "specz_redshift": np.linspace(0.1, 3.5, n),
        "specz_redshift_err": np.full(n, 1e-4),
        "specz_flag_homogeneous": np.ones(n, bool),
        **{f"{band}_cmodel_mag": np.linspace(20, 22, n) + i for i, band in enumerate("grizy")},
        **{f"{band}_sersic_index": np.full(n, 1.5) for band in "grizy"},
    }
    datasets.update(changed)
    return write_hdf5(path, {k: v for k, v in datasets.items() if v is not None})


def mmu(path, bands, n=4, *, side=160, scale=0.262, noise=True, mask="image_mask", **changed):
    """`healpix=NNN/001-of-001.hdf5`; ``bands`` like ("hsc-g", …). The mask is true where a pixel can be used."""
    c = len(bands)
    clean = np.ones((n, c, side, side) if bands[0].startswith("hsc") else (n, side, side), bool)
    clean[..., 0, 0] = False
    ivar = np.full((n, c, side, side), 4e4, np.float32)
    ivar[:, 0, 1, 1] = 0
    datasets = {
        "image_array": images(n, c, side),
        "image_band": np.array([bands] * n, "S5"),
        "image_scale": np.full((n, c), scale, np.float32),
        "image_psf_fwhm": np.full((n, c), 0.7, np.float32),
        "object_id": np.arange(n) + 43158605174556912,
        "ra": np.linspace(150, 160, n),
        "dec": np.linspace(-1, 1, n),
        "healpix": np.full(n, 1171),
        **({"image_ivar": ivar, mask: clean} if noise else {}),
    }
    datasets.update(changed)
    return write_hdf5(path, {k: v for k, v in datasets.items() if v is not None})


def mmu_hsc(path, n=4, **changed):
    ebv = np.linspace(0.01, 0.1, n)
    catalogue = {
        **{f"a_{b}": ebv * a for b, a in zip("grizy", (3.240, 2.276, 1.633, 1.263, 1.075), strict=True)},
        **{f"{b}_cmodel_mag": np.linspace(19, 22, n) + i for i, b in enumerate("grizy")},
        **{f"{b}_extendedness_value": np.ones(n) for b in "grizy"},
    }
    return mmu(path, [f"hsc-{b}" for b in "grizy"], n, scale=0.168, **(catalogue | changed))


def mmu_legacy(path, n=4, first=0, **changed):
    catalogue = {
        "object_id": np.array([f"1234p567-{first + i}" for i in range(n)], "S16"),
        "EBV": np.linspace(0.01, 0.1, n, dtype=np.float32),
        "RA": np.linspace(150, 160, n),
        "DEC": np.linspace(-1, 1, n),
        "TYPE": np.array(["DEV"] * n, "S3"),
        **{f"FLUX_{b}": np.arange(1, n + 1, dtype=np.float32) * i for i, b in enumerate("GRIZ", start=1)},
        **{f"FLUX_IVAR_{b}": np.full(n, 100, np.float32) for b in "GRIZ"},
        "catalog_FLUX_G": np.zeros((n, 20), np.float32),
        "image_rgb": pictures(n, 160),
    }
    return mmu(path, [f"des-{b}" for b in "griz"], n, **(catalogue | changed))


def mmu_stein(path, n=4, release=9010, **changed):
    catalogue = {
        "object_id": np.arange(n),
        "inds": np.arange(n),
        "release": np.full(n, release),
        "brickid": np.full(n, 330368),
        "objid": np.arange(n),
        "ebv": np.linspace(0.01, 0.1, n, dtype=np.float32),
        "z_spec": np.where(np.arange(n) % 2, -99, 0.1).astype(np.float32),
        "psfsize": np.full((n, 3), 1.2, np.float32),
        **{f"flux_{b}": np.arange(1, n + 1, dtype=np.float32) * i for i, b in enumerate("grz", start=1)},
    }
    return mmu(path, [f"des-{b}" for b in "grz"], n, side=152, noise=False, **(catalogue | changed))


def mmu_gz10(path, n=4):
    """Galaxy10 DECaLS again, with the row as id."""
    return galaxy10_decals(path, n, object_id=np.arange(n) + 100, healpix=np.full(n, 7))
