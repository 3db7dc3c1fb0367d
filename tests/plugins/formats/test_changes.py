"""The table of what each format changes is what the formats do, and the names in it are those that they explain."""

import importlib.util
import re
from pathlib import Path

import bourn_formats.json.plugin
import bourn_formats.msgpack.plugin
import bourn_formats.pyarrow
import pytest

spec = importlib.util.spec_from_file_location("changes", Path(__file__).parent / "changes.py")
changes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(changes)


def test_the_docs_say_what_becomes_of_what():
    """Written anew by `python tests/plugins/formats/changes.py --write`."""
    assert changes.table() == changes.parts()[1]


def counted(column):
    """All names that a column of the table has in italics."""
    rows = [re.split(r"(?<!\\)\|", row) for row in changes.parts()[1].splitlines() if row.count("|") > 3]
    return set(re.findall(r"\*(\w+)\*", " ".join(row[column] for row in rows)))


@pytest.mark.parametrize(("column", "module"), [(3, bourn_formats.json.plugin), (4, bourn_formats.msgpack.plugin)])
def test_every_name_is_explained(column, module):
    explained = module.__doc__.rpartition("report, by these names:")[2]
    rows = re.findall(r"^([a-z_]+(?:, [a-z_]+)*) {2,}\S.*$", explained, re.MULTILINE)
    names = {name for row in rows for name in row.split(", ")} | {"attrs"}
    assert counted(column) <= names


def test_every_name_of_pyarrow_is_explained():
    assert counted(2) == set(re.findall(r"\(``(\w+)``\)", bourn_formats.pyarrow.__doc__))
