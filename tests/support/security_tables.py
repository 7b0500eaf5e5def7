"""The tables of docs/security.md: the limits as the code has them, the hostile rows as the tests have them."""

import ast
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

FITS = "integration/test_hostile_fits.py"
PICTURES = "integration/test_hostile_pictures.py"
HTTP = "integration/test_hostile_http.py"
JSON = "integration/test_hostile_json.py"
REFUSALS = "integration/test_service_refusals.py"
KEPT = "integration/test_kept_uploads.py"

_FILE = f"{FITS}::test_a_hostile_file_has_its_answer_and_the_next_good_one_too"
_PICTURE = f"{PICTURES}::test_a_hostile_picture_has_its_answer_and_the_next_good_file_too"
_WIRE = f"{HTTP}::test_a_hostile_request_has_its_answer_and_the_next_good_one_too"


@dataclass(frozen=True)
class Row:
    """One row of the hostile table.

    Attributes
    ----------
    sent
        What a stranger sends.
    said
        What we answer and why, beyond the codes that the cases of the row name.
    tests
        ``file::test`` under tests/, beside the tables of cases.
    """

    sent: str
    said: str = ""
    tests: tuple[str, ...] = field(default=())


ROWS = {
    1: Row("a header without END", "100 MB: 413 before they come", (f"{FITS}::test_a_hundred_megabytes_without_end_are_refused_before_they_come",)),
    2: Row("999 axes"),
    3: Row("10^9 axes"),
    4: Row("10^10 pixels claimed", "no memory taken", (f"{FITS}::test_a_size_that_is_only_claimed_takes_no_memory_of_the_service",)),
    5: Row("2^93 pixels claimed"),
    6: Row("a negative axis"),
    7: Row("BITPIX that does not exist"),
    8: Row("NAXIS a text, a float, missing"),
    9: Row("data shorter than declared", "at every block", (f"{FITS}::test_a_file_cut_at_any_block_is_refused_as_cut",)),
    10: Row("GCOUNT of 10^9"),
    11: Row("negative PCOUNT, HDUs that overlap"),
    12: Row("random groups"),
    13: Row("10^4 HDUs", "10^5 are beyond the largest body: 413"),
    14: Row("10^6 cards", "within 144 blocks read; more refused; beyond the largest body 413"),
    15: Row("50,000 CONTINUE cards"),
    16: Row("tile bomb, GZIP_1", "also one whose headers are honest: the child's memory ends it"),
    17: Row("tile bomb, RICE_1"),
    18: Row("PLIO_1"),
    19: Row("HCOMPRESS_1", "past the prescan it kills only its child", ("integration/test_sandbox.py::test_an_interpreter_killer_kills_only_its_child",)),
    20: Row("ZTILEn of 0, -5, beyond the image"),
    21: Row("ZBITPIX, ZNAXIS, rows that do not fit"),
    22: Row("tables of 10^10 rows or impossible columns", "tables are passed over by their size and never read"),
    23: Row("NaN or infinities alone"),
    24: Row("an axis of length 0"),
    25: Row("BLANK, BSCALE, BZERO beyond reason", "an impossible BLANK is no pixel's value, and ignored"),
    26: Row("constant image, one hot pixel, all negative", "a constant image has no direction in any embedding; the others have the same finite answer each time", (f"{FITS}::test_an_odd_image_has_the_same_finite_answer_each_time",)),
    27: Row("gzip and bzip2 bombs", "one layer is unpacked in the child up to its limit, since SDSS frames are .bz2; no second layer"),
    28: Row("file names and cards that are URLs, commands, paths", "200: the name is text, nothing is fetched or made", (f"{FITS}::test_names_and_cards_that_point_somewhere_are_followed_nowhere", "integration/test_sandbox.py::test_a_file_name_is_text_and_never_opened")),
    29: Row("SIP of order 10^4, WCSAXES of 10^6, singular or infinite WCS", "what hangs a parser is refused; a WCS that gives no scale asks for `pixscale=`"),
    30: Row("NUL, 8-bit bytes, escapes in cards", "refused where structure depends on the card; elsewhere text that real archives write, and no line of the log breaks", (f"{FITS}::test_no_card_breaks_a_line_of_the_log",)),
    31: Row("garbage at the end, two files in one", "the first file is read, and the report says what was ignored"),
    32: Row("PNG of 40,000 px a side"),
    33: Row("PNG of 13,300 px a side; data beyond its size", "Pillow stops at the declared size"),
    34: Row("JPEG of 13,300 px a side"),
    35: Row("every mode of PNG and JPEG", "all read: 16 bits to their upper 8, transparency on black, grey as three channels", (f"{PICTURES}::test_the_ways_of_writing_one_picture_have_one_answer", "unit/test_display.py::test_other_modes_become_rgb")),
    36: Row("text, ICC and EXIF bombs, odd orientation", "metadata is dropped; an orientation is not obeyed: pixels count as stored", (f"{PICTURES}::test_an_orientation_is_not_obeyed_the_pixels_are_taken_as_stored",)),
    37: Row("GIF, APNG, TIFF, WebP, PSD, EPS, AVIF and others", "with what to do instead", ("unit/test_file_kinds.py::test_a_kind_is_told_by_its_bytes_and_refused_with_its_remedy",)),
    38: Row("polyglots", "`nosniff`; only pixels encoded anew are shown", (f"{PICTURES}::test_only_pixels_encoded_anew_come_back_on_the_page",)),
    39: Row("SVG, XML, HTML called PNG"),
    40: Row("FITS called PNG and the reverse", "the bytes decide, and must be what was declared", (f"{PICTURES}::test_fits_bytes_as_a_picture_are_refused_and_the_other_way_round",)),
    41: Row("HDF5 and ASDF that point to files", "never opened"),
    42: Row("npy, pickle", "never opened"),
    43: Row("slow headers, slow bodies, slow readers", "closed after the times above", tuple(f"integration/test_protocol.py::{name}" for name in ("test_a_request_that_does_not_come_is_not_waited_for", "test_header_bytes_one_by_one_do_not_buy_time", "test_a_body_that_trickles_is_given_up", "test_an_answer_that_nobody_reads_is_given_up", "test_empty_lines_do_not_keep_an_idle_connection"))),
    44: Row("10 GB, endless chunks", "at the first byte too many; nothing on disk", (f"{HTTP}::test_an_upload_leaves_nothing_on_the_disk", f"{REFUSALS}::test_a_body_beyond_the_limit_is_refused", "unit/test_body_limit.py::test_one_more_is_refused_and_those_that_are_held_are_not_harmed")),
    45: Row("10,000 files in a form"),
    46: Row("400 fields of 1 MB", "less than 64 MiB of memory", (f"{HTTP}::test_400_fields_of_a_megabyte_are_refused_while_they_come",)),
    47: Row("forms with endless headers, preambles, semicolons"),
    48: Row("headers, addresses, trailers without end", "the parser's own refusals are plain text", ("integration/test_protocol.py::test_what_frames_a_body_may_not_outweigh_it",)),
    49: Row("smuggling, negative lengths, bad chunks", "by the parser, and one answer only", ("integration/test_protocol.py::test_a_trailer_adds_nothing_to_the_headers",)),
    50: Row("JSON of depth 100,000", "400 `request.unreadable`", (f"{JSON}::test_no_json_body_makes_a_path_fail", f"{REFUSALS}::test_a_hostile_body_is_a_problem")),
    51: Row("NaN, Infinity, 1e400 in JSON and numbers", "400 or 422, never repeated", (f"{JSON}::test_no_json_body_makes_a_path_fail", f"{JSON}::test_what_is_no_number_is_no_value_of_any_number", f"{REFUSALS}::test_a_refused_field_is_named_but_its_value_is_not_repeated")),
    52: Row("lone surrogates, NUL, right-to-left, endless ids", "400, 404 or 422 in JSON, queries and paths; file names are text", (f"{JSON}::test_no_text_in_any_parameter_makes_a_path_fail", f"{JSON}::test_no_file_name_makes_an_upload_fail", f"{JSON}::test_no_field_of_the_form_makes_the_page_fail", f"{REFUSALS}::test_a_hostile_id_is_a_problem")),
    53: Row("10^6 values, 200,000 keys", "413 or 422, counted before they are validated", (f"{REFUSALS}::test_a_body_of_very_many_values_is_refused_by_their_number_alone", f"{JSON}::test_rows_of_a_table_are_bounded_before_or_by_the_sandbox")),
    54: Row("10,000 ranges", "answered whole, or refused by the size of the header"),
    55: Row("`Host`, `X-Forwarded-*`, open redirects", "shown nowhere; a claimed address counts only from a known proxy", (f"{HTTP}::test_a_name_that_others_may_claim_is_shown_nowhere_and_leads_nowhere", f"{HTTP}::test_an_address_that_a_client_claims_is_not_believed_unless_its_proxy_is_known")),
    56: Row("clients that hang up", "the child runs to its limits at most, then the place is free", (f"{HTTP}::test_a_hundred_clients_that_hang_up_free_their_places",)),
    57: Row("k of 0, -1, 10^9, no number", "422 `request.invalid`", (f"{REFUSALS}::test_a_hostile_query_is_a_problem", f"{JSON}::test_what_is_no_number_is_no_value_of_any_number")),
    58: Row("NaN, zero or wrong-length vectors", "no path takes a vector; an image that has none is 422 `fits.values`", ("integration/test_sandbox.py::test_values_no_galaxy_has_are_refused",)),
    59: Row("positions off the sphere, huge cones, poles", "422, or what a pass over every object finds", (f"{REFUSALS}::test_a_hostile_query_is_a_problem", "property/test_cone_laws.py::test_a_cone_is_brute_force", "property/test_sphere.py::test_cone_off_the_sphere_is_refused")),
    60: Row("SQL, wild cards, templates in ids and filters", "404 or 422: parameters are bound, columns are an enumeration", (f"{REFUSALS}::test_a_hostile_id_is_a_problem", f"{JSON}::test_no_text_in_any_parameter_makes_a_path_fail")),
    61: Row("deep offsets, long lists, regular expressions", "422: lists go by cursors, nothing takes an expression", (f"{REFUSALS}::test_a_hostile_query_is_a_problem",)),
    62: Row("someone else's id", "404, the same as for an id that does not exist", ("integration/test_kept_by_whom.py::test_nobody_sees_or_touches_what_is_anothers", "integration/test_kept_by_whom.py::test_nobody_sees_or_touches_what_is_anothers_on_the_pages", "integration/test_jobs_over_http.py::test_nobody_sees_or_touches_anothers_job")),
    63: Row("paths and look-alikes as names", "404 or 422: names are looked up, never joined to a path", (f"{JSON}::test_no_name_leads_out_of_what_is_served",)),
    64: Row("the same request again", "one stored upload, the same id", (f"{KEPT}::test_the_same_twice_is_one_upload_and_other_words_make_another", f"{KEPT}::test_many_who_keep_the_same_at_once_are_given_one_id")),
}  # fmt: skip


def cases():
    """Every case of the three tables with the test that runs it."""
    from support import hostile_fits, hostile_http, hostile_pictures

    return [
        *((case, _FILE) for case in hostile_fits.CASES),
        *((case, _PICTURE) for case in hostile_pictures.CASES),
        *((case, _WIRE) for case in hostile_http.CASES),
    ]


def tests_of(number):
    """The tests of a row, ``file::test`` each, the table of cases first."""
    return list(dict.fromkeys([*(test for case, test in cases() if case.row == number), *ROWS[number].tests]))


def functions_of(file):
    """The names of a test file's functions."""
    tree = ast.parse((TESTS / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def hostile():
    """The hostile table."""
    lines = ["| row | what is sent | what we answer | tests |", "| --- | --- | --- | --- |"]
    for number, row in ROWS.items():
        found = [(case.status, case.code) for case, _ in cases() if case.row == number]
        codes = [f"{status} `{code}`" if code else str(status) for status, code in dict.fromkeys(found)]
        said = "; ".join([", ".join(codes), row.said] if codes and row.said else codes or [row.said])
        tests = "<br>".join(f"`{test.rpartition('/')[2]}`" for test in tests_of(number))
        lines.append(f"| {number} | {row.sent} | {said} | {tests} |")
    return "\n".join(lines)


def limits():
    """Every limit that a stranger may meet."""
    from service import (
        archive_streams,
        archives,
        forms,
        media,
        middleware,
        sandbox,
        sandbox_limits,
        table_files,
    )
    from service.operations import cutout_reading
    from service.parameters import MAX_ID_LENGTH
    from service.protocol import PatientProtocol
    from service.settings import Settings
    from survey import magic, prescan, prescan_cards, prescan_pictures, wrappers

    fields = Settings.model_fields
    mib = 1 << 20
    box = sandbox.Sandbox.__init__.__kwdefaults__
    patient = PatientProtocol

    def setting(name, unit="", divided=1):
        return f"{fields[name].default // divided}{unit}, `SKYLIKE_{name.upper()}`"

    rows = [
        ("request line and headers", f"{middleware.MAX_HEADER_BYTES >> 10} KiB (431); the connection ends at {patient.header_bytes >> 10} KiB"),
        ("time for headers, for each MiB of a body, for a reader", f"{patient.header_seconds:g} s, {patient.body_seconds:g} s, {patient.answer_seconds:g} s"),
        ("framing of a chunked body, trailers", f"{patient.header_bytes >> 10} KiB and as many bytes as the body has"),
        ("JSON body", setting("json_max_bytes", " MiB", mib)),
        ("upload, all files together", setting("upload_max_bytes", " MiB", mib)),
        ("bodies of all clients together; of one client", f"{middleware.MAX_BODIES} times the largest upload, one of them for bodies within {middleware.SMALL_BODY // mib} MiB; {middleware.MAX_BODIES // 4} times"),
        ("heavy requests of one client at once", setting("heavy_per_client")),
        ("files of a form; a field; its Content-Type", f"{sandbox.MAX_FILES}; {forms.MAX_FIELD_BYTES >> 10} KiB; {media.MAX_FORM_TYPE} characters"),
        ("rows of a batch", setting("batch_rows")),
        ("a table that is the body of a batch; its columns", f"{setting('table_max_bytes', ' MiB', mib)}; {table_files.MAX_COLUMNS}"),
        ("processor time of a child with a large table", f"{sandbox_limits.CPU_SECONDS} s and half a second a MiB, {sandbox_limits.MAX_CPU_SECONDS} s at most"),
        ("archive or table of cutouts, packed and unpacked; those answered at once", f"{setting('archive_max_bytes', ' MiB', mib)}; {setting('cutout_rows')}"),
        ("unpacked over packed size of an archive, beyond the first bytes", f"{archive_streams.MAX_RATIO} times, beyond {archive_streams.RATIO_FREE_BYTES // mib} MiB"),
        ("a member of an archive; members that may kill their reader before the rest is refused", f"{archives.MAX_MEMBER_BYTES // mib} MiB; {cutout_reading.MAX_DEATHS}"),
        ("an id", f"{MAX_ID_LENGTH} characters"),
        ("unpacked from gzip or bzip2, one layer", f"{wrappers.MAX_UNPACKED_BYTES // mib} MiB, {wrappers.MAX_STREAMS} streams"),
        ("a FITS header; all of an upload", f"{prescan_cards.MAX_HEADER_BLOCKS} blocks of {prescan_cards.BLOCK} bytes; {prescan.MAX_ALL_BLOCKS} blocks"),
        ("structural cards of a FITS header; one of them", f"{prescan_cards.MAX_STRUCTURAL}; {prescan_cards.MAX_REPEATS} times"),
        ("HDUs; columns of a table", f"{prescan.MAX_HDUS}; {prescan.MAX_FIELDS}"),
        ("pixels of an image; of all images of a file", f"{magic.MAX_PIXELS:,}; {prescan.MAX_TOTAL_PIXELS:,}"),
        ("planes of an image", str(prescan.MAX_PLANES)),
        ("side of a picture; chunks of a PNG", f"{magic.MAX_IMAGE_SIDE} px; {prescan_pictures.MAX_CHUNKS:,}"),
        ("a parsing child: memory", f"{sandbox_limits.MEMORY_BYTES // mib} MiB of addresses"),
        ("a parsing child: time", f"{sandbox_limits.CPU_SECONDS} s of processor, {box['wall_seconds']:g} s by the clock"),
        ("parsing children at once; uploads that wait", f"{setting('sandbox_children')}; {setting('sandbox_queue')}"),
        ("searches at once; that wait", f"{setting('search_workers')}; {setting('search_queue')}"),
        ("rows of a job; an owner's unfinished jobs, and those of all strangers together; their bytes", f"{setting('job_rows')}; {setting('jobs_per_owner')}; {setting('job_bytes_per_owner', ' MiB', mib)}"),
        ("kept uploads of one owner", f"{setting('kept_per_owner')}; {setting('kept_bytes_per_owner', ' MiB', mib)}"),
    ]  # fmt: skip
    return "\n".join(
        ["| what | limit |", "| --- | --- |", *(f"| {what} | {limit} |" for what, limit in rows)]
    )
