"""The command line as a process: pipes, colours, Ctrl-C, what it imports, and the server."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.slow

BOURN = [sys.executable, "-m", "bourn.cli"]


@pytest.fixture
def bourn(home):
    def start(*arguments, env=None, **options):
        return subprocess.run(
            [*BOURN, *arguments], capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, **(env or {})}, **options,
        )  # fmt: skip

    return start


def in_a_terminal(*arguments, env=None, columns=80):
    """What a terminal would show."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*BOURN, *arguments], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "COLUMNS": str(columns), "TERM": "xterm", **(env or {})},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux's word for the other end being closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert process.wait(10) == 0
    return shown.decode()


def test_a_pipe_gets_no_colours_and_no_bar(bourn):
    assert "\x1b" not in bourn("list").stdout
    done = bourn("send", "-", "--format", "json", input="2")
    assert done.returncode == 0
    assert "Stage:" not in done.stdout + done.stderr


def test_a_terminal_has_colours_unless_they_are_declined(home):
    assert "\x1b[1mDestinations\x1b[0m" in in_a_terminal("list")
    assert "\x1b" not in in_a_terminal("list", env={"NO_COLOR": "1"})


def test_the_bar(home, tmp_path):
    """A line with the job's id, the bar as DESIGN has it, the link, and until when it works."""
    (tmp_path / "two.json").write_text("2")
    shown = in_a_terminal("send", "two.json", "--format", "json")
    note, first, bar, link, until, _ = shown.split("\r\n")
    assert note.startswith("Note: links begin with")
    assert first.startswith("Job ID: ")
    assert len(first) == len("Job ID: ") + 48
    last = bar.split("\r")[-1]
    assert last.startswith("[######] | Steps: ")
    assert last.rstrip().endswith(" | Stage: SUCCEEDED")
    assert link.startswith("http://127.0.0.1:8622/d/")
    assert until.startswith("The link works until 20")
    assert "\x1b" not in shown


def test_a_reader_that_has_enough_is_no_fault(bourn):
    command = f"{sys.executable} -m bourn.cli schema | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("{", "", 0)


def test_an_interrupt_cancels_the_job(bourn, tmp_path):
    """Ctrl-C: the job is CANCELLED, the exit status 130, and there is no traceback."""
    (tmp_path / "slow.py").write_text("import time\ndef f():\n    print('begun', flush=True)\n    time.sleep(2)\n")
    process = subprocess.Popen(
        [*BOURN, "send", "slow:f"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    (job,) = json.loads(bourn("jobs", "--json").stdout)
    assert job["stage"] == "CANCELLED"


def test_a_job_is_seen_by_another_process(bourn):
    sent = json.loads(bourn("send", "-", "--format", "json", "--json", input='"x"').stdout)
    assert json.loads(bourn("job", sent["id"], "--json").stdout)["sha256"] == sent["sha256"]


def test_listing_imports_nothing_heavy(home):
    """Names and one-line meanings cost no database, no arrays, no table library."""
    program = (
        "import sys\nfrom bourn.cli.commands import bourn\n"
        "try:\n    bourn(['list'])\nexcept SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'numpy', 'rasterio', 'pyarrow', 'xarray', 'uvicorn', 'jsonschema', 'dask'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_full_disk_is_reported_without_a_traceback(bourn):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [*BOURN, "schema"], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve(bourn, home):
    """A link that `send` prints is served by `serve`, at the address that the settings name."""
    from bourn.cli.demo.server import free_port

    url = f"http://127.0.0.1:{free_port()}"
    env = {"BOURN_PUBLIC_URL": url}
    link = bourn("send", "-", "--format", "json", "-q", input="[1]", env=env).stdout.strip()
    server = subprocess.Popen([*BOURN, "serve"], env={**os.environ, **env}, stderr=subprocess.PIPE, text=True)
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for _ in range(300):
            try:
                with opener.open(link, timeout=60) as answer:  # the first answer imports much
                    assert answer.read() == b"[1]"
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        else:
            pytest.fail("no answer")
    finally:
        server.terminate()
        _, log = server.communicate(timeout=30)
    assert link.rpartition("/")[0].rpartition("/")[2] not in log


def test_bytes_that_are_no_text_are_refused_as_text(bourn, tmp_path):
    """What a shell hands over need not be UTF-8; neither the error nor the JSON breaks on it."""
    (tmp_path / "two.json").write_text("2")
    done = bourn("send", "two.json", "--format", "json", "-o", b"\xff=1")
    assert (done.returncode, "\\udcff" in done.stderr, "Traceback" in done.stderr) == (2, True, False)
    done = bourn("send", "two.json", "--format", "json", "-o", b"\xff=1", "--json")
    assert json.loads(done.stdout)["error"]["code"] == "invalid-options"


def test_an_interrupted_demo_leaves_nothing(home, tmp_path):
    """Neither the folder nor the server."""
    process = subprocess.Popen(
        [*BOURN, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    lines = iter(process.stdout.readline, "")
    url = next(line for line in lines if line.startswith("server")).split()[1]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert list(tmp_path.glob("bourn-demo-*")) == []
    with pytest.raises(urllib.error.URLError):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/healthz", timeout=5)


def test_a_taken_port_is_reported_in_a_line(bourn, home):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = bourn("serve", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: can't serve at 127.0.0.1:{port}: another program listens there. "
        "Say where by --host and --port, and in the setting public_url.\n"
    )


def test_a_closed_output_is_reported_in_a_line(home):
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m bourn.cli list >&-"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (1, "Error: standard output is closed, so there is nowhere to write to\n")


def test_what_click_quotes_cannot_move_the_cursor(bourn):
    assert "\x1b" not in bourn("list", "\x1b[31mx").stderr
    assert "\x1b" not in bourn("\x1b[31mx").stderr


def test_that_links_are_local_is_a_note(home, tmp_path):
    (tmp_path / "two.json").write_text("2")
    send = f"{sys.executable} -m bourn.cli send two.json --format json"
    done = subprocess.run(
        ["bash", "-c", f"{send}; {send} --json"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.count("Note: links begin with") == 1
    assert json.loads(done.stdout.splitlines()[-1])["notes"][0].startswith("links begin with")
