"""The page of the map in a browser."""

import pytest

pytestmark = pytest.mark.timeout(600)


def test_a_box_on_the_map_counts_lists_and_downloads_and_a_click_shows_a_galaxy(page, service):
    n = service.get("/api/v1/map", params={"limit": 1}).json()["n_total"]
    page.goto("/map")
    page.wait_for_selector("[data-status]:has-text('galaxies')")
    assert page.inner_text("[data-status]") == f"{n} galaxies"
    page.select_option("[data-colour]", "label")
    page.wait_for_selector("[data-legend] span")
    assert "colour=label" in page.url
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2, steps=4)
    page.mouse.up()
    page.wait_for_selector("[data-heading]:has-text('in the box')")
    assert page.inner_text("[data-heading]") == f"{n} galaxies in the box"
    link = page.get_attribute("[data-format=csv]", "href")
    assert service.get(link).text.count("\n") == n + 1
    shown = page.locator("[data-chosen] a").first
    assert service.get(shown.get_attribute("href")).status_code == 200
    # A click where a point is: the first one's place, as the page draws it.
    for place in range(4, 100, 2):
        page.mouse.click(box["x"] + box["width"] * place / 100, box["y"] + box["height"] / 2)
        if "in the box" not in page.inner_text("[data-heading]"):
            break
    assert page.locator("[data-chosen] li").count() == 1
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.complaints == []
    assert page.elsewhere == []
