"""A session is all in the database: it outlives the service, goes on in another one, and over a change of releases."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from support.interest import LABELS, asked, begun, ids, label
from support.more_releases import another_release
from support.owners import assert_problem
from support.running import free_port, started
from support.serving import client_of, copied, register_all


@pytest.fixture
def serve(served_data, database_url, tmp_path):
    """Start the service on one database, as often as one likes."""
    register_all(served_data, database_url)
    environment = {
        **os.environ,
        "SKYLIKE_DATABASE_URL": database_url,
        "SKYLIKE_UPLOADS_DIR": str(tmp_path / "uploads"),
        "SKYLIKE_JOBS_DIR": str(tmp_path / "jobs"),
        "SKYLIKE_WORKERS": "0",
    }

    def start(name):
        port = free_port()
        command = [sys.executable, "-m", "skylike", "serve", "--data-dir", str(served_data)]
        command += ["--port", str(port)]
        return started(command, environment, log=tmp_path / f"{name}.log", port=port)

    return start


def test_a_killed_service_goes_on_where_it_was_also_in_another_process(serve):
    with serve("first") as (client, process), serve("beside") as (beside, _):
        session = begun(client, positives=["J00001"], seed=2)
        for _ in range(2):
            names = ids(asked(client, session, "next?n=5"))
            label(client, session, *((name, n) for n, name in enumerate(names)))
        acknowledged = client.get(f"{LABELS}?session={session['session_id']}").json()
        proposed, foreseen = asked(client, session, "next?n=5"), asked(client, session, "forecast")
        assert asked(beside, session, "next?n=5") == proposed
        process.send_signal(signal.SIGKILL)
        process.wait()
        label(beside, session, ("J00100", 2))
        beside.delete(f"{LABELS}?id={_of(beside, session, 'J00100')}")
        assert asked(beside, session, "forecast") == {**foreseen, "revision": foreseen["revision"] + 2}
        with serve("again") as (again, _):
            assert again.get(f"{LABELS}?session={session['session_id']}").json() == acknowledged
            assert asked(again, session, "next?n=5")["objects"] == proposed["objects"]
        # `started` ends what runs; the first was killed on purpose.
        process.returncode = 0


def _of(client, session, name):
    held = client.get(f"{LABELS}?session={session['session_id']}&object_id={name}").json()["labels"]
    return held[0]["label_id"]


def test_a_session_goes_on_with_the_next_release_of_its_survey_and_model_and_says_so(served_data, tmp_path):
    data = copied(served_data, tmp_path / "data")
    with client_of(data) as client:
        session = begun(client, positives=["J00001"], negatives=["J00002"])
        before = asked(client, session, "next")
        new = another_release(data)
        assert client.app.state.live.look()
        after = asked(client, session, "next")
        assert (before["release_changed"], after["release_changed"]) == (False, True)
        assert after["release"]["id"] == new
        assert session["release"] in after["note"]
        # The same vectors in the same order: by object ids it is the same session.
        assert ids(after) == ids(before)
        label(client, session, ("J00003", 4))
        made_on = [
            one["release"] for one in client.get(f"{LABELS}?session={session['session_id']}").json()["labels"]
        ]
        assert made_on == [session["release"], session["release"], new]
        told = asked(client, session, "")
        assert (told["release"], told["release_now"]) == (session["release"], new)


def test_a_session_without_a_release_of_its_model_can_still_be_exported(served_data, tmp_path):
    url = f"sqlite:///{tmp_path / 'records.db'}"
    register_all(served_data, url)
    with client_of(served_data, database_url=url) as client:
        session = begun(client, positives=["J00001"])
        resources = client.app.state.resources
        others = {name: one for name, one in resources.releases.items() if one.survey != "tiny"}
        object.__setattr__(resources, "releases", others)
        told = asked(client, session, "")
        assert (told["release_now"], told["release_changed"]) == (None, False)
        assert_problem(client.get(session["links"]["next"]), 410, "release.gone")
        assert len(asked(client, session, "export")["labels"]) == 1
