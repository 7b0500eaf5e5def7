"""`skylike index compare`: how far two releases agree on neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DataDir, Json, emit, fail

__all__ = ["compare"]


def compare(
    first: Annotated[str, typer.Argument(help="Release id.")],
    second: Annotated[str, typer.Argument(help="Release id.")],
    *,
    k: Annotated[int, typer.Option("--k", min=1, help="Neighbours compared.")] = 10,
    sample: Annotated[int, typer.Option("--sample", min=1, help="Objects compared at most.")] = 1000,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the shares into this PNG file.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    json: Json = False,
) -> None:
    """Compare the neighbours of the objects that two releases have in common.

    Says which share of the k nearest stayed, which objects changed most, and how many were added, withdrawn and changed.
    """
    from index.overlap import compare_releases
    from index.release import Release
    from survey.manifests import CorruptFolder

    try:
        releases = [Release.open(data_dir / "releases" / one) for one in (first, second)]
        found = compare_releases(*releases, k=k, sample=sample)
    except (CorruptFolder, ValueError) as error:
        fail(str(error))
    if plot is not None:
        from skylike.overlap_plot import plot_overlap

        try:
            plot_overlap(found, plot)
        except ImportError:
            fail("plots need matplotlib: pip install 'skylike[demo]'")
        except OSError as error:
            fail(f"{plot} cannot be written: {error.strerror}")
    if not found.is_same_model:
        names = " and ".join(one.info.model_id for one in releases)
        typer.echo(f"different models made them ({names}): neighbours differ for that reason alone", err=True)
    if json:
        emit(found.to_json(), as_json=True)
        return
    (low, high), unknown = found.interval, "unknown: other models or projections"
    emit(
        {
            "objects": f"{found.n_both} in both, {found.n_added} added, {found.n_withdrawn} withdrawn",
            "changed": unknown if found.n_changed is None else found.n_changed,
            "compared": f"the {found.k} nearest of {len(found.ids)} objects",
            "overlap": f"{found.mean:.4f} ({low:.4f} to {high:.4f})",
            "identical": f"{found.identical:.4f} of them",
        },
        as_json=False,
    )
    for object_id, share in found.most_changed():
        typer.echo(f"{object_id}  keeps {share:.2f}")
