"""The registry in other people's forms: OpenAPI, and openEO's file formats; each held against its own schema."""

import json
from pathlib import Path

import attrs
import jsonschema
import pytest
from bourn.contract.option import Secret
from bourn.describe.openapi import openapi
from bourn.describe.openeo import file_formats
from bourn.plugin import Destination, Format, option
from bourn.plugins.registry import Registry

OPENEO = json.loads((Path(__file__).parent / "openeo" / "file_formats.schema.json").read_text())


@attrs.frozen
class Frame:
    width: int = option(help="In pixels.")


@attrs.frozen
class Options:
    depth: int = option(help="Bits.", ge=1, le=16)
    frame: Frame = option(help="Around it.")
    ends: str | None = option(default=None, choices=["lf", "crlf"], help="How lines end.")
    key: Secret = option(default=Secret(""), help="The key.")
    colours: list[str] = option(factory=list, max_length=4, help="Colours.")
    plain: int = attrs.field(default=1)


class Picture(Format[Options]):
    """As a picture.

    Small ones only.
    """

    kinds = ("image", "array", "features")

    def encode(self, result, options, sink):
        raise NotImplementedError


class Shelf(Destination):
    """Put it on a shelf."""

    def deliver(self, artifact, options, context):
        raise NotImplementedError


@pytest.fixture(params=["installed", "made", "none"])
def described(request, session):
    if request.param == "installed":
        return session.registry.describe()
    given = {"destinations": {"shelf": Shelf, "broken": 3}, "formats": {"picture": Picture, "bad": 3}}
    return Registry.of(**(given if request.param == "made" else {})).describe()


def test_file_formats_are_openeos(described):
    jsonschema.Draft202012Validator.check_schema(OPENEO)
    listed = json.loads(json.dumps(file_formats(described)))
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(OPENEO, format_checker=checker).validate(listed)
    assert set(listed["output"]) == {name for name, plugin in described["formats"].items() if "broken" not in plugin}


def test_a_format_for_openeo():
    described = Registry.of(formats={"picture": Picture}).describe()
    found = file_formats(described, {"picture": "PNG"})["output"]["PNG"]
    assert (found["title"], found["description"]) == ("picture", "As a picture.\n\nSmall ones only.")
    assert found["gis_data_types"] == ["raster", "vector"]
    assert found["parameters"]["depth"] == {
        "type": "integer", "minimum": 1, "maximum": 16, "description": "Bits.", "required": True,
    }  # fmt: skip
    assert (found["parameters"]["frame"]["required"], found["parameters"]["frame"]["allOf"]) == (
        True,
        [{"required": ["width"]}],
    )
    assert found["parameters"]["plain"]["description"] == ""
    assert "writeOnly" not in found["parameters"]["key"]


def test_the_schema_of_openeo_refuses_what_is_wrong():
    """Else the two tests above would say nothing."""
    valid = jsonschema.Draft202012Validator(OPENEO).is_valid
    right = {"gis_data_types": ["raster"], "parameters": {"a": {"description": "", "type": "integer"}}}
    assert valid({"input": {}, "output": {"x": right}})
    for wrong in (
        {**right, "gis_data_types": ["image"]},
        {**right, "parameters": {"a": {"type": "integer"}}},
        {**right, "parameters": {"a": {"description": "", "type": "int"}}},
        {**right, "parameters": {"a": {"description": "", "required": ["b"]}}},
        {"parameters": {}},
    ):
        assert not valid({"input": {}, "output": {"x": wrong}})
    assert not valid({"output": {}})


def test_the_fragment_is_openapi(described):
    validator = pytest.importorskip("openapi_spec_validator")
    fragment = json.loads(json.dumps(openapi(described, "1.0")))
    validator.validate(fragment, cls=validator.OpenAPIV31SpecValidator)
    assert "$defs" not in json.dumps(fragment)
    names = {
        f"{role}.{name}"
        for role in ("destination", "format")
        for name, plugin in described[f"{role}s"].items()
        if "broken" not in plugin
    }
    assert {key for key in fragment["components"]["schemas"] if "." in key and not key.endswith(".mapping")} == names
    for role in ("destination", "format"):
        mapping = fragment["components"]["schemas"].get(f"{role}.mapping", {"discriminator": {"mapping": {}}})
        assert {f"{role}.{name}" for name in mapping["discriminator"]["mapping"]} == {
            n for n in names if n.startswith(role)
        }
