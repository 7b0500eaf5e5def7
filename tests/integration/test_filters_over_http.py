"""Filters of a request hold for every hit, and are said in its certificate."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from index.release import Release

_PATH = "/api/v1/objects/J00003/neighbours"


@pytest.fixture(scope="module")
def release(served_data) -> Release:
    return Release.open(next((served_data / "releases").glob("tiny--*")))


@pytest.fixture(scope="module")
def place(release):
    ra, dec = release.columns.array("ra_deg"), release.columns.array("dec_deg")
    own = release.columns.row_of("J00003")
    return SkyCoord(ra, dec, unit="deg"), SkyCoord(ra[own], dec[own], unit="deg")


def _ids(client, **params):
    answer = client.get(_PATH, params={"k": 1000, **params})
    assert answer.status_code == 200, answer.text
    answer = answer.json()
    assert answer["search"]["n_searched"] == len(answer["hits"])
    return {hit["object_id"] for hit in answer["hits"]}, answer["search"]["filters"]


def _expected(release, mask):
    return {release.columns.ids[row] for row in np.flatnonzero(mask)} - {"J00003"}


def test_any_column_of_numbers_bounds_the_hits(client, release):
    flux, z = release.columns.array("flux_r"), release.columns.array("z_spec")
    low, high = np.quantile(flux, [0.3, 0.8]).tolist()
    found, filters = _ids(client, where=[f"flux_r:{low}..{high}", "z_spec:0.1.."])
    assert found == _expected(release, (flux >= low) & (flux <= high) & (z >= 0.1))
    assert filters == {"flux_r": [low, high], "z_spec": [0.1, None]}


def test_labels_are_alternatives(client, release):
    labels = release.columns.array("label")
    assert _ids(client, label="spiral")[0] == _expected(release, labels == "spiral")
    assert _ids(client, label=["spiral", "elliptical"])[0] == _expected(release, labels != None)  # noqa: E711


def test_a_cone_and_a_box_bound_the_hits(client, release, place):
    places, own = place
    found, filters = _ids(client, cone=f"{own.ra.deg},{own.dec.deg},60")
    assert found == _expected(release, own.separation(places).deg <= 60)
    assert filters == {"cone": [own.ra.deg, own.dec.deg, 60]}
    inside = ((places.ra.deg >= 300) | (places.ra.deg <= 120)) & (np.abs(places.dec.deg) <= 50)
    assert _ids(client, box="300,120,-50,50")[0] == _expected(release, inside)
    assert _ids(client, moc="0/0-11")[0] == _expected(release, np.isfinite(places.ra.deg))


def test_excluded_objects_are_no_hits(client, release):
    first = [hit["object_id"] for hit in client.get(f"{_PATH}?k=5").json()["hits"]]
    found, filters = _ids(client, exclude=[*first[:2], "unknown"])
    assert found == _expected(release, np.ones(release.info.n, bool)) - set(first[:2])
    assert filters == {"exclude": sorted([*first[:2], "unknown"])}
    nearest = client.get(_PATH, params={"k": 3, "exclude": first[:2]}).json()["hits"]
    assert [hit["object_id"] for hit in nearest] == first[2:]


def test_an_object_is_one_hit_and_the_query_is_none(client, release):
    parents = dict(zip(release.columns.ids, release.columns.array("parent_id"), strict=True))
    every = client.get(f"{_PATH}?k=1000").json()["hits"]
    seen, expected = {parents["J00003"]}, []
    for hit in every:
        if parents[hit["object_id"]] not in seen:
            expected.append(hit["object_id"])
            seen.add(parents[hit["object_id"]])
    answer = client.get(f"{_PATH}?k=1000&dedup=parent").json()
    assert [hit["object_id"] for hit in answer["hits"]] == expected
    assert len(expected) < len(every)
    filled = client.get(f"{_PATH}?k=5&dedup=parent").json()
    assert [hit["object_id"] for hit in filled["hits"]] == expected[:5]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"where": "flux_rr:0..1"}, "flux_r, "),
        ({"where": "label:0..1"}, "holds words"),
        ({"where": "z_spec:1..0"}, "smaller bound first"),
        ({"label": "spirl"}, "elliptical, spiral"),
        ({"flags_none": "odd"}, "few_spectra"),
        ({"cone": "1,2"}, "RA, Dec and radius"),
        ({"polygon": "0,0,120,0,240,0"}, "Give a MOC instead"),
        ({"moc": "30/0"}, "finest order is 29"),
    ],
)
def test_a_filter_that_cannot_be_applied_is_refused_with_what_can(client, params, said):
    refused = client.get(_PATH, params=params)
    assert (refused.status_code, refused.json()["code"]) == (422, "filter.invalid")
    assert said in refused.json()["detail"]


def test_only_parameters_that_list_may_be_given_twice(client):
    assert client.get(f"{_PATH}?label=spiral&label=elliptical").status_code == 200
    refused = client.get(f"{_PATH}?cone=1,2,3&cone=4,5,6")
    assert (refused.status_code, refused.json()["code"]) == (422, "request.unknown_parameter")
    many = "&".join(f"where=c{n}:0..1" for n in range(65))
    assert client.get(f"{_PATH}?{many}").status_code == 422


def test_a_filter_on_redshift_flags_leaves_out_what_raises_them(client, release):
    flags = np.nan_to_num(release.columns.array("z_flags"), nan=0).astype(int)
    known = np.isfinite(release.columns.array("z_flags"))
    assert _ids(client, flags_none="few_spectra")[0] == _expected(release, known & ((flags & 2) == 0))
