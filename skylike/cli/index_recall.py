"""`skylike index recall`: measures again what a release finds."""

from __future__ import annotations

from typing import Annotated

import typer

from skylike.cli.options import DEFAULT_DATA_DIR, DataDir, Json, emit, fail, progress

__all__ = ["recall"]


def recall(
    release: Annotated[str, typer.Argument(help="Release id.")],
    *,
    queries: Annotated[
        int, typer.Option("--queries", min=1, help="Galaxies asked for, drawn by the seed.")
    ] = 1000,
    effort: Annotated[
        int | None, typer.Option("--effort", min=1, help="nprobe or efSearch; default: the release's own.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the draw.")] = 0,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    json: Json = False,
) -> None:
    """Compare a release's searches with exact ones, for galaxies of its own, each without itself.

    What was measured when it was built is in its manifest: with galaxies that the index did not hold yet.
    """
    from index.release import Release
    from index.release_recall import measure_release
    from survey.manifests import CorruptFolder

    try:
        opened = Release.open(data_dir / "releases" / release)
        with progress(f"Measuring {release}") as report:
            measured = measure_release(opened, queries, effort=effort, seed=seed, progress=report)
    except CorruptFolder as error:
        fail(str(error))
    if json:
        emit({"release": release, "recall": [one.to_json() for one in measured]}, as_json=True)
        return
    for one in measured:
        low, high = one.interval
        typer.echo(
            f"recall@{one.k}  {one.recall:.4f}  ({low:.4f} to {high:.4f}, {one.n_queries} queries)"
            + (f"  effort {one.effort}" if one.effort else "  exact")
        )
