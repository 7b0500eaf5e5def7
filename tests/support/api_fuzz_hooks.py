"""What schemathesis cannot know: ids that exist, files that are galaxies, and what no JSON Schema can say.

Loaded by its command line (``SCHEMATHESIS_HOOKS``). ``SKYLIKE_FUZZ_IDS`` names objects that exist, separated by commas,
``SKYLIKE_FUZZ_UPLOADS`` uploads that are kept; ``SKYLIKE_FUZZ_TALLY`` is a file that gets one line for each answer.
"""

import json
import os
import re
import zlib

import schemathesis
from support.archives import tar
from support.fuzz_seeds import seeds

IDS, UPLOADS = (
    [text for text in os.environ.get(f"SKYLIKE_FUZZ_{name}", "").split(",") if text]
    for name in ("IDS", "UPLOADS")
)
TALLY = os.environ.get("SKYLIKE_FUZZ_TALLY")
FILES = {
    "image/fits": ("cube", "written", "rice_int", "turned", "int16.bz2"),
    "image/png": ("RGB.png", "L.png", "I16.png"),
    "image/jpeg": ("RGB.jpg", "progressive.jpg"),
}
# Relations between parameters and between fields, ranges of numbers that carry a unit, and characters for which schemathesis' own regular
# expressions only come near to those of JSON Schema.
UNSAYABLE = re.compile(
    r"Give both ra and dec|A dry run stores nothing|(match_)?radius: Input should be|an id is 1 to 128 printable characters|^Zeropoint is"
    r"|an ensemble .hdf5. holds p.z. on a grid|JSON has no columns|stands in the body and in the query string"
    r"|does not go together with `surveys`|^columns_map: |JSON has at most"
    r"|a score has a value, an artefact none|\(`ended_by`\) has ended|two labels "
)


def _share(text):
    """A number that depends on the generated value alone, so that a case can be repeated."""
    return zlib.crc32(repr(text).encode("utf-8", "replace"))


@schemathesis.serializer("application/x-tar", "application/gzip", "application/vnd.apache.parquet")
def as_bytes(context, value):
    """Send archives as they were made up."""
    data = getattr(value, "data", value)
    return data if isinstance(data, bytes) else str(data).encode("utf-8", "replace")


@schemathesis.hook
def before_call(context, case, kwargs):
    """Give half of the valid requests an id that exists, or a file that is a galaxy."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    path = case.path_parameters or {}
    chance = _share((path, case.query))
    if IDS and "object_id" in path and chance % 2:
        path["object_id"] = IDS[chance // 2 % len(IDS)]
    if (
        IDS
        and case.operation.path.endswith("/neighbours")
        and case.query is not None
        and chance % 2
        and not path
    ):
        case.query.pop("ra", None)
        case.query.pop("dec", None)
        case.query["target"] = IDS[chance // 2 % len(IDS)]
    names = FILES.get(case.media_type or "")
    if names and case.operation.path.endswith("/upload") and _share(case.body) % 2:
        files, bands = seeds()[names[chance // 2 % len(names)]]
        case.body = files[0][1]
        if bands and case.query is not None:
            case.query["bands"] = bands
        # Bytes are no JSON string, so the request would from now on count as one that violates the schema.
        case._record_starting_state()

    if case.media_type == "application/x-tar" and _share(case.body) % 2:
        case.body = tar([(name, seeds()[name][0][0][1]) for name in FILES["image/fits"]])
        case._record_starting_state()


@schemathesis.hook
def after_call(context, case, response):
    """Count the answer."""
    if TALLY:
        mode = case.meta.generation.mode.value if case.meta is not None else "none"
        line = {
            "path": case.operation.path,
            "method": case.method,
            "mode": mode,
            "status": response.status_code,
        }
        with open(TALLY, "a", encoding="utf-8") as stream:  # noqa: PTH123 - thousands of times
            stream.write(json.dumps(line) + "\n")


@schemathesis.check
def valid_requests_are_not_called_invalid(ctx, response, case):
    """A request that fits the schema may be refused for what it means, never for how it is written."""
    if response.status_code != 422 or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if "null" in map(str, (case.path_parameters or {}).values()):
        # Made of an answer's null (an upload that was not kept has no id) by the stateful phase.
        return
    problem = response.json()
    if problem["code"] in ("request.invalid", "request.unknown_parameter"):
        assert UNSAYABLE.search(problem["detail"]), problem["detail"]
