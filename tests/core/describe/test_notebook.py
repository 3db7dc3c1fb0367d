"""What a registry shows of itself in a notebook."""

import json
from html.parser import HTMLParser
from types import SimpleNamespace

from bourn.describe.example import call_of
from bourn.describe.notebook import as_html


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attributes}

    def handle_data(self, data):
        self.text += f"{data} "


def test_it_is_a_table_with_options_to_unfold(session):
    page = Page(session.registry._repr_html_())
    for said in ["geotiff", "A cloud optimized GeoTIFF of an image.", "bourn-formats 0.1.0", "7 options, examples",
                 "What goes together"]:  # fmt: skip
        assert said in page.text
    assert page.tags.count("details") == len(session.registry.destinations) + len(session.registry.formats) + 1


def test_a_third_partys_text_is_text(shop):
    """Seen in a fresh process, since a plugin is loaded once."""
    done = shop.run("import json; print(json.dumps(R.installed().describe()))")
    assert done.returncode == 0, done.stderr
    page = Page(as_html(json.loads(done.stdout)))
    assert shop.evil in page.text
    assert {"script", "a", "img", "em"} & set(page.tags) == set()
    assert page.attributes <= {"class", "colspan", "data-label"}
    assert "Broken." in page.text


def test_an_example_is_python_whatever_is_in_it():
    for text in ['a"b', "a\\b", "a\nb", "a\u202eb", "ü", "😀", "'\""]:
        call = call_of({"type": "x", "text": [text, (text,)]})
        called = eval(call, {"result": 1, "bourn": SimpleNamespace(compute=lambda _, **halves: halves)})
        assert called == {"destination": {"type": "x", "text": [text, (text,)]}}
