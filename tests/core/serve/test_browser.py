"""The registry's page and that of a notebook as a browser sees them: with their style, and without running anything."""

import functools
import http.server
import re
import subprocess
import threading

import attrs
import pytest
from bourn.describe.notebook import as_html
from bourn.plugin import Destination, Format, option
from bourn.plugins.registry import Registry
from programs import require

pytestmark = pytest.mark.slow

EVIL = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"


@attrs.frozen
class Options:
    to: str = option(default="you", help=EVIL)


class Parcel(Destination[Options]):
    __doc__ = f"Send it. {EVIL}"

    def deliver(self, artifact, options, context):
        raise NotImplementedError


class Text(Format):
    """As text."""

    def encode(self, result, options, sink):
        raise NotImplementedError


@pytest.fixture
def registry():
    return Registry.of(destinations={"parcel": Parcel, "broken": object}, formats={"text": Text})


def seen(url, tmp_path):
    """What the browser made of the page."""
    done = subprocess.run(
        [require("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server",
         "--virtual-time-budget=2000", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", url],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return done.stdout


MEASURE = """<script>
document.title = [...document.querySelectorAll(".bourn details")].map(each => {
  const closed = each.offsetHeight; each.open = true; return each.offsetHeight > closed + 20;
}).join();
</script>"""


def test_the_registrys_page(tools, house, registry, tmp_path):
    with tools.served(tools.Session(house, registry)) as url:
        page = seen(f"{url}/registry", tmp_path)
    assert "<title>Destinations and formats · bourn</title>" in page
    assert page.count("<img") == page.count("<script") == 0
    assert re.findall(r'<article id="([a-z-]+)"', page) == ["destination-broken", "destination-parcel", "format-text"]
    assert "<summary>What each means, and what to do about it</summary>" in page


def test_a_notebooks_table_unfolds_and_runs_nothing(registry, tmp_path):
    """The script of this test unfolds everything; what a plugin's author wrote does not get to run."""
    (tmp_path / "notebook.html").write_text(f"<!doctype html><title></title>{as_html(registry.describe())}{MEASURE}")
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            page = seen(f"http://127.0.0.1:{server.server_port}/notebook.html", tmp_path)
        finally:
            server.shutdown()
    unfolded = re.search(r"<title>(.*?)</title>", page)[1].split(",")
    assert set(unfolded) == {"true"}
    assert len(unfolded) == 4  # parcel, text, what goes together, problems
    assert page.count("<img") == 0


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
