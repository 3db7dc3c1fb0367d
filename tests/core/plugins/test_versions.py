"""A plugin of an older version of the interface works for a while, and everybody who should know is told."""

import pytest
from bourn.contract.upgrade import Upgrade
from bourn.errors import PluginError
from bourn.plugin import Destination, Format, Receipt
from bourn.plugins import validation as conform
from bourn.plugins.registry import Registry
from bourn.testing import session_with


class Old(Destination):
    """Written when deliver did not know its context yet."""

    plugin_api = 1

    def deliver(self, artifact, options):
        return Receipt(detail={"old": True, "size": artifact.size_bytes})


class Silent(Destination):
    """It does not say for which version it was written."""

    deliver = Old.deliver


class New(Destination):
    """Of the version to come."""

    plugin_api = 2

    def deliver(self, artifact, options, context):
        return Receipt(detail={"new": True})


def with_context(cls):
    """What core would do for those of version 1, had version 2 brought the context."""
    return type(cls.__name__, (cls,), {
        "deliver": lambda self, artifact, options, context: cls.deliver(self, artifact, options),
        "__doc__": cls.__doc__, "__module__": cls.__module__,
    })  # fmt: skip


@pytest.fixture
def version_2(monkeypatch):
    way = Upgrade(changed="deliver takes (artifact, options, context)", until="3.0", adapt=with_context)
    monkeypatch.setattr(conform, "PLUGIN_API", 2)
    monkeypatch.setattr(conform, "UPGRADES", {1: way})


@pytest.mark.parametrize("plugin", [Old, Silent, Old()])
def test_an_older_one_works_with_a_note(version_2, plugin):
    """It delivers as it did; the registry has a problem that is not fatal: what to change, and until when."""
    registry = Registry.of(destinations={"old": plugin})
    registry.destinations["old"].load()
    (problem,) = registry.problems
    assert (problem.name, problem.fatal) == ("old", False)
    assert problem.reason == (
        "it was written for plugin interface 1, which bourn-core takes until 3.0; "
        "the interface is 2: deliver takes (artifact, options, context)"
    )
    with session_with(destinations={"old": plugin}) as session:
        job = session.compute(2, destination="old", format="json", block=False).wait()
        assert job.receipt.detail == {"old": True, "size": 1}


def test_a_current_one_has_no_note(version_2):
    registry = Registry.of(destinations={"new": New})
    registry.destinations["new"].load()
    assert registry.problems == ()


def test_once_there_is_no_way_it_is_refused(monkeypatch):
    monkeypatch.setattr(conform, "PLUGIN_API", 2)
    with pytest.raises(
        PluginError, match="written for plugin interface 1, and this bourn-core has 2: upgrade the plugin"
    ):
        Registry.of(destinations={"old": Old}).destinations["old"].load()


def test_one_of_the_future_is_refused():
    with pytest.raises(
        PluginError, match="written for plugin interface 2, and this bourn-core has 1: upgrade bourn-core"
    ):
        Registry.of(destinations={"new": New}).destinations["new"].load()


def test_an_adapted_plugin_is_held_to_the_contract(version_2, monkeypatch):
    """A way that leads nowhere is found when the plugin is loaded, not when it delivers."""
    monkeypatch.setattr(conform, "UPGRADES", {1: Upgrade(changed="x", until="3.0", adapt=lambda cls: cls)})
    with pytest.raises(PluginError, match="deliver must take 3 arguments"):
        Registry.of(destinations={"old": Old}).destinations["old"].load()


def test_a_name_on_its_way_out_warns(monkeypatch):
    import bourn.plugin

    monkeypatch.setitem(bourn.plugin._DEPRECATED, "Answer", ("Receipt", "3.0"))
    with pytest.warns(
        DeprecationWarning, match=r"bourn.plugin.Answer goes with bourn-core 3.0; use bourn.plugin.Receipt"
    ):
        assert bourn.plugin.Answer is Receipt


def test_formats_have_the_same_rules(version_2):
    class Text(Format):
        """As text."""

        media_type, suffix = "text/plain", ".txt"

        def encode(self, result, options, sink):
            return {}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conform, "UPGRADES", {1: Upgrade(changed="nothing", until="3.0", adapt=lambda cls: cls)})
        registry = Registry.of(formats={"text": Text})
        registry.formats["text"].load()
    assert [problem.fatal for problem in registry.problems] == [False]
