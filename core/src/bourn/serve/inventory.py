"""The registry as a page for people, and in the forms that machines ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from bourn import __version__
from bourn.serve.answers import json_answer, page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from bourn.serve.serving import Serving

__all__ = ["file_formats", "html", "machine", "openapi", "request_schema"]


def machine(session: Serving, request: Request) -> Response:  # noqa: ARG001  # every answer takes one
    """Everything, as JSON."""
    return json_answer(session.registry.describe())


def request_schema(session: Serving, request: Request) -> Response:  # noqa: ARG001  # see above
    """The JSON Schema of a request, by which editors complete it."""
    from bourn.describe.schema import request_schema as schema_of  # each form alone needs its own

    return json_answer(schema_of(session.registry.describe(), defaults=session.defaults))


def openapi(session: Serving, request: Request) -> Response:  # noqa: ARG001  # see above
    """The same as a fragment of OpenAPI."""
    from bourn.describe.openapi import openapi as fragment_of  # see above

    return json_answer(fragment_of(session.registry.describe(), __version__, defaults=session.defaults))


def file_formats(session: Serving, request: Request) -> Response:  # noqa: ARG001  # see above
    """The formats as openEO lists them."""
    from bourn.describe.openeo import file_formats as formats_of  # see above

    return json_answer(formats_of(session.registry.describe()))


def html(session: Serving, request: Request) -> Response:  # noqa: ARG001  # see above
    """The matrix, then every plugin with its options and examples, then what is broken."""
    told = session.registry.describe()
    cells = {(cell["destination"], cell["format"]): cell for cell in told["matrix"]}
    return page(
        "registry.html",
        destinations=[_plugin(told, each) for each in told["destinations"].values()],
        formats=[_plugin(told, each) for each in told["formats"].values()],
        cells=cells,
        problems=told["problems"],
        errors=_errors(told),
    )


def _plugin(told: Mapping[str, Any], plugin: Mapping[str, Any]) -> dict[str, Any]:
    """A plugin with all about it as HTML."""
    from bourn.describe.html import html as written  # for this page alone
    from bourn.describe.pages import plugin_page

    blocks = plugin_page(told, plugin["role"], plugin["name"])
    return {**plugin, "told": Markup(written(blocks, _href))}  # noqa: S704  # written so that every text in it is text


def _errors(told: Mapping[str, Any]) -> Markup:
    from bourn.describe.html import html as written  # see above
    from bourn.describe.pages import errors_page

    return Markup(written(errors_page(told), _href))  # noqa: S704  # see above


def _href(role: str, name: str) -> str:
    return f"#{role}-{name}"
