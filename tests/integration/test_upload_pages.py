"""The upload without JavaScript: check first, correct, search; refusals that lose nothing; hostile names as text."""

import io

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image
from support.fits_files import galaxy, single, tan_header
from support.html import Page

from service.operations import uploads


@pytest.fixture(scope="module")
def tiny(client):
    return client.app.state.resources.surveys["tiny"]


@pytest.fixture(scope="module")
def good(client, tiny):
    return client.get(f"/api/v1/objects/{tiny.ids[3]}/cutout?survey=tiny&format=fits").content


def cube(side=48, **cards):
    """Five planes that the header does not name, unless told to."""
    stream = io.BytesIO()
    fits.PrimaryHDU(galaxy(5, side=side), tan_header(side, scale=0.396, **cards)).writeto(stream)
    return stream.getvalue()


@pytest.fixture(scope="module")
def mute():
    return cube()


def send(client, *datas, path="/upload/check", names=None, **fields):
    named = zip(names or [f"file{n}.fits" for n in range(len(datas))], datas, strict=True)
    return client.post(path, files=[("files", one) for one in named], data=fields)


def form_of(page):
    """What a browser would send back."""
    names = (name for name in page.inputs if name and name != "files")
    return {name: page.inputs[name].get("value", "") for name in names}


def test_the_check_tells_what_the_api_tells_and_searches_nothing(client, good, monkeypatch):
    api = client.post(
        "/api/v1/neighbours/upload?dry_run=true", content=good, headers={"Content-Type": "image/fits"}
    ).json()
    monkeypatch.setattr(uploads, "answer", None)
    answer = send(client, good)
    page = Page(answer.text)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    told = page.words + answer.text
    assert api["ingest"]["flags"]
    for flag in api["ingest"]["flags"]:
        assert flag in page.words
    for step in api["ingest"]["steps"]:
        assert step["text"].replace("`", "").replace("'", "&#39;")[:40] in told.replace("`", "")
    assert '<svg class="preview"' in answer.text
    assert api["query"]["object_id"] in page.words


def test_the_fields_come_back_with_what_was_understood_and_sending_them_back_says_nothing(client, good):
    first = Page(send(client, good).text)
    assert first.inputs["pixscale"]["value"] == "0.396"
    assert first.inputs["bands"]["value"] == "sdss:u,sdss:g,sdss:r,sdss:i,sdss:z"
    again = Page(send(client, good, **form_of(first)).text)
    assert form_of(again) == form_of(first)
    assert "as you" not in again.words


def test_the_bands_come_back_in_the_order_of_the_planes_not_of_the_model(client):
    order = "sdss:r,sdss:g,sdss:z,sdss:u,sdss:i"
    data = cube(BANDS="rgzui", SURVEY="SDSS", BUNIT="nanomaggy")
    assert Page(send(client, data).text).inputs["bands"]["value"] == order
    planes = [single(name, data=galaxy(side=48), SURVEY="SDSS", BUNIT="nanomaggy") for name in "rgzui"]
    assert Page(send(client, *planes).text).inputs["bands"]["value"] == order


def test_without_a_wcs_nobody_says_where_north_is(client):
    stream = io.BytesIO()
    fits.PrimaryHDU(galaxy(5, side=48)).writeto(stream)
    told = {"bands": "sdss-ugriz", "zeropoint": "22.5", "pixscale": "0.396", "ra": "10", "dec": "+1"}
    assert "north unknown" in Page(send(client, stream.getvalue(), **told).text).words


def test_the_check_says_that_no_redshift_would_be_given_and_why(client, mute, good):
    told = Page(send(client, mute, bands="sdss-ugriz").text)
    assert "No redshift would be given. The flux unit is unknown." in told.words
    assert told.inputs["zeropoint"].get("class") == "hint"
    assert "class" not in told.inputs["ra"]
    assert "No redshift would be given" not in Page(send(client, good).text).words


def test_one_correction_is_said_in_the_account_and_stays(client, good):
    fields = {**form_of(Page(send(client, good).text)), "pixscale": "0.4"}
    page = Page(send(client, good, **fields).text)
    assert "0.4 arcsec as you gave it" in page.words
    assert page.inputs["pixscale"]["value"] == "0.4"
    assert "was_pixscale" not in page.inputs


def test_a_form_can_be_checked_or_searched_without_a_script(client):
    page = Page(client.get("/upload").text)
    check, search = page.buttons[-2:]
    assert check["formaction"] == "/upload/check"
    assert "formaction" not in search
    # Enter in a field presses the first button: look before you trust.
    assert [button for button in page.buttons if button.get("type") != "button"][-2] is check


@pytest.mark.parametrize("path", ["/upload", "/upload/check"])
def test_a_refusal_says_what_to_mend_beside_the_form_as_it_was(client, mute, path):
    answer = send(client, mute, path=path, zeropoint="22.5", ra="150.1", dec="+2.2")
    page = Page(answer.text)
    assert answer.status_code == 422
    assert answer.headers["cache-control"] == "no-store"
    assert "Tell me the order" in page.words
    assert page.inputs["bands"]["aria-invalid"] == "true"
    assert "aria-invalid" not in page.inputs["pixscale"]
    assert [page.inputs[name]["value"] for name in ("zeropoint", "ra", "dec")] == ["22.5", "150.1", "+2.2"]


def test_the_remedy_of_a_refusal_works_in_the_form(client, mute):
    answer = send(client, mute, path="/upload", bands="sdss-ugriz", zeropoint="22.5")
    assert answer.status_code == 200
    assert "Galaxies that look like yours" in Page(answer.text).words


def test_the_hdu_can_be_chosen(client):
    stream = io.BytesIO()
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(galaxy(5, side=48), tan_header(48, scale=0.396), name="OTHER")]
    fits.HDUList(hdus).writeto(stream)
    page = Page(send(client, stream.getvalue(), bands="sdss-ugriz", zeropoint="22.5", hdu="0").text)
    assert "aria-invalid" in page.inputs["hdu"]
    chosen = send(client, stream.getvalue(), bands="sdss-ugriz", zeropoint="22.5", hdu="1")
    assert chosen.status_code == 200
    assert Page(chosen.text).inputs["hdu"]["value"] == "1"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"pixscale": "none"}, "pixscale"),
        ({"hdu": "1.5"}, "hdu"),
        ({"ra": "10"}, "dec"),
        ({"zeropoint": "nan"}, "zeropoint"),
    ],
)
def test_a_field_that_cannot_be_read_is_pointed_at_and_kept(client, good, fields, field):
    answer = send(client, good, **fields)
    page = Page(answer.text)
    assert answer.status_code == 422
    assert page.inputs[field]["aria-invalid"] == "true"
    for name, text in fields.items():
        assert page.inputs[name]["value"] == text


def test_a_file_that_fits_no_model_is_shown_with_what_was_understood(client):
    answer = send(client, cube(side=20), bands="sdss-ugriz", zeropoint="22.5")
    page = Page(answer.text)
    assert answer.status_code == 422
    assert "What was understood until then" in page.words
    assert '<svg class="preview"' in answer.text


def test_hostile_names_and_headers_are_shown_as_text(client):
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(2)>.fits'
    header = tan_header(48, FILTER="<b onclick=x>")
    for path in ("/upload", "/upload/check"):
        answer = send(client, single(None, header=header), path=path, names=[hostile], bands="<script>")
        assert answer.status_code == 422
        assert "<script>alert" not in answer.text
        assert "<b onclick" not in answer.text
        assert Page(answer.text).inputs["bands"]["value"] == "<script>"


def test_a_picture_is_shown_as_it_is_searched_with_its_reservations(client):
    stream = io.BytesIO()
    pixels = np.random.default_rng(2).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    answer = send(client, stream.getvalue(), names=["galaxy.png"])
    page = Page(answer.text)
    assert answer.status_code == 200
    assert "display" in page.words
    assert "north unknown" in page.words
    assert page.inputs["bands"]["value"] == ""


def test_results_say_what_was_understood_and_that_the_catalogue_holds_it(client, good, tiny):
    answer = send(client, good, path="/upload")
    page = Page(answer.text)
    assert answer.status_code == 200
    assert "What was understood" in page.words
    assert any(
        link.get("href", "").startswith("/search?id=") and tiny.ids[3] in link["href"] for link in page.links
    )
    assert "It is in the catalogue as" in page.words
    assert '<svg class="preview"' in answer.text


def test_what_lies_outside_the_catalogue_is_said_before_its_look_alikes(client, good, monkeypatch):
    real = uploads.answer

    def odd(prepared, k):
        told = real(prepared, k)
        told["ingest"]["flags"].append("out_of_domain")
        told["domain"] = {"k": 10, "distance": 0.4, "percentile": 99.9, "limit": 99.5, "measures": []}
        return told

    monkeypatch.setattr(uploads, "answer", odd)
    text = send(client, good, path="/upload").text
    assert "Out of domain." in text
    assert text.index("Out of domain.") < text.index('<ul class="grid">')
    assert "99.9 %" in text


def test_a_survey_that_is_not_served_is_refused_beside_the_form(client, good):
    answer = send(client, good, survey="nothing")
    assert answer.status_code == 404
    assert "What was understood" not in Page(answer.text).words
    assert '<select name="survey" aria-invalid="true"' in answer.text
