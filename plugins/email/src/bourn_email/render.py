"""Text and HTML of a message, from the built-in templates or those of the installation."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from bourn.plugin import DeliveryError

from bourn_email.content import Content, paragraphs

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["CONTENT_ID", "NAMES", "render", "template_problem"]

NAMES = ("mail.txt", "mail.html")

CONTENT_ID = "picture@bourn"
"""Content-ID by which the HTML refers to the attached picture."""

BUILT_IN = Path(__file__).parent / "templates"

SAMPLE = Content(
    subject="Subject", body="Body.\n\nMore.", link="https://data.example.org/d/token/bourn-0.tif",
    until="Thursday 1 January 2026, 12:00 UTC", filename="bourn-0.tif", format="GeoTIFF (image/tiff)", size="1 byte",
    job_id="0" * 48,
)  # fmt: skip


def render(content: Content, templates: Path | None) -> tuple[str, str]:
    """Return text and HTML.

    Raises
    ------
    DeliveryError
        A template of the installation fails; the message says which, and where.
    """
    environment = _environment(None if templates is None else str(templates))
    made = []
    for name in NAMES:
        try:
            made.append(environment.get_template(name).render(mail=content, picture_id=CONTENT_ID))
        except Exception as error:
            msg = f"the template {name} fails{_line_of(error, name)}: {type(error).__name__}: {error}"
            raise DeliveryError(msg) from error
    text, html = made
    return text, html


def template_problem(templates: Path | None) -> str | None:
    """Return what is wrong with the templates of the installation, or None."""
    if templates is None:
        return None
    if not any((templates / name).is_file() for name in NAMES):
        return f"the folder {templates} has neither of the templates {' and '.join(NAMES)}"
    try:
        text, html = render(SAMPLE, templates)
    except DeliveryError as error:
        return error.message
    # A message without its link is of no use.
    missing = [name for name, made in zip(NAMES, (text, html), strict=True) if SAMPLE.link not in made]
    return f"the template {missing[0]} leaves out the link: {{{{ mail.link }}}}" if missing else None


@functools.cache
def _environment(templates: str | None) -> Environment:
    from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined  # 60 ms, on first use
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    folders = [str(BUILT_IN)] if templates is None else [templates, str(BUILT_IN)]
    environment = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["paragraphs"] = paragraphs
    return environment


def _line_of(error: BaseException, name: str) -> str:
    """Return the line of the template at which it fails, if Jinja2 knows it."""
    line = getattr(error, "lineno", None)
    trace = error.__traceback__
    while line is None and trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(name):
            line = trace.tb_lineno
        trace = trace.tb_next
    return "" if line is None else f" in line {line}"
