"""Files cut into pieces small enough to be carried from one machine to another, and put together again.

    python benchmarks/gpu/pieces.py split PIECES FILE...      at most 16 MiB each
    python benchmarks/gpu/pieces.py join PIECES FOLDER

A list with the SHA-256 of every piece and every file travels beside them; what does not agree with it is refused.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["MOST_BYTES", "BadPieces", "join_files", "split_files"]

MOST_BYTES = 16 << 20
_LIST = "pieces.json"
_BLOCK = 1 << 20


class BadPieces(ValueError):
    """Pieces that are missing or damaged; the message names the first."""


def split_files(files: Sequence[Path], pieces: Path, *, most_bytes: int = MOST_BYTES) -> list[Path]:
    """Write files one after the other into pieces of at most so many bytes.

    Parameters
    ----------
    files
        Whose names differ.
    pieces
        Folder for ``piece-000`` and so on and the list; made if it is not there, other pieces in it are removed.

    Returns
    -------
    list of Path
        What is to be carried, the list first.
    """
    pieces.mkdir(parents=True, exist_ok=True)
    for old in pieces.glob("piece-*"):
        old.unlink()
    made: list[Path] = []
    room = 0
    stream = None
    for block in _blocks(files):
        rest = block
        while rest:
            if room == 0:
                if stream is not None:
                    stream.close()
                made.append(pieces / f"piece-{len(made):03d}")
                stream, room = made[-1].open("wb"), most_bytes
            stream.write(rest[:room])  # type: ignore[union-attr]  # opened as there was no room
            written = min(room, len(rest))
            rest, room = rest[written:], room - written
    if stream is not None:
        stream.close()
    told = {"files": [_described(path) for path in files], "pieces": [_described(path) for path in made]}
    (pieces / _LIST).write_text(json.dumps(told, indent=1) + "\n")
    return [pieces / _LIST, *made]


def join_files(pieces: Path, folder: Path) -> list[Path]:
    """Put files together in a folder, each in one step once its sum is right.

    Raises
    ------
    BadPieces
        If the list is missing, or a piece or a file is not what the list says.
    """
    try:
        told = json.loads((pieces / _LIST).read_text())
    except (OSError, ValueError) as error:
        raise BadPieces(f"{pieces.name} holds no list of pieces ({_LIST})") from error
    for entry in told["pieces"]:
        path = pieces / entry["name"]
        if not path.is_file():
            raise BadPieces(f"{path.name} is missing")
        if _described(path) != entry:
            raise BadPieces(f"{path.name} is damaged; carry it again")
    folder.mkdir(parents=True, exist_ok=True)
    blocks = _blocks([pieces / entry["name"] for entry in told["pieces"]])
    waiting = b""
    joined = []
    for entry in told["files"]:
        beside = folder / f".{entry['name']}.joining"
        left = entry["bytes"]
        with beside.open("wb") as stream:
            while left:
                waiting = waiting or next(blocks)
                stream.write(waiting[:left])
                waiting, left = waiting[left:], left - min(left, len(waiting))
        if _described(beside)["sha256"] != entry["sha256"]:
            beside.unlink()
            raise BadPieces(f"{entry['name']} does not come out as it was")
        joined.append(beside.replace(folder / entry["name"]))
    return joined


def _blocks(files: Sequence[Path]) -> Iterator[bytes]:
    for path in files:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                yield block


def _described(path: Path) -> dict[str, str | int]:
    digest = hashlib.sha256()
    for block in _blocks([path]):
        digest.update(block)
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def main() -> int:
    """Split or join."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=("split", "join"))
    parser.add_argument("pieces", type=Path)
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--most-mib", type=float, default=MOST_BYTES / (1 << 20))
    told = parser.parse_args()
    try:
        if told.verb == "split":
            made = split_files(told.paths, told.pieces, most_bytes=int(told.most_mib * (1 << 20)))
        else:
            made = join_files(told.pieces, told.paths[0])
    except (BadPieces, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for path in made:
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
