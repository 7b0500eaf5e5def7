"""A batch of cutouts by a model with a redshift network: one call for all, each galaxy's own spectrum left out."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from support.tiny_photoz import network_model
from support.tiny_survey import tiny_survey
from typer.testing import CliRunner

from index.model import OnnxEncoder
from index.photoz_encoder import PhotozEncoder
from index.release import Release
from service.cutout_inputs import Wanted, prepare
from service.members import Member
from service.operations.cutout_batch import answered
from service.served import Served
from skylike.cli.index import app
from survey.ingest import IngestReport, Understood

N = 80


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("data")
    survey = tiny_survey(data_dir / "surveys" / "tiny", n=N)
    model = network_model(data_dir, survey)
    words = ["photoz", "tiny", "--model", "polar48-net", "--out", str(data_dir / "z.parquet")]
    done = CliRunner().invoke(app, [*words, "--data-dir", str(data_dir), "--json"], catch_exceptions=False)
    release = Release.open(data_dir / "releases" / orjson.loads(done.stdout)["release"])
    release.lend_network(PhotozEncoder(model))
    return Served(release, model, OnnxEncoder(model), survey)


def test_a_batch_has_the_redshifts_of_the_network_and_no_evidence_of_its_own(served, monkeypatch):
    ids = served.folder.ids[5:17]
    wanted = Wanted(served.release.id, served.model.contract)
    told = [
        (Member(one), prepare(Understood(cutout, IngestReport()), wanted))
        for one, cutout in zip(ids, served.folder.read(ids), strict=True)
    ]
    network = served.release.photoz.encoder
    alone = [network.run(one.input[None]) for _, one in told]
    calls, real = [], network.run
    monkeypatch.setattr(network, "run", lambda inputs: calls.append(len(inputs)) or real(inputs))
    rows, estimates = answered(served, told)
    assert calls == [len(ids)]
    assert [row.object_id for row in rows] == list(ids)
    for n, found in enumerate(alone):
        probability, *_ = network.calibration.apply(found.logits, found.photometry, found.features)
        assert estimates.probability[n] == pytest.approx(probability[0], rel=1e-4, abs=1e-6)
        own = served.release.spectroscopic.same_galaxies([served.release.columns.row_of(ids[n])])
        assert len(own) > 0
        assert not np.isin(estimates.evidence.of(n)[0], own).any()
