"""Responses that are not results: pages and JSON, with the headers that all of them have."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

__all__ = ["SAFE", "error_response", "json_response", "page_response"]

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}
"""The address of a link is its key: no page passes it on as a referrer, and no cache keeps it."""


@cache
def _pages() -> tuple[jinja2.Environment, str, str]:
    """Return the templates, the style, and the policy that lets a browser use this style and nothing else."""
    style = files("bourn.serve").joinpath("templates/bourn.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    nothing = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    policy = f"{nothing}; style-src 'sha256-{digest}'"
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bourn.serve"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment, style, policy


def page_response(
    template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **facts: Any
) -> Response:
    """Return an HTML page made from a template."""
    environment, style, policy = _pages()
    text = environment.get_template(template).render(style=style, **facts)
    return Response(
        text,
        status,
        media_type="text/html",
        headers={**SAFE, "Content-Security-Policy": policy, **(headers or {})},
    )


def json_response(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return JSON in UTF-8."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str)
    policy = {"Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(
        text.encode("utf-8", "backslashreplace"),
        status,
        media_type="application/json",
        headers={**SAFE, **policy, **(headers or {})},
    )


def error_response(
    request: Request, status: int, code: str, title: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error as a page for browsers, JSON for clients that accept it, else a line of text."""
    accept = request.headers.get("accept", "")
    headers = {"Vary": "Accept", **(headers or {})}
    if "text/html" in accept:
        return page_response("error.html", status=status, headers=headers, title=title, message=message)
    if "json" in accept:
        return json_response({"error": code, "message": message}, status=status, headers=headers)
    policy = {"Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(f"{message}\n", status, media_type="text/plain", headers={**SAFE, **policy, **headers})
