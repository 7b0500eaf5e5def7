"""Web pages as tests look at them."""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["Page"]


class Page(HTMLParser):
    """Collects what tests ask of a page."""

    def __init__(self, html):
        super().__init__()
        self.links, self.images, self.scripts, self.styles, self.text = [], [], [], [], []
        self.inputs, self.buttons = {}, []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        assert "style" not in given, "the content security policy forbids inline styles"
        assert not any(name.startswith("on") for name in given), "and inline handlers"
        if tag == "input":
            self.inputs[given.get("name")] = given
        {
            "a": self.links,
            "img": self.images,
            "script": self.scripts,
            "link": self.styles,
            "button": self.buttons,
        }.get(tag, []).append(given)

    def handle_data(self, data):
        self.text.append(data)

    @property
    def pictures(self):
        """The images that the page is about."""
        return [image for image in self.images if image.get("class") != "small"]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())
