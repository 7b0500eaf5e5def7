"""What a finished demo left behind, so that a second start has nothing to look for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Stamp"]

_FILE = "demo.json"


@dataclass(frozen=True, slots=True)
class Stamp:
    """The manifests of a finished demo.

    Imports nothing but the standard library: reading it is what a second start does before it serves.

    Attributes
    ----------
    n
        Galaxies asked for.
    database
        SHA-256 of the database URL that the demo was ingested into (a URL may hold a password).
    manifests
        Path within the data folder to SHA-256.
    seconds
        Seconds that each step took, by its name.
    released
        SHA-256 over the cards of the models that came with Skylike then: another version may bring others.
    """

    n: int
    database: str
    manifests: dict[str, str]
    seconds: dict[str, float]
    released: str

    @classmethod
    def of(
        cls,
        data_dir: Path,
        *,
        n: int,
        url: str,
        manifests: Iterable[Path],
        seconds: dict[str, float],
        released: Path | None = None,
    ) -> Stamp:
        """Describe what lies in a data folder now; ``released`` is the folder of models that come with Skylike."""
        hashes = {path.relative_to(data_dir).as_posix(): _hash(path.read_bytes()) for path in manifests}
        return cls(n, _hash(url.encode()), hashes, seconds, _cards(released))

    @classmethod
    def read(cls, data_dir: Path) -> Stamp | None:
        """Read a folder's stamp; None if there is none or it cannot be read."""
        try:
            return cls(**json.loads((data_dir / _FILE).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, data_dir: Path) -> None:
        """Write the stamp in one step."""
        staged = data_dir / f".{_FILE}.staged"
        staged.write_text(json.dumps(asdict(self), indent=1))
        staged.replace(data_dir / _FILE)

    def holds(self, data_dir: Path, *, n: int | None, url: str, released: Path | None = None) -> bool:
        """Whether every manifest is still what it was, for so many galaxies (None: any) and this database."""
        if (
            n not in {None, self.n}
            or self.database != _hash(url.encode())
            or self.released != _cards(released)
        ):
            return False
        sqlite = url.removeprefix("sqlite:///")
        if sqlite != url and not Path(sqlite).is_file():
            return False
        try:
            return all(
                _hash((data_dir / path).read_bytes()) == known for path, known in self.manifests.items()
            )
        except OSError:
            return False


def _cards(folder: Path | None) -> str:
    cards = [] if folder is None else sorted(folder.glob("[!.]*/card.json"))
    return _hash(b"".join(card.read_bytes() for card in cards))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
