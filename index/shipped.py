"""Where the models that come with Skylike lie."""

from __future__ import annotations

from pathlib import Path

__all__ = ["released_folder"]


def released_folder() -> Path | None:
    """Return the folder of released models: inside this package in a wheel, ``models/`` in a checkout.

    Imports nothing else, since a second start of the demo asks for it. None where there is none.
    """
    here = Path(__file__).resolve().parent
    return next((folder for folder in (here / "released", here.parent / "models") if folder.is_dir()), None)
