"""Uploads over HTTP: honest files are answered with an account, broken ones refused with a code, none fails."""

import bz2
import gzip
import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image
from support.fits_builder import hcompress_killer, image, primary, table, tiled_image, with_card
from support.fits_files import galaxy
from support.serving import client_of

from service.operations.refusals import Busy
from survey.archive import SurveyFolder
from survey.fits.writer import write_fits

PATH = "/api/v1/neighbours/upload"
FITS = {"content-type": "image/fits"}


@pytest.fixture(scope="module")
def tiny(served_data):
    return SurveyFolder(served_data / "surveys" / "tiny")


@pytest.fixture(scope="module")
def good(tiny):
    """A galaxy of the catalogue as an astronomer would have it on disk."""
    (cutout,) = tiny.read([tiny.ids[3]])
    return write_fits(cutout)


def send(client, data, query="", **headers):
    return client.post(f"{PATH}?{query}", content=data, headers={**FITS, **headers})


def ids(answer):
    return [hit["object_id"] for hit in answer.json()["hits"]]


def assert_problem(answer, status, code):
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert body["detail"]
    # Neither a path nor a stack of ours.
    assert not any(word in answer.text for word in ("site-packages", "Traceback", ".py", "/tmp/", "/home/"))


def test_a_catalogued_galaxy_finds_itself_first(client, tiny, good):
    answer = send(client, good, "k=5")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert ids(answer)[0] == body["query"]["object_id"] == tiny.ids[3]
    # It passes through float32 FITS and a WCS only, so the embedding is the stored one.
    assert body["hits"][0]["similarity"] > 0.9999
    assert len(body["hits"]) == 5
    assert body["release"]["survey"] == "tiny"
    assert body["photoz"]["evidence"]
    assert 0 <= body["anomaly"]["percentile"] <= 100
    assert "in_catalogue" in body["ingest"]["flags"]


@pytest.mark.parametrize("place", ["known", "unknown"])
def test_a_catalogued_galaxy_is_no_evidence_for_itself(client, tiny, place):
    (cutout,) = tiny.read([tiny.ids[3]])
    if place == "unknown":
        cutout = replace(cutout, ra_deg=None, dec_deg=None)
    body = send(client, write_fits(cutout), "k=5").json()
    parents = dict(zip(tiny.ids, tiny.objects.column("parent_id").to_pylist(), strict=True))
    family = {object_id for object_id, parent in parents.items() if parent == parents[tiny.ids[3]]}
    assert len(family) == 2
    assert body["hits"][0]["object_id"] == body["query"]["object_id"] == tiny.ids[3]
    assert family.isdisjoint(one["object_id"] for one in body["photoz"]["evidence"])
    assert family.isdisjoint(one["object_id"] for one in body["anomaly"]["nearest"])
    assert len(body["anomaly"]["nearest"]) == 10
    assert "in_catalogue" in body["ingest"]["flags"]
    said = [step["text"] for step in body["ingest"]["steps"] if "counts for the redshift" in step["text"]]
    assert len(said) == 1
    assert tiny.ids[3] in said[0]


def test_the_account_names_bands_units_scale_and_release(client, good):
    steps = send(client, good).json()["ingest"]["steps"]
    assert {"bands", "units", "wcs", "target", "release", "contract"} <= {step["step"] for step in steps}


def test_one_band_a_file_in_any_order_is_the_same_galaxy(client, good):
    with fits.open(io.BytesIO(good)) as hdus:
        planes, header = hdus[0].data, hdus[0].header
        keep = ("CTYPE", "CRVAL", "CRPIX", "CD", "PC", "CDELT", "CUNIT", "EBV")
        cards = {key: header[key] for key in header if key.startswith(keep) and not key.endswith("3")}
        files = []
        for band, plane in zip("ugriz", planes, strict=True):
            hdu = fits.PrimaryHDU(plane, fits.Header({**cards, "BUNIT": "nanomaggy", "FILTER": band}))
            stream = io.BytesIO()
            hdu.writeto(stream)
            files.append(("file", (f"stamp-{band}.fits", stream.getvalue(), "image/fits")))
    together = client.post(PATH, files=[files[n] for n in (3, 0, 4, 1, 2)])
    assert together.status_code == 200, together.text
    assert ids(together) == ids(send(client, good))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_compressed_file_is_the_same_galaxy(client, good, pack):
    assert ids(send(client, pack(good))) == ids(send(client, good))


def test_an_upload_has_the_representations_of_a_redshift(client, good):
    whole = send(client, good).json()["photoz"]
    quantiles = send(client, good, "representation=quantiles").json()["photoz"]
    assert (len(whole["pdf"]), whole["z_q"]) == (len(whole["z_grid"]), [])
    assert (len(quantiles["z_q"]), quantiles["pdf"], quantiles["z_grid"]) == (13, [], [])
    assert quantiles["z_best"] == whole["z_best"]


def test_a_dry_run_is_the_account_alone(client, good):
    body = send(client, good, "dry_run=true").json()
    assert body["ingest"]["steps"]
    assert (body["hits"], body["search"], body["photoz"], body["anomaly"]) == ([], None, None, None)


def test_a_picture_is_answered_by_display_images_without_a_redshift(client, served_data):
    rgb = SurveyFolder(served_data / "surveys" / "rgb")
    (cutout,) = rgb.read([rgb.ids[7]])
    stream = io.BytesIO()
    Image.fromarray(cutout.flux.transpose(1, 2, 0).astype(np.uint8)).save(stream, "PNG")
    answer = client.post(PATH, content=stream.getvalue(), headers={"content-type": "image/png"})
    body = answer.json()
    assert answer.status_code == 200, body
    assert body["release"]["survey"] == "rgb"
    assert ids(answer)[0] == rgb.ids[7]
    assert body["photoz"] is None
    assert "redshift" in body["photoz_unavailable"]
    assert "display" in body["ingest"]["flags"]


def test_a_picture_is_read_the_way_up_it_was_sent(client, served_data):
    # The release's model is pca48, which sees pixels where they are: an image upside down is another one.
    rgb = SurveyFolder(served_data / "surveys" / "rgb")
    flux = {object_id: cutout.flux for object_id, cutout in zip(rgb.ids, rgb.read(rgb.ids), strict=True)}
    slanted = max(flux, key=lambda i: float(np.abs(flux[i] - flux[i][:, ::-1]).mean() / flux[i].mean()))
    picture = flux[slanted].transpose(1, 2, 0).astype(np.uint8)
    similarity = {}
    for way, pixels in (("up", picture), ("down", picture[::-1])):
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG")
        body = client.post(
            f"{PATH}?k=60", content=stream.getvalue(), headers={"content-type": "image/png"}
        ).json()
        assert body["release"]["model"] == "pca48-rgb"
        similarity[way] = {hit["object_id"]: hit["similarity"] for hit in body["hits"]}[slanted]
    assert similarity["up"] > 0.99999
    assert similarity["down"] < 0.99


def test_a_picture_for_a_flux_release_is_refused(client):
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(
        stream, "JPEG"
    )
    answer = client.post(
        f"{PATH}?survey=tiny", content=stream.getvalue(), headers={"content-type": "image/jpeg"}
    )
    assert_problem(answer, 422, "upload.no_release")


@pytest.mark.parametrize(
    "query",
    [
        "k=0",
        "k=1001",
        "bands=%00",
        "hdu=-1",
        "zeropoint=nan",
        "zeropoint=25,99",
        "zeropoint=1-1",
        "pixscale=0",
        "ra=400&dec=1",
        "ra=1",
        "x=1",
    ],
)
def test_an_impossible_option_is_422(client, good, query):
    answer = send(client, good, query)
    assert answer.status_code == 422
    assert answer.json()["code"].startswith("request.")


def test_a_release_that_is_not_served_is_404(client, good):
    assert_problem(send(client, good, "release=none"), 404, "release.not_found")


PIXELS = np.ones((48, 48), np.float32)
BROKEN = {
    "nothing": (b"", 422, "upload.empty"),
    "text": (b"hello", 415, "upload.type_mismatch"),
    "GIF": (b"GIF89a" + bytes(30), 415, "upload.type_mismatch"),
    "TIFF": (b"II*\0" + bytes(30), 415, "upload.type_mismatch"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(30), 415, "upload.type_mismatch"),
    "npy": (b"\x93NUMPY" + bytes(30), 415, "upload.type_mismatch"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "upload.type_mismatch"),
    "HTML": (b"<html><script>1</script></html>", 415, "upload.type_mismatch"),
    "no END": (primary(8).replace(b"END     ", b"        "), 422, "fits.no_end"),
    "NAXIS of 10^9": (with_card(primary(8), "NAXIS", 10**9), 422, "fits.naxis"),
    "negative PCOUNT": (primary(-32, [48, 48], [("PCOUNT", -2980)]) + bytes(11_520), 422, "fits.header"),
    "many HDUs": (image(PIXELS) + b"".join([table(0)] * 200), 422, "fits.hdus"),
    "cut": (image(PIXELS)[:5000], 422, "fits.truncated"),
    "10^10 pixels": (primary(-32, [10**5, 10**5]), 422, "fits.truncated"),
    "a table": (primary(8) + table() + bytes(2880), 422, "fits.no_image"),
    "HCOMPRESS": (hcompress_killer(), 422, "fits.codec"),
    "a tile bomb": (with_card(with_card(tiled_image(), "ZNAXIS1", 20_000), "ZNAXIS2", 20_000), 422, "fits.too_large"),
    "a bzip2 bomb": (bz2.compress(bytes(1 << 24)) * 64, 413, "upload.unpacked_too_large"),
    "a cut gzip": (gzip.compress(image(PIXELS))[:-20], 422, "upload.corrupt_wrapper"),
    "NaN alone": (image(PIXELS * np.nan, [("FILTER", "r"), ("BUNIT", "nanomaggy")]), 422, None),
    "BSCALE of NaN": (image(PIXELS, [("BSCALE", "NaN")]), 422, None),
    "BSCALE of 1e308": (image(np.arange(2304, dtype=np.float32).reshape(48, 48), [("BSCALE", 1e308), ("FILTER", "r")]), 422, None),
    "NUL in a card": (image(PIXELS, [("FILTER", "r"), b"OBJECT  = 'a\x00b'".ljust(80)]), 422, None),
    "bytes above ASCII in a card": (image(PIXELS, [("FILTER", "r"), b"OBJECT  = '\xff\xfe'".ljust(80)]), 422, None),
    "a singular CD": (image(galaxy(), [("CTYPE1", "RA---TAN"), ("CTYPE2", "DEC--TAN"), ("CD1_1", 0.0), ("FILTER", "r")]), 422, None),
    "constant": (image(PIXELS, [("FILTER", "r")]), 422, None),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_a_problem_with_its_code(client, name):
    data, status, code = BROKEN[name]
    answer = send(client, data)
    assert_problem(answer, status, code or answer.json()["code"])


def _png(width, height, **more):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", more.get("data", b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (_png(40_000, 40_000), 422, "display.too_large"),
        (_png(4000, 4000, data=zlib.compress(bytes(1 << 20))), 422, "display.unreadable"),
        (_png(100, 100)[:-20], 422, "display.unreadable"),
        (_png(100, 100, data=b"no deflate stream"), 422, "display.unreadable"),
        (b"\xff\xd8\xff\xe0", 415, "upload.type_mismatch"),
        (image(PIXELS), 415, "upload.type_mismatch"),
    ],
    ids=["huge", "too few rows", "cut", "no deflate", "JPEG", "FITS"],
)
def test_a_broken_picture_is_a_problem_with_its_code(client, data, status, code):
    answer = client.post(PATH, content=data, headers={"content-type": "image/png"})
    assert_problem(answer, status, code)


def test_a_type_that_is_not_taken_is_415(client, good):
    for declared in ("text/html", "application/x-www-form-urlencoded", "application/json"):
        answer = client.post(PATH, content=good, headers={"content-type": declared})
        assert answer.status_code == 415
        assert answer.json()["code"] == "upload.type"


def test_without_a_declared_type_the_bytes_decide(client, good):
    assert (
        client.post(PATH, content=good, headers={"content-type": "application/octet-stream"}).status_code
        == 200
    )
    assert client.post(PATH, content=good).status_code == 200


def test_a_part_that_is_not_what_it_says_is_415(client, good):
    answer = client.post(PATH, files=[("file", ("x.png", good, "image/png"))])
    assert_problem(answer, 415, "upload.type_mismatch")


def test_only_what_a_model_can_look_at_is_kept_of_a_large_image(client, tiny):
    (cutout,) = tiny.read([tiny.ids[3]])
    around = [(0, 0), (150, 150), (150, 150)]
    data = write_fits(replace(cutout, flux=np.pad(cutout.flux, around), ivar=None, mask=None))
    body = send(client, data).json()
    assert body["query"]["shape"] == [128, 128]
    assert any("Cropped from" in step["text"] for step in body["ingest"]["steps"])
    assert body["hits"][0]["object_id"] == tiny.ids[3]


def test_a_form_with_fields_or_too_many_files_is_refused(client, good):
    part = ("file", ("x.fits", good, "image/fits"))
    assert client.post(PATH, files=[part], data={"bands": "grz"}).status_code == 400
    assert client.post(PATH, files=[part] * 10).status_code == 400
    assert client.post(PATH, files=[("file", ("x", b"", "image/fits"))]).status_code == 422


def test_an_interpreter_killer_past_the_prescan_is_a_problem_and_the_next_file_is_answered(
    client, good, monkeypatch
):
    from survey.prescan import PrescanReport

    with monkeypatch.context() as patch:
        patch.setattr("service.sandbox.prescan", lambda data: PrescanReport("fits", None, len(data)))
        assert_problem(send(client, hcompress_killer()), 422, "upload.crashed")
    assert send(client, good).status_code == 200


def test_a_full_queue_is_503_with_retry_after(client, good, monkeypatch):
    def full(*_, **__):
        raise Busy("18 uploads are being read or wait (limit 18).")

    monkeypatch.setattr(client.app.state.resources.sandbox, "run", full)
    answer = send(client, good)
    assert_problem(answer, 503, "service.busy")
    assert answer.headers["retry-after"]


def test_uploads_can_be_switched_off(served_data, good):
    with client_of(served_data, upload_anonymous=False) as closed:
        assert_problem(send(closed, good), 401, "auth.key_needed")
