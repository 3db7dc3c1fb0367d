"""Several hosts' worth of processes on one ledger and one store: one starts a job, others carry it on and serve it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller

from servers.process import free_port, until

pytestmark = [pytest.mark.deep, pytest.mark.backends("servers")]

PROCESSES, CRASHES = (4, 10) if os.environ.get("BOURN_DEEP") else (2, 2)

STARTS = """
import bourn, sys, time
mail = {"type": "email", "to": "you@example.org"}
job = bourn.compute(list(range(2000)), format="json", destination=mail, block=False)
while job.refresh().stage not in {"SAVING", "SUCCEEDED", "FAILED"}:
    time.sleep(0.01)
print(job.id, flush=True)
time.sleep(600)
"""

LOAD = """
import bourn, itertools, sys
bourn.compute(0)
print("ready", flush=True)
for number in itertools.count(int(sys.argv[1]), 1000):
    job = bourn.compute(number, block=False)
    assert job.result() == number
    print(job.id, number, flush=True)
"""


@pytest.fixture
def host(tmp_path, backend):
    """Starts processes of a host of its own: no folder in common with the others, only the settings' two URLs."""
    running = []

    def start(name, *command, **settings):
        home = tmp_path / name
        home.mkdir(exist_ok=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("BOURN_")}
        environment = kept | backend.environment | {"BOURN_HOME": str(home), "HOME": str(home)} | settings
        process = subprocess.Popen(
            [sys.executable, *command],
            env=environment,
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def mailbox():
    """A mail server that is not there yet: its port, and how to start it."""

    class Box:
        def __init__(self):
            self.port, self.mails = free_port(), []
            self.server = None

        async def handle_DATA(self, server, session, envelope):  # noqa: N802  # aiosmtpd calls it so
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
            return "250 kept"

        def open(self):
            self.server = Controller(self, hostname="127.0.0.1", port=self.port)
            self.server.start()

    box = Box()
    yield box
    if box.server is not None:
        box.server.stop()


class Stay(urllib.request.HTTPRedirectHandler):
    """Shows where it is sent, and does not go there."""

    def redirect_request(self, *given):
        return None


def answer_of(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.build_opener(Stay).open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.mark.parametrize("presign", [True, False])
def test_one_host_starts_it_another_delivers_it_a_third_serves_it(host, backend, mailbox, presign):
    port = free_port()
    settings = {
        "BOURN_EMAIL__URL": f"smtp://127.0.0.1:{mailbox.port}", "BOURN_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "BOURN_STORE_OPTIONS__PRESIGN": json.dumps(presign),
    }  # fmt: skip
    first = host("first", "-c", STARTS, **settings)
    job_id = first.stdout.readline().strip()
    assert len(job_id) == 48, first.stderr.read()
    assert mailbox.mails == []  # its mail can't have gone out yet
    first.send_signal(signal.SIGKILL)
    first.wait(30)

    mailbox.open()

    def delivered():
        second = host("second", "-m", "bourn.cli", "sweep", **settings)
        said = second.communicate(timeout=60)[1]
        assert second.returncode == 0, said
        return bool(mailbox.mails)

    until(delivered, "another host sends the mail", seconds=90)
    assert len(mailbox.mails) == 1
    link = next(word for word in mailbox.mails[0].get_body(("plain",)).get_content().split() if word.startswith("http"))
    assert link.startswith(f"http://127.0.0.1:{port}/d/")

    third = host("third", "-m", "bourn.cli", "serve", "--port", str(port), **settings)
    until(lambda: third.poll() is not None or _answers(port), "the server answers", seconds=60)
    expected = json.dumps(list(range(2000)), separators=(",", ":")).encode()
    status, headers, body = answer_of(link)
    if presign:
        assert status in {302, 303, 307}
        assert "no-store" in headers["Cache-Control"]
        signed = urllib.parse.urlsplit(headers["Location"])
        assert f"http://{signed.netloc}" == backend.s3.endpoint
        assert 0 < int(urllib.parse.parse_qs(signed.query)["X-Amz-Expires"][0]) <= 15 * 60
        status, headers, body = answer_of(headers["Location"])
        assert headers["Content-Disposition"].startswith("attachment")
        forged = signed._replace(query=signed.query.replace("X-Amz-Expires=", "X-Amz-Expires=9")).geturl()
        assert answer_of(forged)[0] == 403
    assert (status, body) == (200, expected)
    if not presign:
        status, _, body = answer_of(link, Range="bytes=1-3")
        assert (status, body) == (206, expected[1:4])
    token = link.split("/d/")[1].split("/")[0]
    assert answer_of(link.replace(token, token[:-1] + ("A" if token[-1] != "A" else "B")))[0] == 404

    fourth = host("fourth", "-m", "bourn.cli", "job", job_id, "--json", **settings)
    assert json.loads(fourth.communicate(timeout=60)[0])["stage"] == "SUCCEEDED"


def _answers(port):
    try:
        return answer_of(f"http://127.0.0.1:{port}/healthz")[0] == 200
    except OSError:
        return False


def test_a_ledger_that_restarts_under_load_loses_nothing_that_was_acknowledged(
    host, backend, own_postgresql, session_of, record_property
):
    """Some processes work; their server crashes again and again, and recovers."""
    own_postgresql.copy("template1", backend.label)
    settings = {"BOURN_DATABASE_URL": own_postgresql.url(backend.label)}
    workers = [host(f"host{number}", "-c", LOAD, str(number), **settings) for number in range(PROCESSES)]
    said = [[] for _ in workers]

    def read(process, lines):
        for line in process.stdout:
            lines.append(line.split())

    readers = [threading.Thread(target=read, args=given, daemon=True) for given in zip(workers, said, strict=True)]
    for reader in readers:
        reader.start()
    until(lambda: all(len(lines) > 1 for lines in said), "all of them work", seconds=120)
    for _ in range(CRASHES):
        own_postgresql.restart()  # "immediate": a crash
        before = [len(lines) for lines in said]
        until(
            lambda before=before: all(
                len(lines) > count + 1 for lines, count in zip(said, before, strict=True)
            ),
            "they work again", seconds=120,
        )  # fmt: skip
    assert [worker.poll() for worker in workers] == [None] * PROCESSES, [worker.stderr.read() for worker in workers]
    for worker in workers:
        worker.kill()
    for reader in readers:
        reader.join(30)
    acknowledged = [(line[0], int(line[1])) for lines in said for line in lines if len(line) == 2 and line[1].isdigit()]

    from bourn.contract.option import Secret

    session = session_of(settings={"database_url": Secret(settings["BOURN_DATABASE_URL"])})
    deadline = time.monotonic() + 30
    while session.sweep() and time.monotonic() < deadline:
        if all(record.stage.done for record in session.services.ledger.list()):
            break
    records = {record.id: record for record in session.services.ledger.list()}
    lost = [job_id for job_id, _ in acknowledged if job_id not in records or records[job_id].stage != "SUCCEEDED"]
    record_property("restarts", CRASHES)
    record_property("acknowledged", len(acknowledged))
    print(f"\n{CRASHES} crashes of PostgreSQL: {len(acknowledged)} jobs acknowledged, {len(lost)} lost")  # noqa: T201
    assert lost == []
    assert all(record.stage.done for record in records.values())
    for job_id, number in acknowledged[:: max(1, len(acknowledged) // 20)]:
        assert session.job(job_id).result() == number
    stored = {record.artifact.key for record in records.values() if record.stage == "SUCCEEDED"}
    assert stored == set(session.store.keys())
    session.close()
