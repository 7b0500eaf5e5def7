"""A release tells what its galaxies look like."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from support.tiny_survey import FakeEncoder, tiny_release, tiny_survey

from index.domain import DOMAIN
from index.domain_sample import SAMPLE, sample_domain
from index.release import Release
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder, sha256_of


def test_a_release_measures_its_galaxies(tiny):
    # Two of the 120 have no pixels.
    assert tiny.domain.n == 118
    assert tiny.domain.bands.names == ("u", "g", "r", "i", "z")
    manifest = json.loads((tiny.path / "manifest.json").read_text())
    assert manifest["files"][DOMAIN] == sha256_of((tiny.path / DOMAIN).read_bytes())


def test_the_catalogues_own_galaxies_have_no_reservations(tiny, tiny_release_path):
    survey = SurveyFolder(tiny_release_path.parents[1] / "surveys" / "tiny")
    contract = FakeEncoder().contract
    fired = 0
    for cutout in survey.read(survey.ids[:60]):
        one = contract.calibrate(cutout)
        fired += bool(tiny.domain.check(tiny.domain.measure(one.field, one.known)))
    assert fired <= 1


def test_a_display_release_has_one_too(tmp_path):
    release = Release.open(tiny_release(tmp_path, name="rgb", kind="display", n=40))
    assert release.domain.bands.is_display


def test_a_release_of_few_galaxies_has_none(tmp_path):
    assert Release.open(tiny_release(tmp_path, n=20)).domain is None


def test_a_release_built_before_there_was_one_is_read(tiny_release_path, tmp_path):
    old = shutil.copytree(tiny_release_path, tmp_path / tiny_release_path.name)
    (old / DOMAIN).unlink()
    manifest = json.loads((old / "manifest.json").read_text())
    del manifest["files"][DOMAIN], manifest["sizes"][DOMAIN]
    (old / "manifest.json").write_text(json.dumps(manifest))
    assert Release.open(old, verify="full").domain is None


def test_a_changed_domain_is_found_out(tiny_release_path, tmp_path):
    copy = shutil.copytree(tiny_release_path, tmp_path / tiny_release_path.name)
    data = bytearray((copy / DOMAIN).read_bytes())
    data[2000] ^= 1
    (copy / DOMAIN).write_bytes(data)
    with pytest.raises(CorruptFolder, match=DOMAIN):
        Release.open(copy)


@pytest.mark.parametrize("what", ["no archive", "a band unknown", "a galaxy without flux", "another length"])
def test_a_domain_that_makes_no_sense_is_refused(tiny, tmp_path, what):
    path = tmp_path / DOMAIN
    with np.load(tiny.path / DOMAIN) as stored:
        arrays = dict(stored)
    if what == "a band unknown":
        arrays["bands"] = np.array(["sdss:q", *arrays["bands"][1:]])
    elif what == "a galaxy without flux":
        arrays["flux"][3, 2] = np.nan
    elif what == "another length":
        arrays["sky"] = arrays["sky"][1:]
    np.savez(path, **arrays)
    if what == "no archive":
        path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(CorruptFolder, match="build the release again"):
        tiny.domain.open(path)


def test_a_large_survey_is_sampled_evenly(tmp_path, monkeypatch):
    monkeypatch.setattr("index.domain_sample.SAMPLE", 60)
    monkeypatch.setattr("index.domain_sample._RUN", 10)
    survey = tiny_survey(tmp_path / "large", n=200)
    read = []
    scan = SurveyFolder.scan
    monkeypatch.setattr(
        SurveyFolder, "scan", lambda self, *which: (read.append(which[:2]), scan(self, *which))[1]
    )
    domain = sample_domain(survey, FakeEncoder().contract, np.arange(200))
    assert domain.n == 60
    assert read[0][0] == 0
    assert read[-1][1] == 200
    assert SAMPLE > 60
