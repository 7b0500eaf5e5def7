"""The account of an upload as a page shows it."""

from service.web.understood import understood
from survey.ingest import FLAGS, STEPS


def ingest(*steps, flags=()):
    return {
        "layout": "cube",
        "steps": [{"step": step, "text": text} for step, text in steps],
        "flags": list(flags),
    }


def test_every_step_has_one_row_in_the_order_of_the_work():
    told = understood(ingest(*[(step, f"{step} one") for step in reversed(STEPS)], ("bands", "bands two")))
    assert len(told["rows"]) == len(STEPS)
    assert told["rows"][2] == ("Bands", ["bands one", "bands two"])


def test_every_flag_comes_with_its_meaning_and_the_grave_ones_first():
    flags = understood(ingest(flags=FLAGS))["flags"]
    assert {flag.name: flag.meaning for flag in flags} == FLAGS
    kinds = [flag.kind for flag in flags]
    assert kinds == sorted(kinds, key=("bad", "warm", "").index)


def test_a_step_and_a_flag_of_tomorrow_are_shown_as_they_are_called():
    told = understood(ingest(("novelty", "Something new."), flags=["brand_new"]))
    assert told["rows"] == [("novelty", ["Something new."])]
    assert told["flags"][0].name == "brand_new"


def test_the_meaning_of_a_flag_is_not_said_twice():
    told = understood(ingest(("contract", FLAGS["masked"]), ("contract", "Another."), flags=["masked"]))
    assert told["rows"] == [("Model's input", ["Another."])]


def test_reservations_of_the_comparison_are_told_once_and_its_absence_is_borne():
    domain = {
        "k": 10,
        "percentile": 99.9,
        "measures": [
            {"name": "size_unlikely", "sentence": "Small."},
            {"name": "said", "sentence": "Said."},
            {"name": "mag_r", "value": 17.0},
        ],
    }
    steps = ingest(("domain", "Said."), flags=["out_of_domain"])
    told = understood(steps, domain)
    assert told["reservations"] == ["Small."]
    assert "99.9 %" in told["outside"]
    assert understood(steps, None)["reservations"] == []
    assert understood(steps, None)["outside"].startswith(FLAGS["out_of_domain"].rstrip("."))
    assert understood(ingest(), domain)["outside"] == ""
