"""The service as strangers reach it: started as an operator starts it, and spoken to over sockets."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from support.running import free_port, wait_until_ready

__all__ = ["UPLOAD", "Doorstep", "doorstep"]

UPLOAD = "/api/v1/neighbours/upload"


@dataclass
class Doorstep:
    """A running service, with what a test needs to offend it and to see whether it minds.

    Attributes
    ----------
    good
        A FITS file of one of its galaxies, which it answers with 200.
    picture
        Pixels of one of its display images, shape (H, W, 3), uint8.
    """

    process: subprocess.Popen
    client: httpx.Client
    port: int
    log: Path
    good: bytes
    picture: object
    folders: list[Path] = field(default_factory=list)

    def send(self, data, content_type="image/fits", query="", path=UPLOAD):
        """Upload one raw body."""
        headers = {"content-type": content_type} if content_type else {}
        return self.client.post(f"{path}{query}", content=data, headers=headers)

    def assert_well(self):
        """The same process answers a good upload, soon: a busy machine, or one that is not done, is asked again."""
        for _ in range(300):
            answer = self.send(self.good)
            if answer.status_code == 200:
                break
            assert answer.json()["code"] in {"upload.timeout", "service.busy", "client.too_many"}, answer.text
            time.sleep(0.1)
        assert answer.status_code == 200, answer.text
        assert self.process.poll() is None

    def forget_peak(self):
        """Start the kernel's record of the most memory anew (proc_pid_clear_refs(5)); return what is held now."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self._told("VmRSS")

    def peak_bytes(self):
        """The most that the serving process held in memory since :meth:`forget_peak`, however shortly."""
        return self._told("VmHWM")

    def _told(self, name):
        told = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", told)[1]) * 1024

    def raw(self, *parts, patience=30):
        """Send bytes, or what an iterable yields, as they are; return all that comes back until the other side closes."""
        found = []
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as connection:
            reader = threading.Thread(target=_read, args=(connection, found))
            reader.start()
            try:
                for part in parts:
                    for piece in [part] if isinstance(part, bytes) else part:
                        connection.sendall(piece)
            except OSError:
                # It was refused while we were still sending.
                pass
            reader.join(patience)
            assert not reader.is_alive(), "the service neither answers nor closes"
        return b"".join(found)

    def request(self, line, *headers, body=b""):
        """Write a request that is answered once: its line, its headers, and bytes or pieces of a body."""
        head = [line, f"Host: 127.0.0.1:{self.port}", "Connection: close", *headers]
        return self.raw("\r\n".join([*head, "", ""]).encode("latin-1"), body)


def _read(connection, found):
    try:
        while part := connection.recv(65536):
            found.append(part)
    except OSError:
        pass


@contextmanager
def doorstep(data_dir, folder, **settings):
    """Start the service on a data folder; end it with SIGTERM. Settings are those of ``SKYLIKE_…`` and of uvicorn."""
    from survey.archive import SurveyFolder
    from survey.fits.writer import write_fits

    tiny, rgb = (SurveyFolder(data_dir / "surveys" / name) for name in ("tiny", "rgb"))
    (galaxy,), (shown,) = tiny.read([tiny.ids[3]]), rgb.read([rgb.ids[7]])
    port, log = free_port(), folder / "log"
    scratch = folder / "scratch"
    scratch.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SKYLIKE_")}
    environment = {
        **kept,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "SKYLIKE_DATA_DIR": str(data_dir),
        "SKYLIKE_PORT": str(port),
        "TMPDIR": str(scratch),
        **settings,
    }
    command = [sys.executable, "-m", "skylike", "serve"]
    with log.open("wb") as sink:
        process = subprocess.Popen(command, env=environment, cwd=scratch, stdout=sink, stderr=sink)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            wait_until_ready(client, process, log, 60)
            picture = shown.flux.transpose(1, 2, 0).astype("uint8")
            yield Doorstep(process, client, port, log, write_fits(galaxy), picture, [scratch, data_dir])
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
