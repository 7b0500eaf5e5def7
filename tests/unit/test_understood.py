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


def measure(name="r50", **more):
    given = {"band": None, "value": 4.0, "unit": "arcsec", "low": 1.0, "high": 8.0, "percentile": 50.0}
    return {"name": name, **given, "is_unlikely": False, **more}


def test_measurements_stand_beside_what_is_usual():
    measures = [
        measure(),
        measure("magnitude", band="u", unit="mag", value=17.25, low=None, is_unlikely=True),
        measure("snr", value=None),
        measure("sky", unit="sigma", value=-0.002, low=-0.78, high=127.0),
        measure("new_one", unit="", low=None, high=None, percentile=None),
    ]
    assert understood(ingest(), {"measures": measures})["measured"] == [
        ("Half-light radius", "4.00 ″", "1.00 to 8.00", "50.0 %", False),
        ("Central magnitude, u", "17.2 mag", "up to 8.00", "50.0 %", True),
        ("Level of the sky", "0.00 σ", "−0.78 to 127", "50.0 %", False),
        ("new_one", "4.00", "", "", False),
    ]
    assert understood(ingest(), None)["measured"] == []


def test_out_of_domain_says_how_far_out_where_it_is_known():
    flagged = ingest(flags=["out_of_domain"])
    assert "99.9 %" in understood(flagged, {"percentile": 99.9, "measures": []})["outside"]
    assert understood(flagged, None)["outside"].startswith(FLAGS["out_of_domain"].rstrip("."))
    assert understood(ingest(), {"percentile": 99.9, "measures": []})["outside"] == ""
