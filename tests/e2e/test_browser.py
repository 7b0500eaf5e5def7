"""The pages in a real browser: search, look at anomalies, never ask anyone else."""


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


def test_anomalies_stand_under_their_cause_with_the_reason_and_filters(page, service):
    page.goto("/anomalies")
    assert _shown(page) == 4
    counts = service.get("/api/v1/anomalies", params={"limit": 1}).json()["n_by_cause"]
    tabs = page.locator("nav.tabs a")
    assert [tab.split()[-1] for tab in tabs.all_inner_texts()] == [
        str(counts[name]) for name in ("astrophysical", "blend", "data_quality")
    ] + [str(sum(counts.values()))]
    tabs.nth(3).click()
    page.wait_for_url("**cause=any*")
    assert "normal galax" in page.locator("ul.grid figcaption p").first.inner_text()
    page.locator("summary:has-text('Detector')").click()
    page.select_option("select[name=detector]", "lof")
    page.fill("input[name=z_min]", "0.1")
    page.click("button:has-text('Show')")
    page.wait_for_url("**z_min=0.1*")
    asked = {"detector": "lof", "z_min": 0.1, "cause": "any", "limit": 48}
    listed = service.get("/api/v1/anomalies", params=asked).json()["objects"]
    assert page.locator("ul.grid .id a").all_inner_texts() == [one["object_id"] for one in listed]
    assert (page.complaints, page.elsewhere) == ([], [])


def test_pages_fit_a_telephone(page):
    page.set_viewport_size({"width": 360, "height": 740})
    for address in ("/", "/anomalies", "/docs", "/random", "/upload"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, address
