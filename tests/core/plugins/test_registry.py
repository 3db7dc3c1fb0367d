"""The registry: names, folding, clashes, shorthands, and plugins that are given instead of installed."""

from __future__ import annotations

import attrs
import pytest
from bourn.errors import UnknownPlugin
from bourn.plugin import Destination, Example, Format, Receipt, option
from bourn.plugins.registry import Registry


@attrs.frozen
class Options:
    shelf: str = option(default="top", help="Where.")


class Shelf(Destination[Options]):
    """Put it on a shelf.

    More words.
    """

    examples = (Example("On top", destination={"type": "shelf"}),)

    def deliver(self, artifact, options, context):
        return Receipt()


class Text(Format):
    """As text."""

    media_type, suffix = "text/plain", ".txt"

    def encode(self, result, options, sink):
        return {}


@attrs.frozen
class Book:
    title: str = ""


class Novel(Book):
    pass


@pytest.fixture
def registry():
    return Registry.of(
        destinations={"shelf": Shelf, "email": Shelf()},
        formats={"text": Text, "json": Text},
        shorthands={"shelf": Book},
    )


def test_names_are_listed_in_order_and_the_mappings_are_read_only(registry):
    assert list(registry.destinations) == ["email", "shelf"]
    assert list(registry.formats) == ["json", "text"]
    with pytest.raises(TypeError):
        registry.formats["x"] = None
    with pytest.raises(KeyError):
        registry.formats["x"]


def test_a_spec_tells_what_it_is(registry):
    spec = registry.find("destination", "Shelf")
    assert (spec.name, spec.role, spec.distribution, spec.version) == ("shelf", "destination", "given", "0")
    assert Options is spec.options
    assert spec.summary == "Put it on a shelf."
    assert spec.schema["properties"]["shelf"]["description"] == "Where."
    assert spec.examples[0].title == "On top"
    assert isinstance(spec.load(), Shelf)
    assert repr(spec) == "<Spec destination 'shelf' (given 0)>"


@pytest.mark.parametrize(
    ("role", "name", "text"),
    [
        ("destination", "emial", "no destination is called 'emial'. Installed: email, shelf. Did you mean 'email'?"),
        ("format", "parquet", "no format is called 'parquet'. Installed: json, text. pip install bourn-tables"),
        (
            "destination",
            "Download",
            "no destination is called 'Download'. Installed: email, shelf. pip install bourn-download",
        ),
        ("format", "download", "no format is called 'download'. Installed: json, text."),
        ("destination", "JSON", "'json' is a format; give it as format="),
        ("format", "email", "'email' is a destination; give it as destination="),
        ("destination", "__class__", "no destination is called '__class__'. Installed: email, shelf."),
        ("destination", "", "no destination is called ''. Installed: email, shelf."),
        ("destination", "\u0435mail", None),
        ("destination", "x" * 10**6, None),
        ("destination", "a\x00\u202eb", None),
    ],
)
def test_a_name_that_is_not_installed_is_refused_with_the_nearest(registry, role, name, text):
    with pytest.raises(UnknownPlugin) as caught:
        registry.find(role, name)
    (problem,) = caught.value.problems
    assert role == problem.path
    assert problem.message.isprintable()
    assert len(problem.message) < 400
    if text is not None:
        assert text == problem.message


def test_an_object_of_a_shorthands_class_is_claimed(registry):
    assert registry.shorthand_of(Book()) == ("destination", "shelf")
    assert registry.shorthand_of(Novel()) == ("destination", "shelf")
    assert registry.shorthand_of("shelf") is None


def test_an_object_is_asked_nothing_but_its_type(registry):
    class Pretender:
        def __getattribute__(self, name):
            raise RuntimeError(name)

    class Lazy:
        __class__ = Book

    assert registry.shorthand_of(Pretender()) is None
    assert registry.shorthand_of(Lazy()) is None


def test_a_shorthand_is_found_under_the_name_it_is_exported_by_and_nothing_is_imported_for_it(install):
    import sys

    install(
        "bourn-books",
        {"destinations": {"books": "books_main:Books"}, "shorthands": {"books": "books_front:Book"}},
        books_main="raise AssertionError\n",
        books_inner="class Book: ...\n",
        books_front="from books_inner import Book\n",
    )
    registry = install.registry()
    assert registry.shorthand_of(Book()) is None
    assert not {"books_main", "books_inner", "books_front"} & set(sys.modules)
    import books_front

    assert registry.shorthand_of(books_front.Book()) == ("destination", "books")
    subclass = type("Novel", (books_front.Book,), {})
    assert registry.shorthand_of(subclass()) == ("destination", "books")
    assert "books_main" not in sys.modules


def test_a_shorthand_that_a_package_exports_lazily_is_found(install):
    install("bourn-lazy", {"formats": {"lazy": "lazy_books.main:Books"}, "shorthands": {"lazy": "lazy_books:Book"}})
    package = install.folder / "lazy_books"
    package.mkdir()
    (package / "inner.py").write_text("class Book: ...\n")
    (package / "__init__.py").write_text(
        "def __getattr__(name):\n    import lazy_books.inner\n    return lazy_books.inner.Book\n"
    )
    import lazy_books

    assert install.registry().shorthand_of(lazy_books.Book()) == ("format", "lazy")


def test_options_are_those_of_the_plugin_whose_class_they_are():
    class Other(Format):
        Options = attrs.make_class("Own", {"x": option(default=1, help="x")} | {}, frozen=True)

        def encode(self, result, options, sink):
            return {}

    Other.Options.__attrs_attrs__  # noqa: B018  # it is an attrs class
    registry = Registry.of(destinations={"shelf": Shelf}, formats={"text": Text})
    assert registry.of_options("destination", Options()).name == "shelf"
    assert registry.of_options("format", Options()) is None
    assert registry.of_options("destination", 5) is None


def test_what_many_plugins_share_is_nobodys_options(registry):
    assert registry.of_options("destination", Options()) is None


def test_given_plugins_are_held_to_the_same_contract():
    registry = Registry.of(destinations={"Bad": Shelf, "text": Text})
    assert [problem.reason for problem in registry.check()] == [
        "the name 'Bad' can't be used: a name is at most 64 of a-z, 0-9, _ and -, and begins with a letter",
        "Text is a Format; it belongs in the entry points bourn.formats",
    ]


def test_the_registry_describes_itself_as_json(registry):
    import json

    described = json.loads(json.dumps(registry.describe()))
    shelf = described["destinations"]["shelf"]
    assert shelf["summary"] == "Put it on a shelf."
    assert shelf["examples"] == [{"title": "On top", "destination": {"type": "shelf"}}]
    assert described["formats"]["text"]["media_type"] == "text/plain"
    assert len(described["matrix"]) == 4
    assert described["problems"] == []


def test_what_is_really_installed_is_listed():
    from importlib.metadata import entry_points

    registry = Registry.installed()
    for group, named in (("bourn.destinations", registry.destinations), ("bourn.formats", registry.formats)):
        assert sorted(entry.name for entry in entry_points(group=group)) == list(named)
