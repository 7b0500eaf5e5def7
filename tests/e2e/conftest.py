"""One small demo survey for all end-to-end tests, and a browser that looks at it."""

import os
import shutil
import subprocess
import sys

import pytest
from support.running import free_port, running

N_GALAXIES = 40
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """The environment of a newcomer: nothing set but where the data lies and how small the demo is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SKYLIKE_")}
    data = tmp_path_factory.mktemp("demo") / "data"
    return {**kept, "SKYLIKE_DATA_DIR": str(data), "SKYLIKE_DEMO_N": str(N_GALAXIES)}


@pytest.fixture(scope="session")
def skylike(environment):
    """Run the command and wait for it."""

    def call(*arguments, **extra):
        command = [sys.executable, "-m", "skylike", *arguments]
        return subprocess.run(
            command, env={**environment, **extra}, check=False, capture_output=True, text=True, timeout=280
        )

    return call


@pytest.fixture(scope="session")
def demo(skylike):
    """The demo survey, made, indexed and ingested into SQLite; what the command said."""
    done = skylike("demo", "--no-serve")
    assert done.returncode == 0, done.stderr
    return done


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
