"""How often a release holds a good upload against its sender, and how often it notices a bad one.

    python benchmarks/upload_domain.py --data-dir skylike-data [--survey demo --model NAME] [--dry]

False alarms on galaxies that the domain has not seen; the same galaxies with bands exchanged, in other units, at another pixel
scale; galaxies as a space telescope would see them. Hardware: two cores. Takes about three minutes.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import exp, gamma
from pathlib import Path
from typing import Any

import numpy as np
from figures import figure, machine, table, write_results
from held_out import HeldOut, Split, load, measured, model_of, wilson
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from index.reservations import RESERVATIONS
from service.operations.withheld import WITHHELD
from survey.contract import Calibrated, ContractViolation
from survey.cutout import Cutout

COMMAND = "python benchmarks/upload_domain.py"
N, N_CHANGED, N_SHARP = 1200, 300, 40
PSF_ARCSEC, FINE_ARCSEC = 0.1, 0.05

PAGE = """# Uploads unlike the catalogue

Written by `{command}` on {machine}: survey `{survey}`, model `{model}`, domain of {sample} galaxies, none of them a rendering of a
galaxy tested. Measuring and judging takes {cost:.2f} ms a galaxy.

{figures}

`false_alarm_*`: galaxies of the same survey; planted oddities are among them.

## Mistakes

Share of {changed} galaxies for which anything was said, for which the redshift was withheld (`colours_unlikely`,
`brightness_unlikely`, or `size_unlikely` with `sharper_than_trained`), and of each flag:

{mistakes}

* *exchanged*: of the 119 wrong orders of five bands, all are tried on each galaxy.
* *right order named*: of those that were noticed among reversed, turned round and two exchanged.
* *pixel scale*: the cutout calibrated with a scale that is wrong by this factor.
* *space telescope*: Sérsic profiles (n = 1 and 4) with the catalogue's sizes, fluxes and noise and a PSF of {psf} arcsec. A disc
  without a core looks the same in the model's pixels.
"""


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, default=Path("skylike-data"))
    parser.add_argument("--survey", default="demo")
    parser.add_argument("--model", help="default: the one that the survey was indexed by")
    parser.add_argument("--n", type=int, default=N, help="galaxies held out")
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args()
    name = options.model or model_of(options.data_dir, options.survey)
    split = load(options.data_dir, options.survey, name, n=options.n)
    figures = false_alarms(split)
    if not split.model.contract.is_display:
        changed = split.held_out[:: max(1, len(split.held_out) // N_CHANGED)][:N_CHANGED]
        found = {name: [judge(split, one) for one in made] for name, made in said(mistakes(split, changed))}
        lines = rows(found)
        figures += noticed(found)
        figures += exchanged(split, changed)
    else:
        changed, lines = [], ""
    print(table(figures))
    print(lines)
    page = PAGE.format(
        command=COMMAND,
        machine=machine(),
        survey=options.survey,
        model=name,
        sample=split.domain.n,
        cost=cost_ms(split),
        figures=table(figures),
        mistakes=lines,
        changed=len(changed),
        psf=PSF_ARCSEC,
    )
    if not options.dry:
        write_results("upload_domain", figures, page)
    return 0


def judge(split: Split, one: Calibrated) -> set[str]:
    """Return the flags of a field."""
    return {found.name for found in split.domain.check(measured(split.model, one))}


def cost_ms(split: Split) -> float:
    """Return the median time of measuring and judging."""
    times = []
    for one in split.held_out[:200]:
        begun = time.perf_counter()
        judge(split, one.calibrated)
        times.append(1000 * (time.perf_counter() - begun))
    return float(np.median(times))


def rate(name: str, hits: int, n: int, better: str) -> dict[str, Any]:
    """Return a share as a figure."""
    return figure(name, hits / n, "share", n=n, better=better, command=COMMAND, interval=wilson(hits, n))


def false_alarms(split: Split) -> list[dict[str, Any]]:
    """Return how often each reservation fires on galaxies of the survey."""
    found = [judge(split, one.calibrated) for one in split.held_out]
    figures = [
        rate(f"false_alarm_{name}", sum(name in flags for flags in found), len(found), "lower")
        for name in RESERVATIONS
    ]
    return [*figures, rate("false_alarm_any", sum(bool(flags) for flags in found), len(found), "lower")]


def mistakes(split: Split, held_out: list[HeldOut]) -> Iterator[tuple[str, list[Calibrated]]]:
    """Yield each mistake with the fields that it makes."""
    names = split.model.contract.bands.names
    n = len(names)
    orders = {"bands reversed": tuple(range(n))[::-1]}
    for i in range(n - 1):
        order = list(range(n))
        order[i], order[i + 1] = order[i + 1], order[i]
        orders[f"{names[i]} and {names[i + 1]} exchanged"] = tuple(order)
    for name, order in orders.items():
        yield name, [ordered(one.calibrated, order) for one in held_out]
    for name, factor in (
        ("nJy as nanomaggies", 3631.0),
        ("µJy as nanomaggies", 3.631),
        ("zero point 25 as 22.5", 10.0),
        ("zero point 27 as 22.5", 10**1.8),
        ("zero point 30 as 22.5", 1000.0),
        ("nanomaggies as µJy", 1 / 3.631),
        ("zero point 22.5 as 25", 0.1),
        ("zero point 21.5 as 22.5", 10**-0.4),
        ("zero point 23.5 as 22.5", 10**0.4),
    ):
        yield (
            name,
            [replace(one.calibrated, field=one.calibrated.field * np.float32(factor)) for one in held_out],
        )
    # By a third and less the image no longer covers what the model looks at: `fits.too_small`.
    for factor in (0.5, 2.0, 3.0):
        yield f"pixel scale × {factor:g}", list(rescaled(split, held_out, factor))
    for index in (1.0, 4.0):
        sharp = (space_telescope(split, one, index) for one in held_out[:N_SHARP])
        yield f"space telescope, n = {index:g}", list(calibrated(split, sharp))


def ordered(one: Calibrated, order: tuple[int, ...]) -> Calibrated:
    """Exchange the planes."""
    return replace(one, field=one.field[list(order)], known=one.known[list(order)])


def rescaled(split: Split, held_out: list[HeldOut], factor: float) -> Iterator[Calibrated]:
    """Calibrate with another pixel scale; refused ones (too small) are no uploads that are answered."""
    scale = split.survey.info.pixel_scale_arcsec
    assert scale is not None
    return calibrated(split, (replace(one.cutout, pixel_scale_arcsec=scale * factor) for one in held_out))


def calibrated(split: Split, cutouts: Iterator[Cutout]) -> Iterator[Calibrated]:
    """Calibrate what can be."""
    for cutout in cutouts:
        try:
            yield split.model.contract.calibrate(cutout)
        except ContractViolation:
            continue


def space_telescope(split: Split, one: HeldOut, index: float) -> Cutout:
    """Draw a galaxy of the same fluxes and size without the atmosphere.

    Sérsic's b is 2 n - 1/3 (Ciotti & Bertin 1999, A&A 352, 447); the total inside all radii is normalised.
    """
    contract = split.model.contract
    assert contract.pixel_scale_arcsec is not None
    measures = measured(split.model, one.calibrated)
    side = int(contract.field_px * contract.pixel_scale_arcsec / FINE_ARCSEC)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2 + 0.3
    # The PSF's width, added in quadrature, stands for the convolution: it rounds the cusp off.
    radius = np.sqrt((x * FINE_ARCSEC) ** 2 + (y * FINE_ARCSEC) ** 2 + (PSF_ARCSEC / 2.355) ** 2)
    r50 = measures.r50_px * contract.pixel_scale_arcsec
    b = 2 * index - 1 / 3
    norm = 2 * np.pi * index * r50**2 * b ** (-2 * index) * gamma(2 * index)
    profile = np.exp(-b * (radius / r50) ** (1 / index)) / norm * FINE_ARCSEC**2
    total = np.abs(np.nan_to_num(measures.flux)) * 1.5
    rng = np.random.default_rng((int(10 * exp(1)), one.row))
    # Noise that comes to the catalogue's in a model pixel.
    sigma = split.domain.typical_noise * FINE_ARCSEC / contract.pixel_scale_arcsec
    noise = sigma[:, None, None] * rng.standard_normal((len(total), side, side))
    flux = (total[:, None, None] * profile + noise).astype(np.float32)
    return replace(one.cutout, flux=flux, ivar=None, mask=None, pixel_scale_arcsec=FINE_ARCSEC, ebv=0.0)


def said(made: Iterator[tuple[str, list[Calibrated]]]) -> Iterator[tuple[str, list[Calibrated]]]:
    """Tell how far it is."""
    for number, (name, fields) in enumerate(made, 1):
        print(f"\r{number} mistakes, {name:<40}", end="", file=sys.stderr, flush=True)
        yield name, fields
    print(file=sys.stderr)


def rows(found: dict[str, list[set[str]]]) -> str:
    """Return the table of mistakes."""
    lines = [
        f"| mistake | n | anything | redshift withheld | {' | '.join(RESERVATIONS)} |",
        f"| --- | --- | --- | --- |{' --- |' * len(RESERVATIONS)}",
    ]
    for name, flags in found.items():
        shares: list[Callable[[set[str]], bool]] = [
            bool,
            lambda one: any(together <= one for together in WITHHELD),
        ]
        shares += [lambda one, which=which: which in one for which in RESERVATIONS]  # type: ignore[misc]
        cells = [f"{100 * np.mean([share(one) for one in flags]):.1f} %" for share in shares]
        lines.append(f"| {name} | {len(flags)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def noticed(found: dict[str, list[set[str]]]) -> list[dict[str, Any]]:
    """Return how often anything was said, by kind of mistake."""
    kinds = {
        "noticed_bands_reversed": ["bands reversed"],
        "noticed_neighbours_exchanged": [name for name in found if "exchanged" in name],
        "noticed_unit": [name for name in found if "nanomaggies" in name or "zero point" in name],
        "noticed_scale": [name for name in found if "pixel scale" in name],
        "noticed_space_telescope": [name for name in found if "space" in name],
    }
    return [
        rate(
            kind,
            sum(bool(one) for name in names for one in found[name]),
            sum(len(found[name]) for name in names),
            "higher",
        )
        for kind, names in kinds.items()
    ]


def exchanged(split: Split, held_out: list[HeldOut]) -> list[dict[str, Any]]:
    """Return how often any wrong order is noticed, and how often the right one is named."""
    n = len(split.model.contract.bands)
    orders = [order for order in itertools.permutations(range(n)) if order != tuple(range(n))]
    if n > 6:
        orders = orders[:: len(orders) // 200]
    space = split.domain._judge(np.ones(n, dtype=np.bool_)).colours  # noqa: SLF001 - one call for all orders
    assert space is not None
    magnitudes = np.array(
        [measured(split.model, one.calibrated).magnitudes(split.domain.softening) for one in held_out]
    )
    magnitudes = magnitudes[np.isfinite(magnitudes).all(axis=1)]
    caught = sum(int(np.sum(space.distance(magnitudes[:, list(order)]) > space.limit)) for order in orders)
    named, asked = right_orders(split, held_out)
    return [
        rate("noticed_any_order", caught, len(orders) * len(magnitudes), "higher"),
        rate("right_order_named", named, asked, "higher"),
    ]


def right_orders(split: Split, held_out: list[HeldOut]) -> tuple[int, int]:
    """Count the sentences that name the order in which the bands were really sent."""
    names: tuple[str, ...] = split.model.contract.bands.names
    n = len(names)
    orders: list[NDArray[np.int64]] = [np.arange(n)[::-1], np.roll(np.arange(n), 1)]
    orders += [np.r_[np.arange(i), i + 1, i, np.arange(i + 2, n)] for i in range(n - 1)]
    named = asked = 0
    for order in orders:
        right = ", ".join(names[band] for band in order)
        for one in held_out[::3]:
            found = split.domain.check(measured(split.model, ordered(one.calibrated, tuple(order.tolist()))))
            texts = [each.text for each in found if each.name == "colours_unlikely"]
            asked += len(texts)
            named += sum(f"were {right}:" in text for text in texts)
    return named, asked


if __name__ == "__main__":
    sys.exit(main())
