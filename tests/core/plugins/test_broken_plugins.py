"""All kinds of broken plugin, installed at once: each is listed with its distribution and reason, and hurts nobody."""

from __future__ import annotations

import pytest
from bourn.errors import PluginError

HEAD = """
    import attrs
    from bourn.plugin import ANY, Destination, Format, Receipt, option
"""

DESTINATION = """
    class Plugin(Destination):
        '''Good.'''
        formats = ("good",)

        def deliver(self, artifact, options, context):
            return Receipt()
"""


def destination(body, head=""):
    """A module with a destination that has one thing wrong with it."""
    return HEAD + head + DESTINATION + "".join(f"        {line}\n" for line in body.splitlines())


KINDS = "array, features, image, table, value"
SEVERAL = (
    f"kinds must be ANY or a tuple of {KINDS}, got a tuple of 0; "
    "gives_data must be True or False, got 1; retry_for must be a timedelta of 0 or more, got 5"
)

# What is in the module, and what must be said of it.
DESTINATIONS = {
    "syntax": ("def broken(:\n", "SyntaxError: invalid syntax (syntax_plugin.py, line 1)"),
    "import": ("import rasterio_of_nobody\n", "No module named 'rasterio_of_nobody'"),
    "exits": ("raise SystemExit(3)\n", "SystemExit: 3"),
    "generator": ("raise GeneratorExit\n", "GeneratorExit"),
    "keyerror": ("{}['x']\n", "KeyError: 'x'"),
    "unsayable": (
        "class E(Exception):\n    def __str__(self):\n        raise RuntimeError\nraise E\n",
        "E",
    ),
    "recursion": ("def f():\n    f()\nf()\n", "RecursionError: maximum recursion depth exceeded"),
    "attribute": ("Other = 1\n", "AttributeError: module 'attribute_plugin' has no attribute 'Plugin'"),
    "module": (None, "No module named 'module_plugin'"),
    "function": (
        "def Plugin(): ...\n",
        "expected a subclass of bourn.plugin.Destination, got an object of type builtins.function",
    ),
    "unrelated": (
        "class Plugin: ...\n",
        "expected a subclass of bourn.plugin.Destination, got the class unrelated_plugin.Plugin",
    ),
    "wrongrole": (
        HEAD + "    class Plugin(Format): ...\n",
        "Plugin is a Format; it belongs in the entry points bourn.formats",
    ),
    "arguments": (
        destination("def __init__(self, url): ..."),
        "Plugin() must take no arguments: Plugin.__init__() missing 1 required positional argument: 'url'",
    ),
    "constructor": (destination("def __init__(self): raise OSError('no disk')"), "OSError: no disk"),
    "newer": (
        destination("plugin_api = 2"),
        "it was written for plugin interface 2, and this bourn-core has 1: upgrade bourn-core",
    ),
    "older": (
        destination("plugin_api = 0"),
        "it was written for plugin interface 0, and this bourn-core has 1: upgrade the plugin",
    ),
    "notattrs": (destination("Options = dict"), "Options: builtins.dict is not an attrs class"),
    "noschema": (
        destination("@attrs.frozen\nclass Options:\n    x: complex = option(help='x')"),
        "Options: option 'x' of noschema_plugin.Plugin.Options has a type without a JSON Schema: builtins.complex",
    ),
    "default": (
        destination("@attrs.frozen\nclass Options:\n    x: int = option(default=11, le=10, help='x')"),
        "Options: the default of 'x' does not fit: expected at most 10, got 11",
    ),
    "settings": (destination("Settings = int"), "Settings: builtins.int is not an attrs class"),
    "abstract": (HEAD + "    class Plugin(Destination): ...\n", "Plugin has no deliver"),
    "arity": (
        destination("def deliver(self, artifact): ..."),
        "deliver must take 3 arguments by position",
    ),
    "formats": (
        destination("formats = ['json']"),
        "formats must be ANY or a tuple of names and media types, got a list of 1",
    ),
    "kinds": (destination("kinds = ('images',)"), f"unknown kind 'images'; kinds are {KINDS}"),
    "several": (
        destination("kinds = ()\ngives_data = 1\nretry_for = 5"),
        SEVERAL,
    ),
    "getattr": ("def __getattr__(name):\n    raise SystemExit(name)\n", "SystemExit: Plugin"),
    "metaclass": (
        HEAD
        + """
    class Meta(type(Destination)):
        def __getattribute__(cls, name):
            raise RuntimeError(name)

    class Plugin(Destination, metaclass=Meta): ...
""",
        "RuntimeError: ",
    ),
}  # fmt: skip

FORMATS = {
    "noencode": (HEAD + "    class Plugin(Format): ...\n", "Plugin has no encode"),
    "mediatype": (
        HEAD + "    class Plugin(Format):\n        media_type, suffix = 'tiff', 'tif'\n"
        "        def encode(self, result, options, sink): return {}\n",
        "media_type must be such as 'image/tiff', got 'tiff'; suffix must be such as '.tif', got 'tif'",
    ),
    "decodes": (
        HEAD + "    class Plugin(Format):\n        decodes = True\n"
        "        def encode(self, result, options, sink): return {}\n",
        "decodes is True and there is no decode",
    ),
    "nodecodes": (
        HEAD + "    class Plugin(Format):\n        def decode(self, source, options): ...\n"
        "        def encode(self, result, options, sink): return {}\n",
        "there is a decode, and decodes is False",
    ),
}  # fmt: skip


@pytest.fixture
def crowd(install):
    for role, broken in (("destinations", DESTINATIONS), ("formats", FORMATS)):
        for name, (source, _) in broken.items():
            modules = {} if source is None else {f"{name}_plugin": source}
            install(f"bourn-{name}", {role: {name: f"{name}_plugin:Plugin"}}, **modules)
    install("bourn-one", {"destinations": {"clash": "good_plugin:Good"}})
    install("bourn-two", {"destinations": {"clash": "good_plugin:Good"}}, version="2.0")
    install("bourn-name", {"destinations": {"Bad Name": "good_plugin:Good", "x" * 65: "good_plugin:Good"}})
    install("bourn-lines", "[bourn.formats]\nnonsense\ngood2 = good_plugin:Written\nworse = 1:2\n= x\n[bourn.formats")
    install("bourn-bytes", b"[bourn.destinations]\n\xff\xfe = good_plugin:Good\n")
    install("bourn-meta", {"formats": {"good3": "good_plugin:Written"}}, metadata=b"Name: \xff\n")
    install("bourn-hooks", {"hooks": {"x": "hooks_plugin"}}, hooks_plugin="raise SystemExit\n")
    install("bourn-policy", {"policies": {"x": "policy_plugin:check"}}, policy_plugin="1 / 0\n")
    install("bourn-short", {"shorthands": {"nothing": "good_plugin:Good"}})
    (install.folder / "bourn_dir-1.0.dist-info" / "entry_points.txt").mkdir(parents=True)
    install(
        "bourn-good",
        {"destinations": {"good": "good_plugin:Good"}, "formats": {"good": "good_plugin:Written"}},
        good_plugin=HEAD
        + DESTINATION.replace("Plugin", "Good")
        + "    class Written(Format):\n        def encode(self, result, options, sink): return {}\n",
    )
    return install


def test_every_broken_plugin_is_listed_with_its_distribution_and_reason(crowd):
    registry = crowd.registry()
    listed = {(problem.role, problem.name): problem for problem in registry.check()}
    for role, broken in (("destination", DESTINATIONS), ("format", FORMATS)):
        for name, (_, reason) in broken.items():
            problem = listed.pop((role, name))
            assert (f"bourn-{name}", "1.0") == (problem.distribution, problem.version)
            if name in ("metaclass", "recursion"):  # Python's own words go on
                assert problem.reason.startswith(reason)
            else:
                assert reason == problem.reason
    rest = {(p.distribution, p.role, p.name, p.reason) for p in listed.values()}
    name_rule = "can't be used: a name is at most 64 of a-z, 0-9, _ and -, and begins with a letter"
    assert {
        ("bourn-one, bourn-two", "destination", "clash", (
            "the destination 'clash' is claimed by bourn-one 1.0 and bourn-two 2.0; neither is used. Say which in the "
            'settings, prefer = { clash = "bourn-one" }, or uninstall one.')),
        ("bourn-name", "destination", "Bad Name", f"the name 'Bad Name' {name_rule}"),
        ("bourn-name", "destination", "x" * 65, f"the name '{'x' * 65}' {name_rule}"),
        ("bourn-bytes", "destination", "\\xff\\xfe", f"the name '\\\\xff\\\\xfe' {name_rule}"),
        ("bourn-lines", "format", "nonsense", "entry_points.txt has a malformed line: 'nonsense'"),
        ("bourn-lines", "format", "", "entry_points.txt has a malformed line: '= x'"),
        ("bourn-lines", "format", "worse", "its entry point '1:2' is not of the form module:attribute"),
        ("bourn-hooks", "hook", "x", "SystemExit"),
        ("bourn-policy", "policy", "x", "ZeroDivisionError: division by zero"),
        ("bourn-short", "shorthand", "nothing", (
            "good_plugin:Good stands for 'nothing', which is no plugin of this distribution")),
    } == {row for row in rest if row[1]}  # fmt: skip
    whole = {(p.distribution, p.reason) for p in registry.problems if not p.role}
    undecodable = "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position {}: invalid start byte"
    assert {
        ("bourn-bytes", f"entry_points.txt can't be read: {undecodable.format(21)}"),
        ("bourn_meta", f"METADATA can't be read: {undecodable.format(6)}"),
    } <= whole
    assert any(
        name == "bourn_dir" and "entry_points.txt can't be read: IsADirectoryError" in text for name, text in whole
    )


def test_the_good_plugins_work_among_the_broken(crowd):
    registry = crowd.registry()
    assert registry.find("destination", "good").summary == "Good."
    assert "good" in registry.matrix().formats_of("good")
    for name in ("good", "good2", "good3"):
        assert registry.formats[name].load().encode(1, None, None) == {}
    assert registry.matrix().default_format("good") == "good"


def test_listing_names_imports_no_plugin(crowd):
    import sys

    registry = crowd.registry()
    assert {*DESTINATIONS, "clash", "good"} == set(registry.destinations)
    assert not [module for module in sys.modules if module.partition("_plugin")[0] in {*DESTINATIONS, *FORMATS, "good"}]


def test_the_error_names_distribution_version_and_cause_at_every_call(crowd):
    registry = crowd.registry()
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            registry.find("destination", "import").load()
        assert (
            str(caught.value)
            == "'import' is installed (bourn-import 1.0) but could not be loaded: No module named 'rasterio_of_nobody'."
        )
        assert (caught.value.name, caught.value.distribution, caught.value.version) == ("import", "bourn-import", "1.0")
        assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_broken_plugin_is_imported_once_only(install):
    install(
        "bourn-count",
        {"destinations": {"count": "count_plugin:Plugin"}},
        count_plugin="import builtins\nbuiltins.bourn_count = getattr(builtins, 'bourn_count', 0) + 1\nraise OSError\n",
    )
    import builtins

    spec = install.registry().destinations["count"]
    for _ in range(3):
        with pytest.raises(PluginError):
            spec.load()
    assert builtins.__dict__.pop("bourn_count") == 1


def test_an_interrupt_passes(install):
    install("bourn-stop", {"destinations": {"stop": "stop_plugin:Plugin"}}, stop_plugin="raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        install.registry().destinations["stop"].load()


def test_two_distributions_of_one_name_are_refused_and_prefer_decides(crowd):
    with pytest.raises(PluginError, match=r"bourn-one 1\.0 and bourn-two 2\.0"):
        crowd.registry().find("destination", "clash").load()
    spec = crowd.registry(prefer={"clash": "Bourn_Two"}).find("destination", "clash")
    assert (spec.distribution, spec.version) == ("bourn-two", "2.0")
    assert spec.load() is spec.load()


def test_a_slow_import_is_logged_and_is_no_problem(install, monkeypatch):
    monkeypatch.setattr("bourn.plugins.spec.SLOW_SECONDS", 0.05)
    install(
        "bourn-slow",
        {"destinations": {"slow": "slow_plugin:Plugin"}},
        slow_plugin="import time\ntime.sleep(0.1)\n" + __import__("textwrap").dedent(destination("")),
    )
    registry = install.registry()
    assert registry.problems == ()
    registry.find("destination", "slow").load()
    (problem,) = registry.problems
    assert (
        problem.fatal, problem.name, problem.distribution, problem.reason,
    ) == (False, "slow", "bourn-slow", "takes 0.1 s to import")  # fmt: skip


def test_a_plugin_that_asks_for_itself_while_it_is_imported_is_refused(install):
    import builtins

    install(
        "bourn-self",
        {"destinations": {"self": "self_plugin:Plugin"}},
        self_plugin="import builtins\nbuiltins.bourn_spec.load()\n",
    )
    builtins.bourn_spec = install.registry().destinations["self"]
    try:
        with pytest.raises(PluginError, match="asks for itself while it is imported"):
            builtins.bourn_spec.load()
    finally:
        del builtins.bourn_spec


def test_many_threads_make_one_instance(install):
    from concurrent.futures import ThreadPoolExecutor

    install(
        "bourn-threads",
        {"destinations": {"threads": "threads_plugin:Plugin"}},
        threads_plugin="import time\ntime.sleep(0.05)\n" + __import__("textwrap").dedent(destination("")),
    )
    spec = install.registry().destinations["threads"]
    with ThreadPoolExecutor(16) as pool:
        assert len({id(plugin) for plugin in pool.map(lambda _: spec.load(), range(64))}) == 1


def test_a_broken_plugin_is_described_as_broken(crowd):
    import json

    listed = json.loads(json.dumps(crowd.registry().describe()))
    assert "No module named 'rasterio_of_nobody'" in listed["destinations"]["import"]["broken"]
    assert listed["destinations"]["good"]["summary"] == "Good."
    cells = {(cell["destination"], cell["format"]): cell for cell in listed["matrix"]}
    assert cells["import", "good"]["kinds"] == []
    assert (
        cells["import", "good"]["reason"]
        == "'import' is installed (bourn-import 1.0) but could not be loaded: No module named 'rasterio_of_nobody'"
    )
    assert len(listed["problems"]) > 30
