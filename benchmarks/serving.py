"""1 GiB through a link, beside nginx on the same file: wall seconds of one client, and the server's memory."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import measure

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE_BYTES = 1 << 30
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class Served:
    """A server process, and where the file can be had from it."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.process = process
        self.url = url

    def fetch(self) -> measure.Figures:
        """One download by curl; CPU and memory are the server's."""
        before = self._cpu()
        begun = time.perf_counter()
        done = subprocess.run(
            ["curl", "-sf", "-o", "/dev/null", "-w", "%{size_download}", self.url], capture_output=True, check=True
        )
        wall = time.perf_counter() - begun
        assert int(done.stdout) >= SIZE_BYTES
        return measure.Figures(max(self._cpu() - before, 1e-9), wall, self.peak_mib())

    def peak_mib(self) -> float:
        """The most memory that one of its processes ever held."""
        return max(_status(pid, "VmHWM") / 1024 for pid in _family(self.process.pid))

    def _cpu(self) -> float:
        total = 0
        for pid in _family(self.process.pid):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def both() -> Iterator[tuple[Served, Served]]:
    """Bourn's server and nginx, on one file of 1 GiB."""
    with tempfile.TemporaryDirectory(prefix="bourn-bench-", dir=Path.home()) as folder, contextlib.ExitStack() as stack:
        home = Path(folder)
        os.environ["BOURN_HOME"] = folder
        bourn_port, nginx_port = _free_port(), _free_port()
        import bourn
        import numpy as np

        session = bourn.Session(bourn.Settings(home=folder, public_url=f"http://127.0.0.1:{bourn_port}"))
        raw = {"type": "pyarrow", "compression": "none"}
        job = session.compute(np.random.default_rng(0).random(SIZE_BYTES // 8), format=raw, block=False).wait()
        ours = subprocess.Popen(
            [Path(sys.executable).with_name("bourn"), "serve", "--port", str(bourn_port)],
            env={**os.environ, "BOURN_HOME": folder}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(ours.wait)
        stack.callback(ours.terminate)
        theirs = _nginx(home, nginx_port)
        stack.callback(theirs.wait)
        stack.callback(theirs.terminate)
        path = next(
            path for path in (home / "store").rglob("*") if path.is_file() and path.stat().st_size >= SIZE_BYTES
        )
        _wait_for(f"http://127.0.0.1:{bourn_port}/healthz")
        url = f"http://127.0.0.1:{nginx_port}/{path.relative_to(home)}"
        _wait_for(f"http://127.0.0.1:{nginx_port}/")
        yield Served(ours, job.url), Served(theirs, url)
        session.close()


def _nginx(home: Path, port: int) -> subprocess.Popen[bytes]:
    assert NGINX is not None
    conf = home / "nginx.conf"
    user = "user root;\n" if os.geteuid() == 0 else ""  # its worker must be able to read our file
    conf.write_text(
        f"{user}daemon off; worker_processes 1; pid {home}/nginx.pid; error_log {home}/nginx.log; events {{}}\n"
        f"http {{ access_log off; sendfile on; server {{ listen 127.0.0.1:{port}; root {home}; }} }}\n"
    )
    return subprocess.Popen([NGINX, "-c", str(conf), "-e", str(home / "nginx.log")])


def _wait_for(url: str) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError):
            try:
                urlopen(url, timeout=1).close()
            except OSError as error:
                if not hasattr(error, "code"):  # an answer of any kind will do
                    raise
            return
        time.sleep(0.1)
    msg = f"no answer from {url}"
    raise TimeoutError(msg)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _family(pid: int) -> list[int]:
    """A process and those that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def _status(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    return 0
