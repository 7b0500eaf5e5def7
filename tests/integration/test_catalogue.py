"""The catalogue on both databases: ingest, look-ups, cones, activation."""

from __future__ import annotations

import math
import shutil
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from support.catalogues import catalogue_survey
from support.tiny_survey import tiny_survey

from index.catalogue.activation import (
    NothingToRollBack,
    ReleaseNotRegistered,
    activate,
    list_active,
    list_registered,
    rollback,
)
from index.catalogue.ingest import UnusableRow, ingest_release, ingest_survey
from index.catalogue.migrate import upgrade
from index.catalogue.repository import cone, get_object, get_objects, list_surveys
from index.catalogue.session import UnsupportedDatabase, default_url, make_engine, sessions, writing
from index.catalogue.tables import galaxies, photoz, scores
from index.release import Release
from service.records.audit import list_audit, record
from survey.archive import SurveyFolder, UnknownObject


@pytest.fixture
def session(database_url):
    upgrade(database_url)
    engine = make_engine(database_url)
    with writing(engine)() as opened:
        yield opened
    engine.dispose()


@pytest.fixture(scope="module")
def survey(tmp_path_factory) -> SurveyFolder:
    return tiny_survey(tmp_path_factory.mktemp("catalogue") / "tiny", n=40)


def count(session, table=galaxies):
    return session.execute(select(func.count()).select_from(table)).scalar_one()


@contextmanager
def another_session(session):
    with sessions(session.get_bind())() as opened:
        yield opened


def test_every_object_arrives_with_its_photometry_and_attributes(session, survey):
    report = ingest_survey(session, survey)
    assert (report.rows, count(session)) == (40, 40)
    found = get_object(session, "tiny", "J00003")
    row = survey.objects.slice(3, 1).to_pylist()[0]
    assert (found.ra_deg, found.dec_deg, found.hpx29, found.z_spec) == tuple(
        row[name] for name in ("ra_deg", "dec_deg", "hpx29", "z_spec")
    )
    assert found.photometry == {name: pytest.approx(row[name]) for name in row if name.startswith("flux_")}
    assert found.attributes == {"label": row["label"], "parent_id": row["parent_id"]}


def test_ingesting_twice_writes_nothing(session, survey):
    ingest_survey(session, survey)
    session.commit()
    assert ingest_survey(session, survey).rows == 0


def test_another_version_of_a_survey_replaces_the_first(session, survey, tmp_path):
    ingest_survey(session, survey)
    session.commit()
    newer = tiny_survey(tmp_path / "tiny", n=10, seed=5)
    assert ingest_survey(session, newer).rows == 10
    assert count(session) == 10
    assert [s.sha256 for s in list_surveys(session)] == [newer.sha256]


def test_nothing_stays_without_the_callers_commit(session, survey):
    ingest_survey(session, survey)
    session.rollback()
    assert count(session) == 0


def test_rows_that_went_missing_are_brought_back(session, survey):
    ingest_survey(session, survey)
    session.execute(galaxies.delete().where(galaxies.c.object_id == "J00003"))
    session.commit()
    assert ingest_survey(session, survey).rows == 40
    assert get_object(session, "tiny", "J00003").object_id == "J00003"


def test_progress_reaches_the_total(session, survey):
    seen = []
    ingest_survey(session, survey, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (40, 40)


def test_surveys_are_listed_with_what_their_folder_says(session, survey):
    ingest_survey(session, survey)
    (row,) = list_surveys(session)
    assert (row.name, row.kind, row.n_objects, row.sha256) == ("tiny", "flux", 40, survey.sha256)
    assert row.info["realism"] == survey.info.realism
    assert row.ingested_at.tzinfo is not None


def test_objects_come_in_the_order_asked_for(session, survey):
    ingest_survey(session, survey)
    asked = ["J00007", "J00001", "J00039", "J00007"]
    assert [galaxy.object_id for galaxy in get_objects(session, "tiny", asked)] == asked


@pytest.mark.parametrize("object_id", ["nope", "J00003\x00", "\ud800", "'; DROP TABLE galaxies; --", ""])
def test_an_id_that_is_not_there_is_unknown_whatever_it_holds(session, survey, object_id):
    ingest_survey(session, survey)
    with pytest.raises(UnknownObject):
        get_object(session, "tiny", object_id)


def test_unknown_values_are_null_and_such_objects_are_in_no_cone(session, tmp_path):
    folder = catalogue_survey(tmp_path / "cat", [10.0, None], [20.0, math.nan], z_spec=[math.nan, 0.5])
    ingest_survey(session, folder)
    whole_sky = cone(session, survey=None, ra_deg=0, dec_deg=0, radius_deg=180)
    assert [match.galaxy.object_id for match in whole_sky] == ["cat-0"]
    lost = get_object(session, "cat", "cat-1")
    assert (lost.ra_deg, lost.dec_deg, lost.hpx29, lost.z_spec) == (None, None, None, 0.5)
    assert get_object(session, "cat", "cat-0").z_spec is None


def test_ids_and_texts_of_any_script_survive(session, tmp_path):
    ids = ["Ünïcode ☆", "銀河\t1", 'quote"\\d']
    ingest_survey(session, catalogue_survey(tmp_path / "cat", [1, 2, 3], [1, 2, 3], object_id=ids, note=ids))
    assert [g.attributes["note"] for g in get_objects(session, "cat", ids)] == ids


@pytest.mark.parametrize("column", ["object_id", "note"])
def test_a_nul_character_is_refused_by_name(session, tmp_path, column):
    folder = catalogue_survey(tmp_path / "cat", [1.0], [1.0], **{column: ["a\x00b"]})
    with pytest.raises(UnusableRow, match="NUL"):
        ingest_survey(session, folder)


def test_a_cone_is_sorted_by_separation_and_limited_to_the_nearest(session, tmp_path):
    ingest_survey(session, catalogue_survey(tmp_path / "cat", [10.3, 10.0, 10.1, 10.2], [0.0] * 4))
    found = cone(session, survey="cat", ra_deg=10, dec_deg=0, radius_deg=0.25, limit=2)
    assert [match.galaxy.object_id for match in found] == ["cat-1", "cat-2"]
    assert [match.separation_deg for match in found] == pytest.approx([0, 0.1])


def test_a_cone_over_all_surveys_merges_them(session, tmp_path):
    for name, ra in (("one", 10.2), ("two", 10.1)):
        ingest_survey(session, catalogue_survey(tmp_path / name, [ra], [0.0]))
    found = cone(session, survey=None, ra_deg=10, dec_deg=0, radius_deg=1)
    assert [match.galaxy.survey for match in found] == ["two", "one"]
    only = cone(session, survey="one", ra_deg=10, dec_deg=0, radius_deg=1)
    assert [match.galaxy.survey for match in only] == ["one"]


def test_an_empty_cone_is_an_empty_list(session, survey):
    ingest_survey(session, survey)
    assert cone(session, survey="nope", ra_deg=1, dec_deg=1, radius_deg=180) == []
    assert cone(session, survey="tiny", ra_deg=1, dec_deg=89.9, radius_deg=1e-6) == []


def test_sqlite_takes_the_sky_index_for_every_range(tmp_path):
    # Without statistics it would prefer the primary key for "survey = … AND (… OR …)" and read the whole survey.
    upgrade(default_url(tmp_path))
    engine = make_engine(default_url(tmp_path))
    with engine.connect() as connection:
        plan = connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT object_id FROM galaxies WHERE (survey = 'cat' AND hpx29 BETWEEN 1 AND 2) "
                "OR (survey = 'cat' AND hpx29 BETWEEN 5 AND 7)"
            )
        ).all()
    engine.dispose()
    assert sum("ix_galaxies_survey_hpx29" in row[-1] for row in plan) == 2


@pytest.fixture
def registered(session, tiny_release_path):
    """The session's release three times under names of different times."""
    release = Release.open(tiny_release_path)
    ingest_release(session, release)
    for name in ("second", "third"):
        session.execute(
            text(
                "INSERT INTO releases SELECT :name, survey, model_id, survey_sha256, model_sha256, manifest_sha256, n, "
                "dimension, metric, recall_at_10, exact, created_at, activated_at FROM releases WHERE id = :id"
            ),
            {"name": name, "id": release.id},
        )
    session.commit()
    return [release.id, "second", "third"]


def test_a_release_brings_its_scores_and_redshifts(session, tiny_release_path):
    release = Release.open(tiny_release_path)
    assert ingest_release(session, release).rows == 2 * release.info.n
    for name in ("anomaly_percentile", "anomaly_p"):
        stored = dict(session.execute(select(scores.c.object_id, scores.c[name])).all())
        expected = release.columns.array(name).tolist()
        assert stored == pytest.approx(dict(zip(release.columns.ids, expected, strict=True)))
    z_best = dict(session.execute(select(photoz.c.object_id, photoz.c.z_best)).all())
    assert z_best[release.columns.ids[5]] == pytest.approx(
        release.photoz.estimate_rows([5]).columns["z_best"][0]
    )
    session.commit()
    assert ingest_release(session, release).rows == 0


def test_a_release_that_was_built_again_replaces_its_rows(session, tiny_release_path):
    release = Release.open(tiny_release_path)
    ingest_release(session, release)
    activate(session, release.id)
    session.execute(text("UPDATE releases SET manifest_sha256 = 'old'"))
    assert ingest_release(session, release).rows > 0
    assert count(session, scores) == release.info.n
    (row,) = list_registered(session)
    assert (row.manifest_sha256, row.is_active) == (release.sha256, True)


def test_no_release_is_active_before_it_was_activated(session, registered):
    assert list_active(session) == []
    assert {row.id for row in list_registered(session)} == set(registered)


def test_activating_moves_the_pointer(session, registered):
    for release_id in registered:
        assert activate(session, release_id).is_active
        assert [row.id for row in list_active(session)] == [release_id]


def test_rolling_back_goes_one_step_at_a_time(session, registered):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for n, release_id in enumerate(registered):
        activate(session, release_id, now=start + timedelta(hours=n))
    assert rollback(session, "tiny", "fake16").id == "second"
    assert rollback(session, "tiny", "fake16").id == registered[0]
    with pytest.raises(NothingToRollBack, match="tiny"):
        rollback(session, "tiny", "fake16")
    assert [row.id for row in list_active(session)] == [registered[0]]


def test_no_rollback_leads_to_what_was_rolled_back(session, registered):
    first, second, third = registered
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for n, release_id in enumerate([first, second]):
        activate(session, release_id, now=start + timedelta(hours=n))
    assert rollback(session, "tiny", "fake16").id == first
    activate(session, third, now=start + timedelta(hours=3))
    assert rollback(session, "tiny", "fake16").id == first


def test_nothing_can_be_rolled_back_where_nothing_was_active(session):
    with pytest.raises(NothingToRollBack):
        rollback(session, "tiny", "fake16")


def test_an_unknown_release_cannot_be_activated(session):
    with pytest.raises(ReleaseNotRegistered, match="nope"):
        activate(session, "nope")


def test_times_come_back_in_utc(session, registered):
    now = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
    activate(session, "second", now=now)
    (row,) = list_active(session)
    assert row.activated_at == now
    assert row.created_at.tzinfo is not None


def test_others_see_a_switch_only_after_the_commit(session, registered):
    activate(session, "second")
    with another_session(session) as other:
        assert list_active(other) == []
    session.commit()
    with another_session(session) as other:
        assert [row.id for row in list_active(other)] == ["second"]


def test_audit_entries_keep_owner_and_order(session):
    record(session, owner="cli:ada", action="release.activate", subject="one", detail={"from": None})
    record(session, owner="cli:bob", action="release.rollback", subject="two")
    entries = list_audit(session)
    assert [(entry.owner, entry.subject) for entry in entries] == [("cli:bob", "two"), ("cli:ada", "one")]
    assert entries[1].detail == {"from": None}
    assert entries[0].at.tzinfo is not None


def test_an_audit_entry_needs_an_owner(session):
    with pytest.raises(ValueError, match="owner"):
        record(session, owner=" ", action="x", subject="y")
    with pytest.raises(IntegrityError):
        session.execute(
            text(
                "INSERT INTO records_audit (at, action, subject, detail) VALUES ('2026-01-01', 'a', 's', '{}')"
            )
        )


def test_other_databases_are_refused():
    with pytest.raises(UnsupportedDatabase, match="mysql"):
        make_engine("mysql://localhost/skylike")


def test_a_plain_postgresql_url_means_psycopg():
    assert make_engine("postgresql://u@h/db").dialect.driver == "psycopg"


def test_sqlite_keeps_commits_through_power_loss_and_checks_foreign_keys(tmp_path):
    engine = make_engine(default_url(tmp_path))
    with engine.connect() as connection:
        values = [
            connection.execute(text(f"PRAGMA {p}")).scalar()
            for p in ("journal_mode", "synchronous", "foreign_keys")
        ]
    engine.dispose()
    assert values == ["wal", 2, 1]  # 2 is FULL.


def test_the_release_folder_may_move(tiny_release_path, tmp_path, session):
    moved = shutil.copytree(tiny_release_path, tmp_path / "elsewhere" / tiny_release_path.name)
    assert ingest_release(session, Release.open(moved)).rows > 0
