"""The server besides links: the registry, health, plugins' routes, the sweep, the log."""

import json
import logging
import signal
import subprocess
import sys
import textwrap
import time
from datetime import timedelta
from html.parser import HTMLParser

import attrs
import httpx
import pytest
from bourn.plugin import Destination, Example, Format, option
from bourn.plugins.hookspecs import hookimpl
from bourn.plugins.registry import Registry
from bourn.serve.server import _WithoutTokens

EVIL = "<script>alert('x')</script>&\""


@attrs.frozen
class Inner:
    size: int = option(default=1, ge=1, help="How big.")


@attrs.frozen
class Options:
    to: list[str] = option(help=f"Who; `you` {EVIL}", max_length=5, format="email")
    mode: str = option(default="a", choices=["a", EVIL], help="How.")
    wait: float | None = option(default=None, gt=0, le=60, unit="seconds", help="How long.")
    inner: Inner = option(factory=Inner, help="Inside.")


class Parcel(Destination[Options]):
    __doc__ = f"Send it {EVIL}."
    formats = ("text",)
    examples = (Example(f"Title {EVIL}", destination={"type": "parcel", "to": [EVIL]}, format="text"),)

    def deliver(self, artifact, options, context):
        raise NotImplementedError


class Text(Format):
    """As text."""

    media_type, suffix = "text/plain", ".txt"

    def encode(self, result, options, sink):
        raise NotImplementedError


class Picture(Text):
    """As a picture."""

    media_type, suffix, kinds = "image/png", ".png", ("image",)


class NoDestination:
    pass


@pytest.fixture
def registry():
    return Registry.of(
        destinations={"parcel": Parcel, "broken": NoDestination}, formats={"text": Text, "picture": Picture}
    )


@pytest.fixture
def session(tools, house, registry):
    return tools.Session(house, registry)


class Page(HTMLParser):
    """What stands where."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.ids, self.hrefs = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.ids += [value for name, value in attributes if name == "id"]
        self.hrefs += [value for name, value in attributes if name == "href"]
        assert not [name for name, _ in attributes if name.startswith("on") or name == "style"]

    def handle_data(self, data):
        self.words += data.split()

    @property
    def text(self):
        return " ".join(self.words)


def test_the_registry_is_a_page_for_people(client):
    answer = client.get("/registry")
    page = Page(answer.text)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "script" not in page.tags
    assert f"Send it {EVIL}." in page.text
    for said in [
        "'parcel' takes text, not 'picture' (image/png)",  # a cell that is refused
        "value array image table features",  # one that is not
        "broken is broken",
        "the reason is in the log of the server",
        "given 0",  # distribution and version
        "list of text", "required", "at most 5 items, each: e-mail address", "number or null",
        "more than 0, at most 60 seconds",
        "inner.size", "at least 1",
        "a, <script>alert('x')</script>&\"",
        "UnknownPlugin", "Use one of the names that the message lists",
        f"Title {EVIL}",
        '"type": "parcel", "to": ["<script>',
    ]:  # fmt: skip
        assert said in page.text
    assert set(page.ids) >= {"destination-parcel", "destination-broken", "format-text", "format-picture"}
    assert {href[1:] for href in page.hrefs if href.startswith("#")} <= set(page.ids)


def test_the_page_may_use_its_own_style_and_nothing_else(client):
    headers = client.get("/registry").headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy.keys() == {"default-src", "base-uri", "form-action", "frame-ancestors", "style-src"}
    assert policy["default-src"] == "'none'"
    assert policy["style-src"].startswith("'sha256-")
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_the_registry_is_json_for_machines(client, registry):
    answer = client.get("/registry.json")
    assert answer.headers["content-type"] == "application/json"
    described, public = json.loads(json.dumps(registry.describe())), answer.json()
    for part in ("formats", "errors", "form"):
        assert public[part] == described[part]
    assert public["destinations"]["parcel"] == described["destinations"]["parcel"]
    # An import error may quote a secret.
    reason = described["problems"][0]["reason"]
    assert "expected a subclass" in reason
    assert reason not in answer.text


def test_what_machines_ask_for(client):
    request = client.get("/request.schema.json").json()
    assert request["$defs"]["destination.parcel"]["properties"]["mode"]["default"] == "a"
    document = client.get("/openapi.json").json()
    assert "/d/{token}/{filename}" in document["paths"]
    assert sorted(client.get("/file_formats").json()["output"]) == ["picture", "text"]


def test_an_empty_registry_has_a_page(tools, house):
    with tools.served(tools.Session(house, Registry.of())) as url:
        page = Page(httpx.get(f"{url}/registry", trust_env=False).text)
    assert "No destination or no format is installed." in page.text


def test_the_root_leads_to_the_registry(client):
    answer = client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "registry")


def test_an_unknown_page_is_answered_in_each_form(client):
    message = "There is no such page."
    assert client.get("/nowhere").text == message + "\n"
    assert client.get("/nowhere", headers={"Accept": "application/json"}).json() == {
        "error": "not-found",
        "message": message,
    }
    page = client.get("/nowhere", headers={"Accept": "text/html"})
    assert (page.status_code, message in page.text) == (404, True)
    assert page.headers["vary"] == "Accept"
    assert {client.get("/nowhere").status_code, client.head("/nowhere").status_code} == {404}


def test_health_is_of_the_database_and_the_store(session, client, monkeypatch, caplog):
    assert (client.get("/healthz").status_code, client.get("/healthz").json()) == (
        200,
        {"status": "ok", "database": "ok", "store": "ok"},
    )

    def failing(_):
        raise OSError(5, "secret place")

    with monkeypatch.context() as patched:
        patched.setattr(session.store, "size", failing)
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "failing", "database": "ok", "store": "failing"})
    monkeypatch.setattr(session.links, "check", lambda: failing(0))
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (503, {"status": "failing", "database": "failing", "store": "ok"})
    assert "the store fails" in caplog.text


def test_a_fault_of_ours_shows_nothing_of_it(tools, session, monkeypatch):
    def failing(_):
        raise RuntimeError("secret place")

    monkeypatch.setattr(session.store, "size", failing)
    job = session.house.finished()
    with tools.served(session) as url:
        answer = httpx.get(url + session.path(job), trust_env=False)
    assert (answer.status_code, answer.text) == (500, "The reason is in the server's log.\n")


# Plugins.


def hooks_of(routes):
    class Hooks:
        @staticmethod
        @hookimpl
        def bourn_routes(session):
            return routes(session)

    return Hooks()


def test_plugins_add_routes_and_a_broken_one_hurts_nobody(tools, house, caplog):
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    def hello(_request):
        return PlainTextResponse("hello")

    def raising(_session):
        raise SystemExit

    def generating(_session):
        yield Route("/generated", hello)
        raise ZeroDivisionError

    given = [
        hooks_of(lambda session: [Route("/hello", hello), Route("/d/{token}/{name}", hello), Route("/healthz", hello)]),
        hooks_of(raising),
        hooks_of(generating),
        hooks_of(lambda session: 7),
        hooks_of(lambda session: [Route("/half", hello), "no route"]),
        hooks_of(lambda session: (Route(f"/lazy/{each}", hello) for each in "ab")),
    ]
    session = tools.Session(house, Registry.of(hooks=given))
    job = house.finished(b"two")
    with tools.served(session) as url, httpx.Client(base_url=url, trust_env=False) as client:
        paths = ["/hello", "/lazy/a", "/lazy/b", session.path(job), "/generated", "/half", "/healthz"]
        answers = [client.get(path) for path in paths]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 404, 404, 200]
    assert answers[3].text == "two"
    assert answers[6].json()["status"] == "ok"
    assert "the routes of given are left out" in caplog.text


# The background.


def wait_until(condition):
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_what_is_over_is_swept_in_the_background_for_ever(tools, session, caplog):
    session.sweep_fault = OSError(28, "No space left on device")
    with tools.served(session, sweep_every=timedelta(seconds=0.02)):
        wait_until(lambda: session.sweeps > 3)
    assert "the sweep failed" in caplog.text
    ended = session.sweeps
    time.sleep(0.1)
    assert session.sweeps == ended


# The log.


def test_the_access_log_shows_no_token():
    record = logging.LogRecord(
        "uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d',
        ("127.0.0.1:5", "GET", "/d/ImFiYyI.Xyz_-9/ndvi.tif?x=1", "1.1", 200), None,
    )  # fmt: skip
    assert _WithoutTokens().filter(record) is True
    assert record.getMessage() == '127.0.0.1:5 - "GET /d/***/ndvi.tif?x=1 HTTP/1.1" 200'


@pytest.mark.slow
def test_it_runs_as_a_process_and_ends_on_a_signal(tmp_path):
    code = """
        import sys
        from types import SimpleNamespace
        from bourn.plugins.registry import Registry
        from bourn.serve import run
        from bourn.settings import Settings
        from bourn.store.store import open_store
        links = SimpleNamespace(check=lambda: None, resolve=lambda token: 1 / 0)
        session = SimpleNamespace(links=links, store=open_store(sys.argv[1]), registry=Registry.of(),
                                  settings=Settings(), clock=None, sweep=lambda: None)
        run(session, port=int(sys.argv[2]))
    """
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), str(port)], stdout=output, stderr=output
        )
    try:
        wait_until(lambda: "Application startup complete" in log.read_text())
        wait_until(lambda: _status(port, "/healthz") == 200)
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).headers.get("server") is None
        assert _status(port, "/d/SECRETTOKEN/x") == 500
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    assert "GET /d/***/x" in log.read_text()
    assert "SECRETTOKEN" not in log.read_text()


def _status(port, path):
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).status_code
    except httpx.ConnectError:
        return None


@pytest.mark.slow
def test_nothing_of_the_server_is_imported_with_core():
    heavy = ["starlette", "uvicorn", "obstore", "itsdangerous", "jinja2"]
    code = f"import bourn.plugin, bourn.store.links, sys; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
