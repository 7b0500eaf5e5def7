"""The words of the discovery page."""

from __future__ import annotations

__all__ = ["PAGE", "SECTIONS", "WHY"]

# Headings of what other scripts measured, in the order of the page.
SECTIONS = {
    "steady": "Scores that stay",
    "scores": "Scores of a million galaxies",
    "artefacts": "Injected artefacts",
    "sessions": "Sessions: whether the forecast comes true, and how long a step takes",
    "map": "Map and clusters",
    "audit": "Galaxy Zoo audited ([page](../galaxy-zoo-audit.md))",
}

WHY = """GP-EI lies above the forest on the same features, by the paired bootstrap, in {above} of {n} comparisons, and reaches twice its average precision in {twice} of {n} (below).

* **Not told apart from the forest:** {open}. **Above it, but less than twice:** {short}.
  Ellipses of odd spirals are where a forest is at its best: a disturbed outline *is* an outlier in them, while a machine that is given all labels of the pool does hardly better
  with them (*all labels* below): there is nothing for 200 labels to learn. In the held-out part at 2 % there are 19 mergers, and nothing is told apart by so few.
* **Trained less polar48, both with GP-EI:** {gains}. The trained vector is the better for odd spirals, where structure inside the disc counts. For
  artefacts and mergers the two hold about the same: given all labels of the pool they differ as little (below). The trained vector contains rings like those of `polar48` itself.
* **A forest without labels prefers what is rare in the features, not what is asked for**; on the trained vector it is a better start for mergers (they are far from everything) than for odd spirals.
* Odd spirals are hard for everybody: even all labels of the pool leave most of the precision missing. The label is a vote of one half or more, and pictures
  on both sides of one half look alike.
"""

PAGE = """# Discovery: what labels are worth

How many labels it takes to find rare galaxies, by learner and by features; what the anomaly scores find without any. Written by `{command}`
on {machine}. The sessions ran at {commits}.

## In short

Average precision over the whole pool after 200 labels, mean of six tasks (three rare kinds at 2 and at 5 %), {seeds} seeds each; 95 % intervals by the paired
bootstrap, over seeds and galaxies.

{headline}

{why}

## The pools

{sizes}

All the others and a draw of the rare ones, anew for every seed. **Odd spirals**: Galaxy Zoo 2 pictures of the Kaggle challenge; `odd_spiral` is featured,
spiral and odd (interacting, disturbed, ringed), and its negatives, `not_odd_spiral`, include smooth galaxies. **Artefacts**: `nongalaxy_artifact`
among all the labelled galaxies of the same set. **Mergers**: Galaxy Zoo 1 classes by the largest vote, without a threshold; of every pair of pictures
that show the same sky (249, `benchmarks/splits/gz1_fixed51.json`) one is removed. These sets are not samples of the sky: the shares are set, and other classes are
as common as their collectors made them.

**What was seen unlabelled.** `trained` is `moco-sdss-rgb`, whose network and rings saw pixels, no labels, of gz1_fixed51 (without its held-out fifth) and gz1_scaled;
labels of gz1_fixed51's training and validation parts chose its recipe and its epoch. So *mergers of Galaxy Zoo 1* are transductive: a user's survey
is in the same place after `skylike train`. *Held-out part* is the fifth of run-camcol-field groups that nothing was trained, fitted or chosen on
(`benchmarks/splits/held_out_rgb.json`). No picture of the Kaggle set was trained on; Galaxy Zoo 2 is a part of Galaxy Zoo 1 and its ids are anonymous, so some of its galaxies
may have been seen in another picture (8 of its pictures nearly repeat a held-out one; training never saw those). `polar48` is fitted
without labels on gz1_fixed51 without its held-out fifth, for all pools. Of all features the 40 principal components of the pool itself are learnt on (24 of the ellipses).

## The protocol

A session starts without labels: the simulated expert is shown ten galaxies, gives 5 to the rare kind and 0 to anything else, is shown ten more. What is shown is what
`index.interest.step` asks for, the code that the service runs. *forest* is the isolation forest of `index.anomalies` (200 trees), fitted on the same features of the same pool; it learns nothing.
*GP-EI*: Gaussian process, expected improvement. *NeighbourScore*: Lochner & Bassett 2021. `ellipses` are misfit, offset, axis ratio and turn of
ellipses at six isophotes of the central source (`benchmarks/discovery_ellipses.py`), after Lochner & Bassett 2021; `random` is any order.

Every galaxy of the pool counts, labelled ones too, but a labelled galaxy stands where it would stand **without its own label** (leave-one-out prediction). The literature lets the
regression rank galaxies by their own labels; *AP in hand* below is nearest to that: found ones first, rejected ones last, the rest by the learner.

![Average precision against labels](discovery.png)

Bands: one standard deviation over the seeds.

## Learner by features

Average precision after 200 labels, mean ± standard deviation over the seeds (NeighbourScore, whose random forest is slow, has fewer).

{learners}

## GP-EI against the forest on the same features

{gains}

## Among high-spirality negatives

The same sessions, judged among the odd spirals and those negatives that a detector of spirals (logistic regression on `pca48` and `polar48` vectors, taught by gz1_fixed51 outside its
held-out part) scores at least as high as the median odd spiral. Anything that knows spirals does well above; here that does not help.

{hard}

## If all were labelled

Average precision of a support vector machine that is given every label of the pool but those of the fold it judges (five folds, three seeds): what the features hold, beside what 200 labels of GP-EI got out of
them.

{ceilings}

## Precision, rank-weighted score, and what is found

After 200 labels, means over the seeds. With r rare ones precision@200 is at most r/200. S_N is the rank-weighted score of Lochner & Bassett 2021 (eq. 4).

{measures}

## DECaLS rings: an anecdote

{rings}. Average precision of so few scatters by half of itself between draws: nothing is claimed from it. Negatives never come from another survey, whose pixels alone would tell them.

## Planted oddities

Simulated surveys, four with different seeds, each galaxy scored against its own survey. `trained` is the released `moco-demo-ugriz`, trained on pixels of the first of these surveys,
not of the others (their galaxies have the same real parents); `polar48` is fitted on each. Rings and arcs are astrophysical; trails, missing bands and saturated stars are defects. One galaxy in
seventy is planted, so the top 1 % can hold at most 73 % of all (`best possible` in the figures). The share of rings and arcs is small because most are
within what ordinary spirals and neighbours do at this resolution: a ring is one more shape of the same light, and an arc is fainter than its lens; no detector knows that they are what one wants.

{planted}

{sections}

## All figures

{table}
"""
