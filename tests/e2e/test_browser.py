"""The pages in a real browser: search, drop a file, look at anomalies, never ask anyone else."""

import os
import shutil
import sys

import pytest
from support.running import free_port, running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def service(demo, environment, tmp_path_factory):
    port = free_port()
    log = tmp_path_factory.mktemp("log") / "browser.log"
    command = [sys.executable, "-m", "skylike", "serve"]
    with running(command, {**environment, "SKYLIKE_PORT": str(port)}, log=log, port=port) as client:
        yield client


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        # CI installs one: there its absence is a failure.
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)


@pytest.fixture
def page(browser, service):
    """A page that remembers complaints and every host it asked."""
    base = str(service.base_url).rstrip("/")
    page = browser.new_context(base_url=base, viewport={"width": 1280, "height": 900}).new_page()
    page.complaints, page.elsewhere = [], []
    page.on(
        "console", lambda message: page.complaints.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on(
        "request", lambda r: page.elsewhere.append(r.url) if not r.url.startswith((base, "data:")) else None
    )
    yield page
    page.context.close()


def _shown(page):
    """How many pictures of the grid have really been drawn."""
    page.wait_for_load_state("networkidle")
    return page.evaluate(
        "[...document.querySelectorAll('ul.grid img')].slice(0, 4).filter(i => i.complete && i.naturalWidth > 0).length"
    )


def test_from_the_start_page_to_look_alikes_and_on(page):
    page.goto("/")
    assert _shown(page) == 4
    page.locator("ul.grid a.picture").first.click()
    page.wait_for_url("**/search?id=*")
    assert _shown(page) == 4
    assert page.locator("svg.pz, section:has-text('Redshift')").count() > 0
    assert (page.complaints, page.elsewhere) == ([], [])


def test_slash_jumps_to_the_target_box_and_enter_searches(page):
    page.goto("/anomalies")
    object_id = page.locator("ul.grid .id a").first.inner_text()
    page.keyboard.press("/")
    page.keyboard.type(object_id)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?*")
    assert page.locator("aside h1").inner_text() == object_id


def test_a_dropped_file_is_searched(page, service):
    object_id = service.get("/api/v1/anomalies", params={"limit": 3}).json()["objects"][2]["object_id"]
    fits = service.get(f"/api/v1/objects/{object_id}/cutout", params={"format": "fits"}).content
    page.goto("/")
    page.evaluate(
        """bytes => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "galaxy.fits"));
            document.querySelector("[data-drop]").dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
        }""",
        list(fits),
    )
    page.wait_for_url("**/upload")
    assert page.locator("ul.grid .id a").first.inner_text() == object_id
    assert (page.complaints, page.elsewhere) == ([], [])


def test_pages_fit_a_telephone(page):
    page.set_viewport_size({"width": 360, "height": 740})
    for address in ("/", "/anomalies", "/docs", "/random"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
