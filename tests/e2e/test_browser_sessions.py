"""A session in a real browser: one galaxy after the other, by keys and by hand, never asking anyone else."""

import pytest


@pytest.fixture
def session(page):
    """A session that was just begun, with its first galaxy on the screen; ends deleted."""
    page.goto("/sessions")
    page.fill("input[name=name]", "rings")
    page.click("form[action='/sessions'] button")
    page.wait_for_url("**/sessions/*")
    page.wait_for_selector("[data-figure]:not([hidden])")
    own = _api(page)
    yield page
    page.request.delete(own)


def _api(page):
    return page.locator("[data-session]").get_attribute("data-session")


def _name(page):
    return page.locator("[data-name]").inner_text()


def _press(page, key):
    """Press a key that leads on; returns the id of the galaxy that it was pressed for."""
    was = _name(page)
    page.keyboard.press(key)
    page.wait_for_function("was => document.querySelector('[data-name]').textContent !== was", arg=was)
    return was


def _labels(page, query=""):
    """What the service keeps, once all that was given has arrived."""
    page.wait_for_selector("[data-session][aria-busy=false]")
    identifier = _api(page).rsplit("/", 1)[1]
    return page.request.get(f"/api/v1/labels?session={identifier}{query}").json()["labels"]


def test_each_key_is_a_label_and_the_next_galaxy_is_shown(session):
    given = [_press(session, key) for key in "0510a"]
    kept = [(one["object_id"], one["kind"], one["value"]) for one in _labels(session)]
    values = [("score", 0.0), ("score", 5.0), ("score", 1.0), ("score", 0.0), ("artefact", None)]
    assert kept == [(name, *value) for name, value in zip(given, values, strict=True)]
    # Counted after each label.
    assert session.locator("[data-counts]").inner_text() == "5 labelled, 1 interesting, 1 set aside"
    drawn = "() => document.querySelector('[data-image]').naturalWidth > 0"
    session.wait_for_function(drawn)
    assert (session.complaints, session.elsewhere) == ([], [])


def test_a_key_while_it_learns_is_no_label_of_the_galaxy_before(session):
    given = [_press(session, "0") for _ in range(9)]
    last = _name(session)
    session.route("**/next?*", lambda route: (session.wait_for_timeout(400), route.continue_()))
    session.keyboard.press("5")
    session.keyboard.press("1")
    session.wait_for_function("was => document.querySelector('[data-name]').textContent !== was", arg=last)
    assert [(one["object_id"], one["value"]) for one in _labels(session, "&history=true")] == [
        *((name, 0.0) for name in given),
        (last, 5.0),
    ]


def test_undo_goes_back_and_withdraws_and_another_score_takes_its_place(session):
    first, second = _press(session, "3"), _press(session, "4")
    _press(session, "u")
    assert _name(session) == second
    assert [one["object_id"] for one in _labels(session)] == [first]
    _press(session, "ArrowLeft")
    _press(session, "0")
    assert [(one["object_id"], one["value"]) for one in _labels(session)] == [(first, 0.0)]
    ended = [one["value"] for one in _labels(session, "&history=true") if one["ended_at"]]
    assert ended == [3.0, 4.0]


def test_keys_in_a_note_are_letters(session):
    name = _name(session)
    session.keyboard.press("n")
    session.keyboard.type("a ring of 5 knots")
    assert _name(session) == name
    session.keyboard.press("Escape")
    _press(session, "5")
    (kept,) = _labels(session)
    assert (kept["object_id"], kept["note"], kept["value"]) == (name, "a ring of 5 knots", 5.0)


def test_a_page_loaded_again_goes_on_with_what_was_not_labelled(session):
    given = {_press(session, "1") for _ in range(3)}
    assert len(_labels(session)) == 3
    session.reload()
    session.wait_for_selector("[data-figure]:not([hidden])")
    assert _name(session) not in given


def test_a_label_of_another_window_is_not_overwritten_unseen(session):
    name = _name(session)
    session.request.post(f"{_api(session)}/labels", data={"object_id": name, "value": 2})
    _press(session, "5")
    session.wait_for_function("() => document.querySelector('[data-status]').classList.contains('bad')")
    assert [one["value"] for one in _labels(session)] == [2.0]


def test_the_forecast_is_drawn_once_there_is_something_to_say(session):
    for key in "5050505050" * 2:
        _press(session, key)
    session.wait_for_selector("svg.forecast:not([hidden]) polygon.band")
    assert "80 %" in session.locator("[data-summary]").inner_text()
    assert session.complaints == []


def test_a_session_fits_a_telephone(session):
    session.set_viewport_size({"width": 360, "height": 740})
    assert session.evaluate("document.documentElement.scrollWidth") <= 360
    session.goto("/sessions")
    assert session.evaluate("document.documentElement.scrollWidth") <= 360
