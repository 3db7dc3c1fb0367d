"""The registry as a page for people, and as JSON in the forms that machines ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from bourn import __version__
from bourn.serve.answers import json_response, page_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from bourn.serve.session import Serving

__all__ = ["file_formats", "html", "machine", "openapi", "request_schema"]


WHY = "it can't be used; the reason is in the log of the server, and `bourn doctor` gives it"


def _described(session: Serving) -> Mapping[str, Any]:
    """Return what the registry describes, without the reasons of what is broken: an import error may quote a secret."""
    described = dict(session.registry.describe())
    broken = set()
    for role in ("destination", "format"):
        plugins = dict(described[f"{role}s"])
        for name, plugin in plugins.items():
            if "broken" in plugin:
                broken.add((role, name))
                plugins[name] = {**plugin, "broken": WHY}
        described[f"{role}s"] = plugins
    described["matrix"] = [
        {**cell, "reason": WHY} if broken & {(role, cell[role]) for role in ("destination", "format")} else cell
        for cell in described["matrix"]
    ]
    described["problems"] = [{**problem, "reason": WHY} for problem in described["problems"]]
    return described


def machine(session: Serving, request: Request) -> Response:  # noqa: ARG001  # every route has one
    """Return everything, as JSON."""
    return json_response(_described(session))


def request_schema(session: Serving, request: Request) -> Response:  # noqa: ARG001  # see above
    """Return the JSON Schema of a request, by which editors complete it."""
    from bourn.describe.schema import request_schema as schema_of  # each form alone needs its own

    return json_response(schema_of(_described(session), defaults=session.defaults))


def openapi(session: Serving, request: Request) -> Response:  # noqa: ARG001  # see above
    """Return the schema of a request as a fragment of OpenAPI."""
    from bourn.describe.openapi import openapi as fragment_of  # see above

    return json_response(fragment_of(_described(session), __version__, defaults=session.defaults))


def file_formats(session: Serving, request: Request) -> Response:  # noqa: ARG001  # see above
    """Return the formats as openEO lists them."""
    from bourn.describe.openeo import file_formats as formats_of  # see above

    return json_response(formats_of(_described(session)))


def html(session: Serving, request: Request) -> Response:  # noqa: ARG001  # see above
    """Return the page: the matrix, then every plugin with its options and examples, then what is broken."""
    described = _described(session)
    cells = {(cell["destination"], cell["format"]): cell for cell in described["matrix"]}
    return page_response(
        "registry.html",
        destinations=[_plugin(described, each) for each in described["destinations"].values()],
        formats=[_plugin(described, each) for each in described["formats"].values()],
        cells=cells,
        problems=described["problems"],
        errors=_page("errors", described),
    )


def _plugin(described: Mapping[str, Any], plugin: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plugin with its description as HTML."""
    return {**plugin, "page": _page("plugin", described, plugin)}


def _page(name: str, *arguments: Any) -> Markup:
    from bourn.describe.pages import html as html_of  # for this page alone
    from bourn.describe.pages import page

    return Markup(html_of(page(name, *arguments, href=_href)))  # noqa: S704  # rendered with every text in it escaped


def _href(role: str, name: str) -> str:
    return f"#{role}-{name}"
