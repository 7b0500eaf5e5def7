"""`skylike index build` and `plan`: from a survey to what is served."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skylike.cli.index_refusals import name_rejected, refusals, url_of
from skylike.cli.options import DEFAULT_DATA_DIR, DatabaseURL, DataDir, Json, emit, fail, progress

if TYPE_CHECKING:
    from index.vectors.factory import IndexChoice, IndexRequest

__all__ = ["build", "plan"]

_KINDS = ("auto", "exact", "ivf", "hnsw")
_DEVICES = ("cpu", "gpu")
_STORAGES = ("float32", "float16")


_AUTO = (
    "auto: compared with all up to a million galaxies, inverted lists above; hnsw is quick without filters"
)

Kind = Annotated[str, typer.Option("--index", help=f"auto, exact, ivf or hnsw. {_AUTO}.")]
Storage = Annotated[
    str | None, typer.Option("--storage", help="float32 or float16; default: what fits the memory.")
]
Dimension = Annotated[
    int | None,
    typer.Option(
        "--dimension", help="Dimensions searched; embeddings longer than 256 are projected to 128 by default."
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory", help="What building and serving may take, as 8GB; default: four fifths of this machine's."
    ),
]
Device = Annotated[
    str,
    typer.Option("--device", help="cpu, or gpu to find lists and neighbours on one (extra gpu)."),
]
RefitAnomalies = Annotated[
    bool,
    typer.Option(
        "--refit-anomalies",
        help="Fit the anomaly model anew, in a new release; by default scores stay those of the active release's model.",
    ),
]
Map = Annotated[
    str | None,
    typer.Option(
        "--map",
        help="umap (needs the extra map), tsne, pca or none; default: umap, or what the release before has.",
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Of every random choice; 0 by default.")]


def plan(
    n: Annotated[int, typer.Argument(metavar="N", help="Number of galaxies.")],
    dimension_in: Annotated[int, typer.Argument(metavar="DIM", help="Dimensions of their embeddings.")],
    *,
    index: Kind = "auto",
    storage: Storage = None,
    dimension: Dimension = None,
    memory: Memory = None,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Say which index so many galaxies get, and the memory that building and serving it take. Nothing is built."""
    from index.vectors.factory import IndexRequest, choose_index

    asked = _request(index, storage, dimension, memory, seed) or IndexRequest()
    try:
        _show(choose_index(n, dimension_in, asked), asked.memory, as_json=json)
    except refusals() as error:
        fail(str(error))


def build(
    survey: Annotated[str, typer.Argument(help="Name of a survey in the data folder.")],
    *,
    model: Annotated[
        str | None, typer.Option("--model", help="Model id; default: the survey's own, fitted if needed.")
    ] = None,
    index: Kind = "auto",
    storage: Storage = None,
    dimension: Dimension = None,
    memory: Memory = None,
    seed: Seed = None,
    device: Device = "cpu",
    refit_anomalies: RefitAnomalies = False,
    map_method: Map = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database: DatabaseURL = "",
    json: Json = False,
) -> None:
    """Embed a survey, build and verify a release, fill the catalogue, activate.

    Finished steps are skipped; an interrupted embedding continues. `skylike index plan` says beforehand which index it
    will be. Without a word about the index, one that is there stays.
    """
    from index.maps.writing import MAP_METHODS
    from index.vectors.gpu import require_gpu
    from skylike.building import build_index

    asked = _request(index, storage, dimension, memory, seed, device=device)
    if map_method not in {None, *MAP_METHODS}:
        raise typer.BadParameter(f"{map_method!r} is none of {', '.join(MAP_METHODS)}", param_hint="--map")
    try:
        if device == "gpu":
            require_gpu()
        report = build_index(
            data_dir,
            url_of(data_dir, database),
            survey,
            model_id=model,
            index=asked,
            refit_anomalies=refit_anomalies,
            map_method=map_method,  # type: ignore[arg-type] # checked above
            step=progress,
        )
    except refusals() as error:
        fail(str(error))
    name_rejected(report.rejected)
    for sentence in report.left_behind:
        typer.echo(sentence, err=True)
    shown: dict[str, Any] = asdict(report)
    emit(shown if json else {**shown, "rejected": len(report.rejected)}, as_json=json)


def _request(
    kind: str,
    storage: str | None,
    dimension: int | None,
    memory: str | None,
    seed: int | None,
    *,
    device: str = "cpu",
) -> IndexRequest | None:
    """Return what was asked of an index; None if nothing was."""
    from index.vectors.factory import IndexRequest
    from index.vectors.memory import bytes_of

    if kind not in _KINDS:
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(_KINDS)}", param_hint="--index")
    if storage not in {None, *_STORAGES}:
        raise typer.BadParameter(f"{storage!r} is none of {', '.join(_STORAGES)}", param_hint="--storage")
    if device not in _DEVICES:
        raise typer.BadParameter(f"{device!r} is none of {', '.join(_DEVICES)}", param_hint="--device")
    try:
        allowed = None if memory is None else bytes_of(memory)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--memory") from error
    if (kind, storage, dimension, allowed, seed, device) == ("auto", None, None, None, None, "cpu"):
        return None
    return IndexRequest(kind, storage, dimension, allowed, seed or 0, device)  # type: ignore[arg-type] # checked above


def _show(choice: IndexChoice, memory: int | None, *, as_json: bool) -> None:
    from index.vectors.memory import default_memory, readable

    allowed = default_memory() if memory is None else memory
    shown: dict[str, Any] = asdict(choice)
    amounts = {**shown.pop("memory"), "allowed": allowed}
    emit(
        {**shown, "memory": amounts}
        if as_json
        else {**shown, **{f"memory {name}": readable(amount) for name, amount in amounts.items()}},
        as_json=as_json,
    )
