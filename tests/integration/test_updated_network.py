"""Redshifts of a network's release after an update are those of a build, evidence included."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from support.tiny_photoz import network_model
from support.tiny_survey import tiny_survey
from typer.testing import CliRunner

from index.catalogue.activation import list_active
from index.catalogue.session import default_url, make_engine, sessions
from index.release import Release
from skylike.cli.index import app

MODEL = "polar48-net"


def run(data_dir, *arguments):
    result = CliRunner().invoke(
        app, [*arguments, "--data-dir", str(data_dir), "--json"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return orjson.loads(result.stdout)


def active(data_dir):
    engine = make_engine(default_url(data_dir))
    with sessions(engine)() as session:
        (row,) = list_active(session)
    engine.dispose()
    return Release.open(data_dir / "releases" / row.id)


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """The base, its update, and the build that merges it."""
    data_dir = tmp_path_factory.mktemp("data")
    survey = tiny_survey(data_dir / "surveys" / "tiny", n=150)
    # J00140 to J00149 are changed, thirty are new.
    tiny_survey(data_dir / "surveys" / "tiny-b", n=40, seed=6, first=140)
    network_model(data_dir, survey, MODEL)
    gone = data_dir / "gone.txt"
    gone.write_text("\n".join(survey.ids[:5]))
    run(data_dir, "build", "tiny", "--model", MODEL)
    base = active(data_dir)
    run(data_dir, "update", "tiny", "--with", "tiny-b", "--withdraw", str(gone))
    updated = active(data_dir)
    run(data_dir, "build", "tiny", "--model", MODEL)
    return base, updated, active(data_dir)


def test_every_estimate_is_that_of_a_build(releases):
    base, updated, built = releases
    assert updated.photoz.reads_images
    assert (base.info.n, updated.info.n_galaxies, built.info.n) == (150, 175, 175)
    for object_id in built.columns.ids:
        ours, theirs = (r.photoz.estimate_rows([r.columns.row_of(object_id)]) for r in (updated, built))
        # What passes through the file twice is rounded twice: to 11 bits.
        assert ours.probability == pytest.approx(theirs.probability, rel=2e-3, abs=1e-6)
        for name, values in theirs.columns.items():
            assert ours.columns[name] == pytest.approx(values, rel=1e-6, nan_ok=True), (object_id, name)
        near = [
            [r.columns.ids[row] for row in one.evidence.of(0)[0]]
            for r, one in ((updated, ours), (built, theirs))
        ]
        assert near[0] == near[1]


def test_nobody_is_judged_by_withdrawn_spectra(releases):
    _, updated, _ = releases
    rows = updated.galaxies
    evidence = updated.photoz.estimate_rows(rows).evidence
    for n in range(len(rows)):
        assert updated.alive[evidence.of(n)[0]].all()


def test_frozen_columns_repeat_the_estimates(releases):
    _, updated, _ = releases
    known = updated.galaxies
    for column, name in (("z_phot", "z_best"), ("z_flags", "z_flags"), ("z_conf", "z_conf")):
        frozen = updated.columns.array(column)[known]
        assert np.allclose(frozen, updated.photoz_columns()[name][known], equal_nan=True, rtol=1e-6)
