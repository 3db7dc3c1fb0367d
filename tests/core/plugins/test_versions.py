"""A plugin that was written for another version of the plugin API is refused."""

import pytest
from bourn.errors import PluginError
from bourn.plugin import Destination, Receipt
from bourn.plugins import validation
from bourn.plugins.registry import Registry


class OfVersion1(Destination):
    """Written for version 1."""

    plugin_api = 1

    def deliver(self, artifact, options, context):
        return Receipt()


class OfVersion2(OfVersion1):
    """Written for version 2."""

    plugin_api = 2


def test_a_plugin_for_an_older_api_is_refused(monkeypatch):
    monkeypatch.setattr(validation, "PLUGIN_API", 2)
    message = "written for plugin interface 1, and this bourn-core has 2: upgrade the plugin"
    with pytest.raises(PluginError, match=message):
        Registry.of(destinations={"old": OfVersion1}).destinations["old"].load()


def test_a_plugin_for_a_newer_api_is_refused():
    message = "written for plugin interface 2, and this bourn-core has 1: upgrade bourn-core"
    with pytest.raises(PluginError, match=message):
        Registry.of(destinations={"new": OfVersion2}).destinations["new"].load()
