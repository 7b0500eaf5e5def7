"""Keeping uploads without a service around it, and a process that is killed in the middle of it.

python tests/support/keepers.py URL FOLDER POINT [UPLOAD_ID]
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from index.catalogue.session import make_engine, sessions
from service.kept_folder import KeptFolder
from service.operations import keeping
from service.settings import Settings
from service.stored_pixels import encode, sent_of
from survey.bands import BandSet
from survey.cutout import Cutout
from survey.ingest import IngestReport, Overrides, Understood

OWNER = "ada"


def keeper(url, folder, **settings):
    """What operations.keeping needs of a service."""
    engine = make_engine(url)
    return SimpleNamespace(
        engine=engine, sessions=sessions(engine), kept=KeptFolder(folder), settings=Settings(**settings)
    )


def understood(seed=0):
    flux = np.random.default_rng(seed).normal(size=(2, 16, 16)).astype(np.float32)
    report = IngestReport("cube", [("layout", "A cube.")], ["no_ebv"])
    return Understood(Cutout(flux=flux, bands=BandSet.from_ids(["sdss:g", "sdss:r"])), report)


def keep(service, seed=0, owner=OWNER, name="a.fits"):
    sent = sent_of([(name, bytes([seed]))], Overrides())
    stored = encode(understood(seed))
    return keeping.keep(service, owner=owner, sent=sent, stored=stored, release_id="tiny--x")


def _die(*_arguments, **_named):
    os.kill(os.getpid(), signal.SIGKILL)


def killed(service, repository, point, *upload_id):
    """Keep an upload, or delete one, in a process that dies at a point."""
    url = service.engine.url.render_as_string(hide_password=False)
    script = [sys.executable, str(repository / "tests" / "support" / "keepers.py")]
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    command = [*script, url, str(service.kept.root), point, *upload_id]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr


# Where the process dies: what it would have done next.
POINTS = {
    "the files are half written": ("service.kept_folder", "write_manifest"),
    "the files are written": ("service.operations.keeping", "_register"),
    "the row is about to be committed": ("service.operations.keeping", "record"),
    "the row is committed": ("service.kept_folder.KeptFolder", "settle"),
    "the row is about to be deleted": ("service.operations.keeping", "remove_upload"),
    "the row is deleted": ("service.kept_folder.KeptFolder", "discard"),
}


def main(url, folder, point, upload_id=None):
    import service.kept_folder

    place, name = POINTS[point]
    target = (
        service.kept_folder.KeptFolder
        if place.endswith("KeptFolder")
        else service.kept_folder
        if place.endswith("kept_folder")
        else keeping
    )
    service_ = keeper(url, Path(folder))
    setattr(target, name, _die)
    if upload_id is None:
        keep(service_)
    else:
        keeping.forget(service_, owner=OWNER, upload_id=upload_id)


if __name__ == "__main__":
    main(*sys.argv[1:])
