"""The upload in a real browser: look at what was understood, correct it, search; refusals keep everything."""

import io
import re

import pytest
from astropy.io import fits
from playwright.sync_api import expect
from support.fits_files import single

TELEPHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
OCTETS = "application/octet-stream"


@pytest.fixture(scope="module")
def known(service):
    """A galaxy of the catalogue: its id and its FITS cutout."""
    object_id = service.get("/api/v1/anomalies", params={"limit": 3}).json()["objects"][2]["object_id"]
    return object_id, service.get(f"/api/v1/objects/{object_id}/cutout", params={"format": "fits"}).content


def split(data, first_bands):
    """Four planes and the z plane in a file each; the first file calls its planes ``first_bands``."""
    with fits.open(io.BytesIO(data)) as hdus:
        planes, header = hdus[0].data, hdus[0].header.copy()
    for key in [key for key in header if re.match(r"BAND", key)]:
        del header[key]
    header["SURVEY"] = "SDSS"
    made = []
    for name, pixels, key, bands in (
        ("four.fits", planes[:4], "BANDS", first_bands),
        ("z.fits", planes[4], "BAND", "z"),
    ):
        stream = io.BytesIO()
        fits.PrimaryHDU(pixels, fits.Header([*header.cards, (key, bands)])).writeto(stream)
        made.append({"name": name, "mimeType": OCTETS, "buffer": stream.getvalue()})
    return made


def drop(page, *files):
    """Drop files on the form as a person does."""
    page.evaluate(
        """files => {
            const data = new DataTransfer();
            for (const [name, bytes] of files) data.items.add(new File([new Uint8Array(bytes)], name));
            document.querySelector("[data-drop]").dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
        }""",
        [[file["name"], list(file["buffer"])] for file in files],
    )


def understood(page):
    return page.locator("[data-understood]")


def test_two_dropped_files_are_looked_at_corrected_and_searched(page, known):
    object_id, data = known
    four, z = split(data, "urgi")
    page.goto("/")
    drop(page, four)
    drop(page, z)
    expect(page.locator("[data-files] li")).to_have_count(2)
    expect(understood(page)).to_contain_text("Bands sdss:u")
    expect(understood(page).locator("svg.preview")).to_be_visible()
    page.fill("input[name=bands]", "ugriz")
    page.click("[data-check]")
    expect(understood(page)).to_contain_text("as you said")
    expect(page.locator("input[name=bands]")).to_have_value("ugriz")
    page.click("[data-find]")
    page.wait_for_url("**/upload")
    expect(page.locator("ul.grid .id a").first).to_have_text(object_id)
    assert (page.complaints, page.elsewhere) == ([], [])
    page.go_back()
    expect(page.locator("[data-files] li")).to_have_count(2)
    expect(page.locator("input[name=bands]")).to_have_value("ugriz")
    page.go_forward()
    expect(page.locator("ul.grid .id a").first).to_have_text(object_id)


@pytest.mark.parametrize("size", [DESK, TELEPHONE], ids=["desk", "telephone"])
def test_a_refusal_keeps_the_file_and_points_at_the_field(page, size):
    page.set_viewport_size(size)
    page.goto("/upload")
    page.click("summary")
    page.fill("input[name=zeropoint]", "22.5")
    hostile = "<img src=x onerror=document.title=1>.fits"
    page.set_input_files("input[type=file]", [{"name": hostile, "mimeType": OCTETS, "buffer": single(None)}])
    expect(page.locator("[data-refusal]")).to_contain_text("Tell me its band")
    expect(page.locator("input[name=bands]")).to_be_focused()
    expect(page.locator("[data-files] .id")).to_have_text(hostile)
    assert page.locator("[data-files] img").count() == 0
    page.keyboard.type("nonsense")
    page.keyboard.press("Enter")
    expect(page.locator("[data-refusal]")).to_contain_text("no known bands")
    assert page.input_value("input[name=zeropoint]") == "22.5"
    assert page.input_value("input[name=bands]") == "nonsense"
    assert page.evaluate("document.querySelector('input[type=file]').files.length") == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert [text for text in page.complaints if "status of 422" not in text] == []


def test_too_much_is_said_before_anything_is_sent(page):
    page.goto("/upload")
    posts = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    drop(page, *({"name": f"{n}.fits", "buffer": b"SIMPLE"} for n in range(11)))
    expect(page.locator("[data-status]")).to_contain_text(
        "11 files are chosen; one galaxy may have 9. Remove 2."
    )
    page.get_by_label("Remove 3.fits").click()
    expect(page.locator("[data-files] li")).to_have_count(10)
    page.click("[data-find]")
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(33 << 20)], "large.fits"));
            const input = document.querySelector("input[type=file]");
            input.files = data.files;
            input.dispatchEvent(new Event("change"));
        }"""
    )
    expect(page.locator("[data-status]")).to_contain_text("33.0 MiB; the limit is 32.0 MiB")
    page.click("[data-find]")
    assert posts == []


def test_a_slow_upload_tells_how_far_it_is_and_can_be_cancelled(page):
    page.goto("/upload")
    slow = page.context.new_cdp_session(page)
    slow.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 256 << 10}
    slow.send("Network.emulateNetworkConditions", limits)
    page.set_input_files(
        "input[type=file]", [{"name": "slow.fits", "mimeType": OCTETS, "buffer": bytes(8 << 20)}]
    )
    expect(page.locator("[data-status]")).to_have_text(
        re.compile(r"of 8\.0 MiB sent, about \d+ s left"), timeout=15_000
    )
    page.click("[data-cancel]")
    expect(page.locator("[data-status]")).to_contain_text("Cancelled")
    expect(page.locator("[data-sending]")).to_be_hidden()
    expect(page.locator("[data-files] li")).to_have_count(1)


def test_a_lost_connection_loses_nothing(page, known):
    page.goto("/upload")
    page.route("**/upload/check", lambda route: route.abort())
    page.set_input_files("input[type=file]", [{"name": "a.fits", "mimeType": OCTETS, "buffer": known[1]}])
    expect(page.locator("[data-status]")).to_contain_text("could not be sent")
    page.unroute("**/upload/check")
    page.click("[data-check]")
    expect(understood(page)).to_be_visible()


def test_other_files_do_not_inherit_what_was_understood(page, known):
    page.goto("/upload")
    page.set_input_files("input[type=file]", [{"name": "a.fits", "mimeType": OCTETS, "buffer": known[1]}])
    expect(understood(page)).to_be_visible()
    assert page.input_value("input[name=pixscale]") != ""
    page.get_by_label("Remove a.fits").click()
    assert page.input_value("input[name=pixscale]") == ""
    expect(understood(page)).to_have_count(0)


def test_an_upload_is_kept_found_again_and_deleted(page, known):
    object_id, data = known
    page.goto("/upload")
    page.set_input_files("input[type=file]", [{"name": "mine.fits", "mimeType": OCTETS, "buffer": data}])
    expect(understood(page)).to_be_visible()
    page.check("input[name=keep]")
    page.click("[data-find]")
    page.locator("[data-results]").get_by_role("link", name="Your uploads").click()
    expect(page.locator("ul.kept .id")).to_have_text("mine.fits")
    page.click("text=Find neighbours again")
    expect(page.locator("ul.grid .id a").first).to_have_text(object_id)
    page.locator("[data-results]").get_by_role("link", name="Your uploads").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("main")).to_contain_text("Nothing is kept")
    assert (page.complaints, page.elsewhere) == ([], [])
