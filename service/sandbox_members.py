"""What a parsing child does with a batch of cutouts: walk the archive, or bring members to a model's input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from service.archive_streams import Unpacked
from service.archives import Walk, walk_tar
from service.cutout_inputs import Prepared, Wanted, prepare
from service.cutout_tables import Row, read_cutout_table
from service.sandbox_refusals import guarded
from survey.bands import BandSet
from survey.contract import InputContract
from survey.cutout import Cutout
from survey.ingest import CutoutRejected, IngestReport, Overrides, Understood

__all__ = ["Answer", "prepare_members", "walk_archive"]

Answer = tuple[dict[str, Any], list[bytes | memoryview]]

# Members are told many at a time; more than this many bytes of them wait for nobody.
_FRAME_BYTES = 1 << 20
_FRAME_MEMBERS = 64


def walk_archive(head: Mapping[str, Any], read: Callable[[int], bytes]) -> Iterator[Answer]:
    """Yield the members of an archive or of a table of cutouts, some in each answer, and an ``end``.

    Parameters
    ----------
    head
        ``max_members``, ``max_bytes`` (that may come out of it), ``max_table_bytes``, ``overrides``.
    read
        Returns at most that many bytes of the file; none at its end.
    """
    stream = Unpacked(read, limit=head["max_bytes"])
    walk = Walk(head["max_members"])
    start = stream.peek(4)
    told: list[dict[str, Any]] = []
    bodies: list[bytes | memoryview] = []
    for item, body in _rows(stream, head, walk) if start == b"PAR1" else _files(stream, walk):
        told.append({**item, "size": len(body)})
        bodies.append(body)
        if len(told) == _FRAME_MEMBERS or sum(map(len, bodies)) >= _FRAME_BYTES:
            yield {"members": told}, bodies
            told, bodies = [], []
    stream.finish()
    yield {"members": told, "end": True}, bodies


def prepare_members(
    head: Mapping[str, Any],
    files: list[tuple[str, bytes]],
    read_file: Callable[[tuple[str, bytes], Overrides, float | None], Understood],
) -> Iterator[Answer]:
    """Yield one answer for each member: its network input, or its refusal.

    Parameters
    ----------
    head
        ``pixels`` (of each member, None for a file), ``contract``, ``release``, ``overrides``, ``field_arcsec``.
    read_file
        Reads one file as a single upload is read.
    """
    wanted = Wanted(head["release"], InputContract.from_json(head["contract"]))
    overrides = Overrides(**head["overrides"])

    def one(file: tuple[str, bytes], pixels: Mapping[str, Any] | None) -> Answer:
        if pixels is not None:
            return _describe(prepare(_understood(file[1], pixels), wanted))
        return _describe(prepare(read_file(file, overrides, head["field_arcsec"]), wanted))

    for file, pixels in zip(files, head["pixels"], strict=True):
        yield guarded(partial(one, file, pixels))


def _files(stream: Unpacked, walk: Walk) -> Iterator[tuple[dict[str, Any], bytes]]:
    for entry in walk_tar(stream.read, walk):
        item = {"name": entry.name, "code": entry.code, "message": entry.message}
        yield item, entry.data


def _rows(
    stream: Unpacked, head: Mapping[str, Any], walk: Walk
) -> Iterator[tuple[dict[str, Any], memoryview]]:
    limit = int(head["max_table_bytes"])
    data = stream.rest(limit)
    if len(data) > limit:
        raise CutoutRejected(
            "upload.unpacked_too_large",
            f"The table has more than {limit // 2**20} MiB. Send it in parts, or as a tar of FITS files.",
        )
    for row in read_cutout_table(data, Overrides(**head["overrides"]), walk):
        item: dict[str, Any] = {"name": row.name, "code": row.code, "message": row.message}
        if row.flux is None:
            yield item, memoryview(b"")
        else:
            yield {**item, "pixels": _pixels(row)}, row.flux.data.cast("B")


def _pixels(row: Row) -> dict[str, Any]:
    assert row.flux is not None
    own = row.pixel_scale_arcsec
    return {
        "shape": list(row.flux.shape),
        "bands": list(row.described.bands.ids),
        "is_calibrated": row.described.factor is not None,
        "ra_deg": row.ra_deg if row.dec_deg is not None else None,
        "dec_deg": row.dec_deg if row.ra_deg is not None else None,
        "ebv": row.ebv,
        "pixel_scale_arcsec": row.described.pixel_scale_arcsec if own is None else own,
    }


def _understood(data: bytes, pixels: Mapping[str, Any]) -> Understood:
    report = IngestReport(layout="table")
    shape = tuple(pixels["shape"])
    cutout = Cutout(
        flux=np.frombuffer(data, dtype=np.float32).reshape(shape),
        bands=BandSet.from_ids(pixels["bands"]),
        ra_deg=pixels["ra_deg"],
        dec_deg=pixels["dec_deg"],
        pixel_scale_arcsec=pixels["pixel_scale_arcsec"],
        ebv=pixels["ebv"],
        is_calibrated=pixels["is_calibrated"],
    )
    return Understood(cutout, report)


def _describe(prepared: Prepared) -> Answer:
    measures = prepared.measures
    head = {
        "flags": list(prepared.flags),
        "ra_deg": prepared.ra_deg,
        "dec_deg": prepared.dec_deg,
        "is_calibrated": prepared.is_calibrated,
        "measures": [*measures.flux, *measures.sky, *measures.noise, measures.r50_px, measures.concentration,
                     measures.core_fwhm_px, measures.snr],
    }  # fmt: skip
    return {"prepared": head}, [np.ascontiguousarray(prepared.input, dtype=np.float32).data.cast("B")]
