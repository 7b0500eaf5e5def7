"""Which bands an upload may have, and what their fluxes mean."""

from __future__ import annotations

import io

import pytest
from astropy.io import fits
from support.fits_files import cube, file_of, galaxy, single, tan_header

from survey.archive import SurveyFolder
from survey.fits.writer import write_fits

PATH = "/api/v1/neighbours/upload"


@pytest.fixture(scope="module")
def survey(served_data):
    return SurveyFolder(served_data / "surveys" / "tiny")


def send(client, data, query=""):
    return client.post(f"{PATH}?{query}", content=data, headers={"content-type": "image/fits"})


def assert_problem(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_bands_none_of_which_is_near_are_refused_with_what_was_understood(client):
    answer = send(client, cube("grz"), "bands=viking:J,viking:H,viking:Ks")
    assert_problem(answer, 422, "fits.band_missing")
    assert "sdss:u" in answer.json()["detail"]
    assert answer.json()["ingest"]["steps"]


@pytest.mark.parametrize(
    "bands", ["lsst:u,lsst:g,lsst:r,lsst:i,lsst:z", "kids:u,kids:g,kids:r,kids:i,viking:Z"]
)
def test_filters_near_in_wavelength_stand_in_with_a_flag(client, bands):
    answer = send(client, _ugriz(), f"bands={bands}")
    assert answer.status_code == 200, answer.text
    assert "other_filters" in answer.json()["ingest"]["flags"]


def test_a_filter_far_in_wavelength_does_not_stand_in(client):
    # HSC's y is 8 % from SDSS's z, which HSC's z takes; none of its filters is near u.
    body = send(client, _ugriz(), "bands=hsc-grizy").json()
    assert {"other_filters", "band_missing"} <= set(body["ingest"]["flags"])
    assert body["query"]["bands"] == ["sdss:g", "sdss:r", "sdss:i", "sdss:z"]


def test_without_units_there_is_similarity_but_no_redshift_until_the_zero_point_is_said(client, survey):
    (cutout,) = survey.read([survey.ids[3]])
    with fits.open(io.BytesIO(write_fits(cutout))) as hdus:
        del hdus[0].header["BUNIT"]
        stream = io.BytesIO()
        fits.PrimaryHDU(hdus[0].data, hdus[0].header).writeto(stream)
    answer = send(client, stream.getvalue())
    assert answer.json()["photoz"] is None
    assert "zeropoint" in answer.json()["photoz_unavailable"]
    assert "uncalibrated" in answer.json()["ingest"]["flags"]
    assert send(client, stream.getvalue(), "zeropoint=22.5").json()["photoz"] is not None


def test_a_band_of_unknown_unit_that_is_not_used_withholds_no_redshift(client, survey):
    (cutout,) = survey.read([survey.ids[3]])
    with fits.open(io.BytesIO(write_fits(cutout))) as hdus:
        header, planes = hdus[0].header, hdus[0].data
    bare = header.copy()
    for key in [key for key in header if key.startswith("BAND")]:
        del bare[key]
    files = []
    for name, plane in zip(cutout.bands.names, planes, strict=True):
        files.append(
            (
                name,
                file_of(
                    fits.PrimaryHDU(plane, fits.Header([*bare.cards, ("FILTER", name), ("SURVEY", "SDSS")]))
                ),
            )
        )
    del bare["BUNIT"]
    infrared = fits.Header([*bare.cards, ("FILTER", "J"), ("INSTRUME", "VIRCAM")])
    files.append(("J", file_of(fits.PrimaryHDU(planes[4], infrared))))
    parts = [("file", (f"{name}.fits", data, "image/fits")) for name, data in files]
    ids = [*cutout.bands.ids, "viking:J"]
    body = client.post(PATH, files=parts, params={"bands": ",".join(ids)}).json()
    assert any("No BUNIT" in step["text"] for step in body["ingest"]["steps"])
    assert body["photoz"] is not None, body["photoz_unavailable"]
    assert body["query"]["is_calibrated"]
    assert "uncalibrated" not in body["ingest"]["flags"]
    # Of a band that is used the unit must be known.
    used = client.post(
        PATH, files=[*parts[:4], parts[5]], params={"bands": ",".join(cutout.bands.ids)}
    ).json()
    assert "flux unit is unknown" in used["photoz_unavailable"]
    assert "uncalibrated" in used["ingest"]["flags"]


def _ugriz():
    stream = io.BytesIO()
    fits.PrimaryHDU(galaxy(5, side=48), tan_header(48, scale=0.396)).writeto(stream)
    return stream.getvalue()


def test_single_band_files_need_a_name_or_a_keyword_for_their_band(client):
    assert_problem(send(client, single(None)), 422, "fits.band_unknown")
