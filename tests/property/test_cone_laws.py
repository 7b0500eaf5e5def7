"""A cone through SQL holds exactly what brute force finds, also at the poles and at RA 0 = 360."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.catalogues import catalogue_survey

from index.catalogue.ingest import ingest_survey
from index.catalogue.migrate import upgrade
from index.catalogue.repository import cone
from index.catalogue.session import make_engine, writing


def _crowded_sky():
    """Positions all over the sky and many at its awkward places."""
    rng = np.random.default_rng(11)
    ra, dec = rng.uniform(0, 360, 400), np.degrees(np.arcsin(rng.uniform(-1, 1, 400)))
    near_wrap = rng.normal(0, 0.5, 100) % 360, rng.normal(0, 1, 100)
    north = rng.uniform(0, 360, 100), 90 - rng.exponential(0.5, 100)
    south = rng.uniform(0, 360, 100), -90 + rng.exponential(0.5, 100)
    exact = np.array([0.0, 360.0, 0.0, 180.0, 45.0]), np.array([0.0, 0.0, 90.0, -90.0, 41.8103149])
    parts = [(ra, dec), near_wrap, north, south, exact]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


RA, DEC = _crowded_sky()
SKY = SkyCoord(RA * u.deg, DEC * u.deg)


@pytest.fixture
def open_session(database_url, tmp_path):
    upgrade(database_url)
    engine = make_engine(database_url)
    with writing(engine)() as session:
        ingest_survey(session, catalogue_survey(tmp_path / "sky", RA, DEC))
        yield session
    engine.dispose()


_awkward_ra = st.one_of(st.sampled_from([0.0, 360.0, 1e-9, 359.9999999, 45.0]), st.floats(0, 360))
_awkward_dec = st.one_of(st.sampled_from([90.0, -90.0, 0.0, 89.9999, 41.8103149]), st.floats(-90, 90))
_radius = st.one_of(st.sampled_from([0.0, 1e-6, 1 / 3600, 90.0, 180.0]), st.floats(0, 30))


@settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(_awkward_ra, _awkward_dec, _radius)
@example(0.0, 90.0, 2.0)
@example(0.0, -90.0, 2.0)
@example(0.0, 0.0, 1.5)
@example(360.0, 0.0, 1.5)
def test_a_cone_is_brute_force(open_session, ra, dec, radius):
    found = {
        match.galaxy.object_id: match.separation_deg
        for match in cone(open_session, survey=None, ra_deg=ra, dec_deg=dec, radius_deg=radius, limit=10_000)
    }
    separation = SKY.separation(SkyCoord(ra * u.deg, dec * u.deg)).deg
    # Double precision leaves the rim uncertain by less than a microarcsecond.
    rim = 1e-10
    inside = {f"sky-{row}" for row in np.flatnonzero(separation <= radius - rim)}
    reach = {f"sky-{row}" for row in np.flatnonzero(separation <= radius + rim)}
    assert inside <= found.keys() <= reach
    assert all(abs(separation[int(i.removeprefix("sky-"))] - s) < rim for i, s in found.items())
    assert list(found.values()) == sorted(found.values())
