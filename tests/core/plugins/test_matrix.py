"""The matrix: derived from what plugins say of themselves."""

from __future__ import annotations

import pytest
from bourn.errors import PluginError
from bourn.plugin import ANY, Destination, Format
from bourn.plugins.matrix import Cell
from bourn.plugins.registry import Registry

KINDS = ("value", "array", "image", "table", "features")


def to(formats=ANY, kinds=ANY):
    return type("To", (Destination,), {"formats": formats, "kinds": kinds, "deliver": lambda self, a, o, c: None})


def written(media_type, kinds=ANY):
    body = {"media_type": media_type, "kinds": kinds, "encode": lambda self, r, o, s: {}}
    return type("Written", (Format,), body)


class Broken:
    pass


@pytest.fixture
def registry():
    class Moody(to()):
        def takes(self, format_name, written):
            raise OSError

    return Registry.of(
        destinations={
            "anything": to(),
            "picky": to(("image/tiff", "json")),
            "tables": to(("json", "csv"), ("table",)),
            "late": to(("missing", "x/y", "json")),
            "moody": Moody,
            "broken": Broken,
        },
        formats={
            "cog": written("image/tiff", ("image",)),
            "geotiff": written("image/tiff", ("image", "array")),
            "json": written("application/json"),
            "broken": Broken,
        },
    )


@pytest.mark.parametrize(
    ("destination", "format_name", "cell"),
    [
        ("anything", "json", Cell(KINDS)),
        ("anything", "geotiff", Cell(("array", "image"))),
        ("picky", "cog", Cell(("image",))),
        ("tables", "json", Cell(("table",))),
        ("tables", "cog", Cell((), "'tables' takes json or csv, not 'cog' (image/tiff)")),
        ("moody", "json", Cell((), "'moody' could not say whether it takes 'json': OSError")),
    ],
)
def test_a_cell_is_the_kinds_that_both_take(registry, destination, format_name, cell):
    assert cell == registry.matrix().cell(destination, format_name)


def test_a_pair_without_a_common_kind_is_refused_with_both_sides():
    registry = Registry.of(
        destinations={"tables": to(("cog",), ("table", "features"))}, formats={"cog": written("image/tiff", ("image",))}
    )
    assert (
        Cell((), "'tables' takes results of kind table or features, and 'cog' writes image")
        == registry.matrix()["tables", "cog"]
    )


def test_a_broken_plugin_is_refused_everywhere_and_says_why(registry):
    matrix = registry.matrix()
    for pair in matrix:
        if "broken" in pair:
            assert matrix[pair].kinds == ()
            assert "'broken' is installed (given 0) but could not be loaded: expected a subclass" in matrix[pair].reason
    assert matrix.formats_of("broken") == []
    with pytest.raises(PluginError):
        matrix.default_format("broken")


def test_every_pair_has_a_cell(registry):
    matrix = registry.matrix()
    assert 24 == len(matrix) == len(list(matrix))
    for cell in matrix.values():
        assert bool(cell.kinds) != bool(cell.reason)


def test_the_default_is_the_first_format_that_is_installed_and_fits(registry):
    matrix = registry.matrix()
    assert matrix.default_format("picky") == "cog"
    assert matrix.default_format("late") == "json"
    assert matrix.default_format("anything") is None


def test_the_formats_of_a_destination_begin_with_its_default(registry):
    assert registry.matrix().formats_of("picky") == ["cog", "geotiff", "json"]
    assert registry.matrix().formats_of("tables") == ["json"]


def test_a_pair_of_unknown_names_is_a_key_error(registry):
    with pytest.raises(KeyError):
        registry.matrix()["anything", "nothing"]


def test_asking_for_one_cell_loads_two_plugins_only(registry):
    registry.matrix().cell("anything", "json")
    loaded = [spec.name for spec in (*registry.destinations.values(), *registry.formats.values()) if spec.loaded]
    assert loaded == ["anything", "json"]
