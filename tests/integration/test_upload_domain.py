"""How an upload's answer tells of its distance from the catalogue."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from index.release import Release
from survey.archive import SurveyFolder
from survey.bands import BandSet
from survey.fits.writer import write_fits

PATH = "/api/v1/neighbours/upload"


@pytest.fixture(scope="module")
def tiny(served_data):
    return SurveyFolder(served_data / "surveys" / "tiny")


@pytest.fixture(scope="module")
def cutout(tiny):
    return tiny.read([tiny.ids[3]])[0]


def send(client, cutout, query=""):
    answer = client.post(
        f"{PATH}?{query}", content=write_fits(cutout), headers={"content-type": "image/fits"}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def only(cutout, names):
    """Leave out the other bands."""
    planes = [cutout.bands.names.index(name) for name in names]
    bands = BandSet(tuple(cutout.bands.bands[plane] for plane in planes))
    return replace(cutout, flux=cutout.flux[planes], ivar=cutout.ivar[planes], bands=bands)


def test_the_distance_is_that_to_the_tenth_neighbour_and_its_percentile_that_of_the_catalogue(
    client, served_data, cutout, tiny
):
    body = send(client, cutout)
    domain = body["domain"]
    assert domain["k"] == 10
    tenth = body["anomaly"]["nearest"][9]["similarity"]
    assert domain["distance"] == pytest.approx(1 - tenth, abs=2e-6)
    release = Release.open(served_data / "releases" / body["release"]["id"])
    own = 1 - release.graph.similarity[:, 9]
    assert domain["percentile"] == pytest.approx(100 * np.mean(own <= domain["distance"]), abs=1)
    assert domain["limit"] == 99.5
    assert domain["n_measured"] == release.domain.n


def test_a_dry_run_measures_without_a_search(client, cutout):
    domain = send(client, cutout, "dry_run=true")["domain"]
    assert (domain["distance"], domain["percentile"]) == (None, None)
    assert {"magnitude", "brightness", "colours", "r50", "sky", "noise"} <= {
        one["name"] for one in domain["measures"]
    }
    assert not any(one["is_unlikely"] for one in domain["measures"])


def test_a_galaxy_of_the_catalogue_has_no_reservations(client, cutout):
    flags = set(send(client, cutout)["ingest"]["flags"])
    assert not {flag for flag in flags if flag.endswith(("_unlikely", "_domain", "_trained"))}


def test_exchanged_bands_are_noticed_and_give_no_redshift(client, cutout):
    body = send(client, cutout, "bands=sdss:g,sdss:u,sdss:r,sdss:z,sdss:i")
    assert "colours_unlikely" in body["ingest"]["flags"]
    assert body["photoz"] is None
    assert "order of the bands" in body["photoz_unavailable"]
    assert any(one["is_unlikely"] for one in body["domain"]["measures"] if one["name"] == "colours")


def test_nanojansky_read_as_nanomaggies_are_noticed_and_give_no_redshift(client, cutout):
    body = send(client, replace(cutout, flux=cutout.flux * 3631, ivar=cutout.ivar / 3631**2))
    assert "brightness_unlikely" in body["ingest"]["flags"]
    assert any("nanojansky" in step["text"] for step in body["ingest"]["steps"])
    assert "unit" in body["photoz_unavailable"]


def test_another_depth_is_a_reservation_of_the_redshift_itself(client, cutout):
    rng = np.random.default_rng(4)
    noisy = cutout.flux + 2 * np.std(cutout.flux[:, :4], axis=(1, 2), keepdims=True) * rng.standard_normal(
        cutout.flux.shape
    )
    body = send(client, replace(cutout, flux=noisy.astype(np.float32), ivar=None))
    assert "sky_unlikely" in body["ingest"]["flags"]
    assert "sky_unlikely" in body["photoz"]["flags"]


def test_a_pixel_scale_against_the_header_s_gives_no_redshift(client, cutout):
    body = send(client, cutout, f"pixscale={0.85 * cutout.pixel_scale_arcsec}")
    assert "scale_conflict" in body["ingest"]["flags"]
    assert body["photoz"] is None
    assert "pixscale" in body["photoz_unavailable"]


@pytest.mark.parametrize("way", ["not sent", "masked", "empty"])
def test_a_missing_band_is_made_up_and_gives_no_redshift(client, tiny, cutout, way):
    flux = cutout.flux.copy()
    if way == "not sent":
        body = send(client, only(cutout, "griz"))
    else:
        flux[0] = np.nan if way == "masked" else 0
        body = send(client, replace(cutout, flux=flux))
    assert "band_missing" in body["ingest"]["flags"]
    said = [step["text"] for step in body["ingest"]["steps"] if "made up" in step["text"]]
    assert len(said) == 1
    assert said[0].startswith("Band u ")
    assert "shape of g" in said[0]
    assert body["photoz"] is None
    assert "band is missing" in body["photoz_unavailable"]
    # The tiny survey's bands lie on one line: what is made up is what was there.
    assert body["hits"][0]["object_id"] == tiny.ids[3]
    assert body["hits"][0]["similarity"] > 0.95
    if way != "empty":
        assert body["query"]["bands"] == ["sdss:g", "sdss:r", "sdss:i", "sdss:z"]


def test_one_band_alone_is_answered(client, cutout):
    body = send(client, only(cutout, "r"))
    assert body["query"]["bands"] == ["sdss:r"]
    assert len(body["hits"]) == 10
    assert body["photoz"] is None


@pytest.mark.parametrize("limit", [50.0, 100.0])
def test_out_of_domain_is_what_lies_beyond_the_limit_and_the_number_is_said(
    client, cutout, monkeypatch, limit
):
    for module in ("uploads", "domain"):
        monkeypatch.setattr(f"service.operations.{module}.OUT_OF_DOMAIN_PERCENTILE", limit)
    # Half of the sky alight: farther out than any galaxy but one or two of the 119.
    flux = np.random.default_rng(0).normal(0, 0.02, cutout.flux.shape)
    flux[:, :, 24:] += 5
    body = send(client, replace(cutout, flux=flux.astype(np.float32), ra_deg=None, dec_deg=None))
    assert 95 < body["domain"]["percentile"] < 100
    assert body["domain"]["limit"] == limit
    assert ("out_of_domain" in body["ingest"]["flags"]) == (limit == 50.0)
    said = [step["text"] for step in body["ingest"]["steps"] if "10th neighbour" in step["text"]]
    assert (len(said) == 1) == (limit == 50.0)
    assert all(f"{body['domain']['percentile']:.2f} %" in text for text in said)


def test_a_picture_of_noise_is_held_against(client):
    pixels = np.random.default_rng(1).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    answer = client.post(PATH, content=stream.getvalue(), headers={"content-type": "image/jpeg"})
    assert answer.status_code == 200, answer.text
    flags = set(answer.json()["ingest"]["flags"])
    assert flags & {"out_of_domain", "sky_unlikely", "colours_unlikely", "size_unlikely"}
