"""A session's file is read only if its labels agree with each other."""

import copy

import pytest
from pydantic import ValidationError

from service.schemas.session_files import SessionExport

_AT = "2026-11-22T04:05:06+00:00"


def _label(number, object_id, **more):
    said = {"kind": "score", "value": 5, "note": None, "origin": "client", "ended_at": None, "ended_by": None}
    made = {"at": _AT, "release": "tiny--a", "model": "a", "revision": number + 1}
    return {"label_id": f"{number:032x}", "object_id": object_id, **said, **made, **more}


def _file(*labels):
    session = {
        "session_id": "a" * 32,
        "owner": "ada",
        "name": "rings",
        "survey": "tiny",
        "release": "tiny--a",
    }
    session |= {"model": "a", "learner": "gp", "threshold": 3, "filters": {}, "seed": 0, "revision": 2}
    session |= {"created_at": _AT, "closed_at": None}
    head = {"format": "skylike-session", "version": 1, "exported_at": _AT}
    return {**head, "session": session, "labels": list(labels)}


_OTHER = "f" * 32
_GOOD = _file(_label(0, "J1", ended_at=_AT, ended_by=f"{1:032x}"), _label(1, "J1"), _label(2, "J2"))


def test_labels_that_agree_are_read():
    assert len(SessionExport.model_validate(_GOOD).labels) == 3


@pytest.mark.parametrize(
    ("place", "change", "said"),
    [
        (0, {"ended_at": None, "ended_by": None}, "two labels of one object hold"),
        (2, {"label_id": f"{1:032x}"}, "the same `label_id`"),
        (2, {"ended_by": _OTHER}, "has ended"),
        (2, {"value": None}, "a score has a value"),
    ],
)
def test_labels_that_contradict_each_other_are_refused(place, change, said):
    file = copy.deepcopy(_GOOD)
    file["labels"][place] |= change
    with pytest.raises(ValidationError, match=said):
        SessionExport.model_validate(file)
