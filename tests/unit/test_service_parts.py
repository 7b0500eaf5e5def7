from __future__ import annotations

import asyncio
import logging
import threading

import numpy as np
import orjson
import pytest
from anyio import create_task_group, to_thread, wait_all_tasks_blocked
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import create_engine

from service.logs import _JSONFormatter, request_id
from service.operations.refusals import Busy, TooManyAtOnce
from service.parameters import MatchRadius, Radius, checked_id
from service.positions import SkyIndex
from service.settings import Settings
from service.shared import Shared
from service.workers import Fairness, Workers


def test_settings_are_frozen_described_and_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("SKYLIKE_PORT", "8123")
    settings = Settings()
    assert settings.port == 8123
    with pytest.raises(ValidationError):
        settings.port = 1
    assert all(field.description for field in Settings.model_fields.values())


def test_without_a_database_url_the_catalogue_lies_in_the_data_folder(tmp_path):
    assert Settings(data_dir=tmp_path).url == f"sqlite:///{tmp_path / 'catalogue.db'}"
    assert (
        Settings(data_dir=tmp_path, database_url="postgresql+psycopg:///x").url == "postgresql+psycopg:///x"
    )


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("1", 1),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5arcsec", 5 / 3600),
        ("2 arcmin", 2 / 60),
        ("0.1deg", 0.1),
        ("1e-3", 1e-3),
        ("5.", 5),
        ("5.arcsec", 5 / 3600),
    ],
)
def test_a_radius_is_degrees_unless_it_has_a_unit(text, degrees):
    assert TypeAdapter(Radius).validate_python(text) == pytest.approx(degrees)


def test_a_bare_match_radius_is_arcseconds():
    assert TypeAdapter(MatchRadius).validate_python("3") == pytest.approx(3 / 3600)


@pytest.mark.parametrize(
    "text", ["", ".", "nan", "inf", "-1", "1 parsec", "1e999", "1arcsec1", "--1", "1" * 400]
)
def test_a_radius_that_is_no_angle_is_refused(text):
    with pytest.raises(ValidationError):
        TypeAdapter(Radius).validate_python(text)


@pytest.mark.parametrize("text", ["", "a\x00", "\ud800", "a\nb", "\u202e", "x" * 129])
def test_an_id_that_a_database_or_a_screen_cannot_hold_is_refused(text):
    with pytest.raises(ValueError, match="printable"):
        checked_id(text)


def test_an_id_may_be_any_short_printable_text():
    for text in ("J1", "SDSS J100024.12+021200.3", "1237648720693755918", "Galaxie-β", "a/b", "x" * 128):
        assert checked_id(text) == text


def test_the_sky_index_finds_across_the_pole_and_the_meridian():
    ra, dec = np.array([0.001, 359.999, 180.0, np.nan, 10.0]), np.array([0.0, 0.0, 89.999, 5.0, 89.999])
    sky = SkyIndex(ra, dec)
    assert len(sky) == 4
    assert sky.nearest(359.9995, 0.0)[0] == 1
    assert {row for row, _ in sky.within(0.0, 0.0, 0.0011)} == {0, 1}
    assert {row for row, _ in sky.within(300.0, 90.0, 0.0011)} == {2, 4}
    row, separation = sky.nearest(0.001, 1 / 3600)
    assert (row, separation * 3600) == (0, pytest.approx(1))


def test_a_sky_without_positions_finds_nothing():
    sky = SkyIndex(np.full(3, np.nan), np.full(3, np.nan))
    assert sky.nearest(0, 0) is None
    assert sky.within(0, 0, 180) == []


def test_workers_refuse_beyond_their_queue_and_recover():
    async def scene() -> None:
        workers, gate = Workers(threads=1, queue=1), threading.Event()
        running = [asyncio.ensure_future(workers.run(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(Busy, match="limit 2"):
            await workers.run(gate.wait)
        gate.set()
        assert await asyncio.gather(*running) == [True, True]
        assert await workers.run(lambda: 7) == 7

    asyncio.run(scene())


def test_waiting_for_the_sandbox_takes_no_thread_from_others():
    shared = Shared(
        settings=Settings(sandbox_children=1, sandbox_queue=0),
        engine=create_engine("sqlite://"),
        sessions=None,
        sandbox=None,
    )
    done = threading.Event()

    async def run():
        to_thread.current_default_thread_limiter().total_tokens = 1
        async with create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(shared.in_sandbox, done.wait)
            await wait_all_tasks_blocked()
            # The only thread of the others is free, and waits for nobody.
            await to_thread.run_sync(done.set)

    asyncio.run(asyncio.wait_for(run(), 20))


def test_fairness_counts_each_client_for_itself():
    fairness = Fairness(1)
    with fairness.hold("a"), fairness.hold("b"), pytest.raises(TooManyAtOnce), fairness.hold("a"):
        pass
    with fairness.hold("a"):
        pass
    assert not fairness._running


def test_fairness_counts_a_network_of_ipv6_as_one_client():
    fairness = Fairness(1)
    with (
        fairness.hold("2001:db8::1"),
        fairness.hold("2001:db8:0:1::1"),
        pytest.raises(TooManyAtOnce),
        fairness.hold("2001:db8::2"),
    ):
        pytest.fail("too many at once")
    assert not fairness._running


def test_a_log_line_is_json_with_its_facts_whatever_they_are():
    record = logging.makeLogRecord(
        {"msg": "index opened", "levelname": "INFO", "name": "service", "release": "r", "n": 3}
    )
    token = request_id.set("abc")
    try:
        line = orjson.loads(_JSONFormatter().format(record))
        record.odd = "\ud800"
        odd = orjson.loads(_JSONFormatter().format(record))
    finally:
        request_id.reset(token)
    assert {key: line[key] for key in ("message", "release", "n", "request_id")} == {
        "message": "index opened",
        "release": "r",
        "n": 3,
        "request_id": "abc",
    }
    assert "ud800" in odd["odd"]
