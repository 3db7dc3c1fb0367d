"""Modules that a plugin needs: what is missing is said before anything is computed."""

from typing import ClassVar

import pytest
from bourn.errors import PluginError, RequestError
from bourn.plugin import Destination, Format, Receipt


class Text(Format):
    media_type, suffix = "text/plain", ".txt"
    requires: ClassVar = {"json": "nothing", "no_such_module_1": "bourn-text[fast]", "no_such.module": "other>=2"}

    def encode(self, result, options, sink):
        sink.write(str(result).encode())


class Nowhere(Destination):
    requires: ClassVar = {"no_such_module_2": "bourn-nowhere"}

    def deliver(self, artifact, options, context):
        return Receipt()


def test_a_plan_names_all_that_is_missing(session_of):
    session = session_of(destinations={"nowhere": Nowhere}, formats={"text": Text})
    with pytest.raises(RequestError) as caught:
        session.compute(lambda: pytest.fail("computed"), destination="nowhere", format="text")
    assert [(problem.path, problem.message) for problem in caught.value.problems] == [
        ("destination", "'nowhere' needs no_such_module_2, which is not installed: pip install bourn-nowhere"),
        ("format", "'text' needs no_such_module_1, which is not installed: pip install 'bourn-text[fast]'"),
        ("format", "'text' needs no_such.module, which is not installed: pip install 'other>=2'"),
    ]


def test_what_is_there_is_no_problem(session_of):
    class Ready(Text):
        requires: ClassVar = {"json": "nothing", "xml.dom": "nothing"}

    session = session_of(destinations={"nowhere": type("There", (Nowhere,), {"requires": {}})}, formats={"text": Ready})
    assert session.compute(2, destination="nowhere", format="text") == b"2"


@pytest.mark.parametrize("wrong", [["json"], {"json": 1}, {"": "json"}, "json"])
def test_requires_is_a_mapping_of_texts(session_of, wrong):
    session = session_of(formats={"text": type("Wrong", (Text,), {"requires": wrong})})
    with pytest.raises(PluginError, match="requires must map names of modules"):
        session.plan(2, format="text")
