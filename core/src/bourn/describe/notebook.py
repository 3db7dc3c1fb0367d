"""The registry in a notebook: a table of what is installed, with options to unfold.

The page's own colours are used, so that it looks right on light and dark; nothing in it runs, and what a plugin's
author wrote is text.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from bourn.describe.pages import html, inline_html, page
from bourn.describe.text import kinds_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_html"]

STYLE = """
.bourn { font-size: 13px; line-height: 1.45; max-width: 68em; }
.bourn table { border-collapse: collapse; margin: .3em 0 .8em; text-align: left; }
.bourn :is(th, td) { text-align: left !important; vertical-align: top; padding: .3em .9em .3em 0 !important;
  background: none !important; border: 0 !important; white-space: normal; max-width: 30em; overflow-wrap: anywhere; }
.bourn .bourn-all { width: 100%; }
.bourn :is(tr, tbody) { background: none !important; }
.bourn .bourn-all > tbody, .bourn details table tr { border-top: 1px solid rgba(128, 128, 128, .35) !important; }
.bourn th { font-weight: 600; }
.bourn thead th, .bourn .bourn-from { opacity: .65; font-weight: 400; }
.bourn :is(code, pre) { font-size: 12px; background: rgba(128, 128, 128, .12); border-radius: 3px; padding: .05em .3em;
  color: inherit; }
.bourn pre { padding: .45em .7em; margin: .2em 0 .7em; white-space: pre-wrap; overflow-wrap: anywhere; }
.bourn pre code { background: none; padding: 0; }
.bourn summary { cursor: pointer; opacity: .8; }
.bourn summary:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
.bourn h4 { margin: .8em 0 .2em; font-size: 13px; }
.bourn p { margin: .3em 0; }
.bourn ul { margin: .2em 0 .6em; padding-left: 1.4em; }
.bourn .broken { margin-left: 0; border-left: 3px solid #c0392b; padding-left: .7em; }
"""


def as_html(described: Mapping[str, Any]) -> str:
    """What ``registry.describe()`` gives as a piece of HTML.

    Examples
    --------
    >>> as_html({"destinations": {}, "formats": {}, "matrix": [], "problems": []}).endswith("</div>")
    True
    """
    parts = [f'<div class="bourn"><style>{STYLE}</style>']
    for role in ("destination", "format"):
        rows = "".join(_plugin(described, role, name) for name in described[f"{role}s"])
        head = f"<thead><tr><th>{role.capitalize()}s</th><th></th><th>takes</th><th>from</th></tr></thead>"
        none = "<tbody><tr><td>none is installed</td></tr></tbody>" if not rows else ""
        parts.append(f'<table class="bourn-all">{head}{rows}{none}</table>')
    parts.append(_folded("What goes together", page("matrix", described)))
    if described["problems"]:
        parts.append(_folded("Problems", page("problems", described)))
    return "".join([*parts, "</div>"])


def _plugin(described: Mapping[str, Any], role: str, name: str) -> str:
    plugin = described[f"{role}s"][name]
    from_ = escape(f"{plugin['distribution']} {plugin['version']}".strip())
    if "broken" in plugin:
        said = f'<p class="broken"><strong>Broken.</strong> {inline_html(plugin["broken"])}</p>'
        cells = f'<th>{escape(name)}</th><td>{said}</td><td></td><td class="bourn-from">{from_}</td>'
        return f"<tbody><tr>{cells}</tr></tbody>"
    count = len(plugin["options"].get("properties", {}))
    options = "no options" if not count else "1 option" if count == 1 else f"{count} options"
    cells = (
        f"<th>{escape(name)}</th><td>{inline_html(plugin['summary'])}</td>"
        f'<td>{escape(kinds_in_words(plugin["kinds"]))}</td><td class="bourn-from">{from_}</td>'
    )
    title = f"{options}, formats, examples" if role == "destination" else f"{options}, examples"
    inside = _folded(title, page("plugin", described, plugin))
    return f'<tbody><tr>{cells}</tr><tr><td colspan="4">{inside}</td></tr></tbody>'


def _folded(title: str, markdown: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{html(markdown)}</details>"
