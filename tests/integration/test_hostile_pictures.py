"""Pictures and foreign files of the hostile table: each has its answer, and the service answers the next honest file."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from support.hostile_pictures import CASES, PNG_MODES, encoded
from support.problems import assert_problem
from support.strangers import UPLOAD

from survey.magic import identify, remedy_for


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_hostile_picture_has_its_answer_and_the_next_good_file_too(doorstep, case):
    data = case.build(doorstep.picture)
    answer = doorstep.send(data, case.type)
    if case.code:
        refusal = assert_problem(answer, case.status, case.code, secret="passwd")
        assert remedy_for(identify(data)) in refusal["detail"]
    else:
        assert answer.status_code == case.status, answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "display" in answer.json()["ingest"]["flags"]
    doorstep.assert_well()


def test_fits_bytes_as_a_picture_are_refused_and_the_other_way_round(doorstep):
    for kind in ("image/png", "image/jpeg"):
        assert_problem(doorstep.send(doorstep.good, kind), 415, "upload.type_mismatch")
    picture = encoded(doorstep.picture)
    parts = [("file", ("x.fits", picture, "image/fits"))]
    assert_problem(doorstep.client.post(UPLOAD, files=parts), 415, "upload.type_mismatch")


def test_the_ways_of_writing_one_picture_have_one_answer(doorstep):
    # What is lost on the way (colour, depth, transparency) is not compared.
    same = ["colour", "colour with alpha", "colour, 16 bits", "colour with alpha, 16 bits"]
    found = [doorstep.send(PNG_MODES[name](doorstep.picture), "image/png").json()["hits"] for name in same]
    assert found[1:] == found[:1] * 3


def test_an_orientation_is_not_obeyed_the_pixels_are_taken_as_stored(doorstep):
    upright = encoded(doorstep.picture, "JPEG", quality=95)
    (turned,) = (case for case in CASES if case.name == "orientation of 3")
    answers = [doorstep.send(data, "image/jpeg") for data in (upright, turned.build(doorstep.picture))]
    assert answers[0].json()["hits"] == answers[1].json()["hits"]


def test_only_pixels_encoded_anew_come_back_on_the_page(doorstep):
    secret = b"<script>alert(1)</script>"
    data = encoded(doorstep.picture) + secret
    answer = doorstep.client.post("/upload", files=[("file", ("x.png", data, "image/png"))])
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert secret not in answer.content
    shown = [
        base64.b64decode(text) for text in re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", answer.text)
    ]
    assert shown
    for picture in shown:
        assert secret not in picture
        assert picture.endswith(b"IEND\xaeB`\x82")
    with Image.open(io.BytesIO(shown[0])) as image:
        assert np.asarray(image.convert("RGB")).shape[2] == 3
