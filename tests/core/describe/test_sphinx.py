"""The Sphinx extension, by building documentation with it."""

import re
from html.parser import HTMLParser

import pytest

pytestmark = pytest.mark.slow

pytest.importorskip("myst_parser", reason="the group `docs` is not installed")

CONF = """
extensions = ["myst_parser", "bourn.describe.sphinx"]
html_theme = "basic"  # the quickest
project = "A platform"
bourn_pages = "plugins"
"""

INDEX = """
A platform
==========

See :bourn:destination:`parcel`, :bourn:format:`text` and :any:`picture`.

.. bourn:destinations::

.. bourn:formats::

.. bourn:matrix::

.. bourn:errors::

.. bourn:problems::

.. bourn:settings::

.. toctree::
   :glob:

   plugins/*/*
   more
"""

MORE = """
# More

Of {bourn:destination}`parcel`:

```{bourn:destination} parcel
:no-index:
```

# Fields

```{bourn:options} bourn.settings.Settings
```
"""

BUILD = """
import sys
from sphinx.cmd.build import main
sys.exit(main(["-W", "--keep-going", "-q", "-b", "html", sys.argv[1], sys.argv[2], *sys.argv[3:]]))
"""


@pytest.fixture
def build(shop, tmp_path):
    """Builds the documentation of a platform; gives the pages by name, and what Sphinx complained of."""
    source, out = tmp_path / "docs", tmp_path / "html"
    source.mkdir()
    (source / "conf.py").write_text(CONF)
    (source / "index.rst").write_text(INDEX)
    (source / "more.md").write_text(MORE)

    def run(*arguments):
        done = shop.run(BUILD, str(source), str(out), *arguments)
        pages = {str(path.relative_to(out)): path.read_text() for path in sorted(out.rglob("*.html"))}
        return pages, done.stderr

    run.source = source
    return run


class Page(HTMLParser):
    """The article of a page: its text as it is read, its tags, and where it leads."""

    def __init__(self, html):
        super().__init__()
        self.text, self.tags, self.hrefs = "", [], []
        self.feed(html.partition('role="main">')[2].partition('role="navigation"')[0])
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.hrefs += [value for name, value in attributes if name == "href"]

    def handle_data(self, data):
        self.text += data


def test_a_platforms_documentation_writes_itself(shop, build):
    pages, warnings = build()
    assert warnings == ""
    parcel = Page(pages["plugins/destinations/parcel.html"])
    for said in [
        "Send it as a parcel.", "Shorthand a parcels.Label", "number integer 1 at least 1 The house.", shop.evil,
        "text (its default): any result", "'parcel' takes text, not 'picture' (image/png)",
        'bourn.compute(result, destination={"type": "parcel", "street": "name"})', "[plugins.parcel]",
    ]:  # fmt: skip
        assert said in parcel.text
    assert {"script", "em", "img"} & set(parcel.tags) == set()
    assert "../formats/text.html#bourn-format-text" in parcel.hrefs
    sections = re.findall(r'<section id="([\w-]+)"', pages["plugins/destinations/parcel.html"])
    assert sections == ["parcel", "options", "compatible-formats", "examples", "settings"]
    broken = Page(pages["plugins/destinations/broken.html"])
    assert "Broken. 'broken' is installed (parcels 2.5) but could not be loaded" in broken.text
    index = Page(pages["index.html"])
    for said in [
        "workers integer",
        "BOURN_WORKERS",
        "broken is broken",
        "no: 'parcel' takes text",
        "UnknownPlugin unknown-plugin RequestError",
        "not_there",
    ]:
        assert said in index.text
    assert {
        "plugins/destinations/parcel.html#bourn-destination-parcel",
        "plugins/formats/picture.html#bourn-format-picture",
    } <= set(index.hrefs)
    more = Page(pages["more.html"]).text
    assert "Send it as a parcel." in more
    assert "workers integer" in more.partition("Fields")[2]


def test_options_of_what_has_none_are_a_warning(build):
    names = ["bourn.nothing.Settings", "bourn.settings.Settinks", "bourn.session.Session", "Session"]
    (build.source / "more.md").write_text(
        "# More\n\n" + "".join(f"```{{bourn:options}} {name}\n```\n" for name in names)
    )
    _, warnings = build()
    assert re.findall(r"the options of '([\w.]+)' can't be described: ", warnings) == names


def test_a_build_follows_what_is_installed(shop, build):
    """A changed help text changes the page although no source of the documentation did; what is gone is gone."""
    build()
    shop.write("Where the lorry stops.")
    pages, _ = build()
    assert "Where the lorry stops." in Page(pages["plugins/destinations/parcel.html"]).text
    assert "Where the lorry stops." in Page(pages["more.html"]).text
    shop.entry_points.write_text("[bourn.formats]\ntext = parcels:Text\n")
    (build.source / "more.md").write_text("# More\n")
    (build.source / "index.rst").write_text(
        "A platform\n==========\n\n.. bourn:matrix::\n\n.. toctree::\n   :glob:\n\n   plugins/*/*\n   more\n"
    )
    pages, warnings = build()
    assert warnings == ""
    assert [path.name for path in sorted(build.source.glob("plugins/*/*"))] == ["text.rst"]
    assert "There is no destination, or no format." in Page(pages["index.html"]).text


def test_a_name_that_nobody_has_is_a_warning(build):
    (build.source / "more.md").write_text("# More\n\n```{bourn:destination} emial\n```\n")
    _, warnings = build()
    assert "more.md:3: WARNING: no destination is called 'emial'; installed: broken, parcel" in warnings


def test_it_reads_in_parallel(build):
    for number in range(12):
        (build.source / f"page{number}.rst").write_text(
            f":orphan:\n\nPage {number}\n========\n\n:bourn:format:`text`\n"
        )
    pages, warnings = build("-j", "2")
    assert warnings == ""
    assert "plugins/formats/text.html#bourn-format-text" in Page(pages["page11.html"]).hrefs
