"""``bourn docs``: the registry as a tree of Markdown files."""

import json
import re
from html.parser import HTMLParser

import pytest
from bourn.describe.tree import pages_of

WRITE = "import sys; from bourn.cli import main; sys.argv = ['bourn', 'docs', sys.argv[1]]; main()"


@pytest.fixture
def tree(shop, tmp_path):
    """Writes the tree, and gives its pages by name."""

    def write():
        folder = tmp_path / "tree"
        done = shop.run(WRITE, str(folder))
        assert done.returncode == 0, done.stderr
        return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}

    return write


class Rendered(HTMLParser):
    """What a reader of Markdown makes of a page: its tags, and its text as it is read."""

    def __init__(self, markdown):
        super().__init__()
        from markdown_it import MarkdownIt

        self.tags, self.hrefs, self.text = [], [], ""
        self.feed(MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(markdown))

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.hrefs += [value for name, value in attributes if name == "href"]

    def handle_data(self, data):
        self.text += data


def test_a_page_has_everything_there_is_to_know(tree):
    page = tree()["destinations/parcel.md"]
    for said in [
        "# parcel\n", "Send it as a parcel.\n", "It takes `three` days:\n", "- one to pack,\n- two on the way.\n",
        "| Shorthand | a `parcels.Label` |", "| From | parcels 2.5 |", "| Takes | any result |",
        "| `number` | integer | `1` | at least 1 | The house. |",
        "| `items` | list of mapping | `[]` | at most 5 items | What is in it. |",
        "| `items[].name` | text | required |  | What it is called. |",
        "| `back.weight` | number | `1.0` | more than 0 kg | How heavy it is. |",
        "- [text](../formats/text.md) (its default): any result\n",
        "- [picture](../formats/picture.md): 'parcel' takes text, not 'picture' (image/png)\n",
        '```python\nbourn.compute(result, destination={"type": "parcel", "street": "name"})\n```',
        "In the section `[plugins.parcel]` of `bourn.toml`",
        '| `post_url` | text | `""` |  | Where the post office is. |',
    ]:  # fmt: skip
        assert said in page
    assert "Parameters" not in page


def test_the_matrix_has_the_reason_in_each_refused_cell(tree):
    matrix = tree()["matrix.md"]
    assert "|  | picture | text |" in matrix
    assert "no: 'parcel' takes text, not 'picture' (image/png) | all |" in matrix
    assert "| [broken](destinations/broken.md) | [broken](destinations/broken.md) is broken |" in matrix


def test_a_broken_plugin_appears_as_broken(tree):
    pages = tree()
    assert (
        "> **Broken.** 'broken' is installed (parcels 2.5) but could not be loaded" in pages["destinations/broken.md"]
    )
    assert "## Problems" in pages["index.md"]


def test_every_error_has_cause_and_cure(tree):
    from bourn import errors

    page = tree()["errors.md"]
    named = [name for name in errors.__all__ if name not in {"BournWarning", "Problem"}]
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert sorted(row[0].strip("|` ") for row in rows) == sorted(named)
    assert all(len(row) == 5 and row[3].strip() and row[4].strip(" |") for row in rows)


@pytest.mark.slow
def test_changing_the_help_of_an_option_changes_the_page_and_nothing_else(shop, tree):
    before = tree()
    shop.write("Where the lorry stops.")
    after = tree()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"destinations/parcel.md", "request.schema.json", "registry.json"}
    lines = [
        line for line in after["destinations/parcel.md"].splitlines() if line not in before["destinations/parcel.md"]
    ]
    assert lines == ["| `street` | text | required | matches ^\\[a-z\\]+\\$ | Where the lorry stops. |"]


@pytest.mark.slow
def test_what_is_uninstalled_is_gone(shop, tree, tmp_path):
    tree()
    mine = tmp_path / "tree/formats/mine.md"
    mine.write_text("# A page of my own\n")
    shop.entry_points.write_text("[bourn.formats]\ntext = parcels:Text\n")
    pages = tree()
    assert sorted(name for name in pages if "/" in name) == ["formats/mine.md", "formats/text.md"]
    assert "parcel" not in pages["matrix.md"] + pages["request.schema.json"]


def test_nothing_of_a_third_partys_text_is_markup(shop, tree):
    """As a reader of GitHub's Markdown sees it, raw HTML let through."""
    page = Rendered(tree()["destinations/parcel.md"])
    assert shop.evil in page.text.replace("\n", " ")
    assert set(page.tags) <= {
        "h1",
        "h2",
        "p",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
        "pre",
        "ul",
        "li",
        "a",
    }
    assert all(re.fullmatch(r"\.\./(formats|destinations)/\w+\.md", href) for href in page.hrefs)


def test_links_lead_to_pages(tree):
    pages = tree()
    for name, text in pages.items():
        if name.endswith(".md"):
            up = "../" * name.count("/")
            hrefs = [href.removeprefix(up) for href in Rendered(text).hrefs]
            assert [href for href in hrefs if href not in pages] == []


def test_the_plainest_example_is_planned(session):
    """Of what is installed: what a page shows of a plugin without examples is a request that bourn takes."""
    described = session.registry.describe()
    for role in ("destination", "format"):
        for plugin in described[f"{role}s"].values():
            halves = {"destination": "download", role: plugin["request"]}
            errors = [problem for problem in _problems(session, halves) if "is required" in problem.message]
            assert errors == []


def _problems(session, halves):
    from bourn.errors import RequestError

    try:
        session.plan(2, **halves)
    except RequestError as error:
        return error.problems
    return []


def test_the_page_of_each_built_in_has_what_is_asked_of_it(session):
    """Shorthand, every option with type and default, compatible formats, examples; for whatever is installed."""
    described = session.registry.describe()
    pages = pages_of(described)
    for role, other in (("destination", "format"), ("format", "destination")):
        for name, plugin in described[f"{role}s"].items():
            head, options, pairs, examples = re.split(
                r"\n## (?:Options|Compatible \w+|Examples)\n", pages[f"{role}s/{name}.md"]
            )
            assert "| Shorthand | " in head
            assert f"| From | {plugin['distribution']} {plugin['version']} |" in head
            for key, schema in plugin["options"].get("properties", {}).items():
                (row,) = [line for line in options.splitlines() if line.startswith(f"| `{key}` |")]
                _, _, kind, default, _, meaning, _ = re.split(r" ?(?<!\\)\| ?", row)
                assert kind
                assert default or "default" not in schema
                assert meaning
            taken = [cell[other] for cell in described["matrix"] if cell[role] == name and cell["kinds"]]
            fitting = re.findall(r"(?m)^- \[(\w+)\]", pairs.partition("Not:")[0])
            assert fitting == taken
            assert examples.count("bourn.compute(") == max(len(plugin["examples"]), 1)


def test_the_same_registry_gives_the_same_pages(session):
    described = session.registry.describe()
    assert pages_of(described) == pages_of(json.loads(json.dumps(described)))
