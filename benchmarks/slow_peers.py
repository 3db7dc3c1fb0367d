"""Slow readers and idle connections on one server: its memory, and how soon ``/healthz`` answers meanwhile.

``python benchmarks/slow_peers.py [READERS] [IDLE]``: so many clients ask for 64 MiB and read a byte now and then; so
many connect and say nothing. Both by one process of non-blocking sockets.
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

from serving import _free_port, _status, _wait_for

SIZE_BYTES = 64 << 20
HOLD_SECONDS = 20.0


class Probe(threading.Thread):
    """Asks for ``/healthz`` again and again; keeps the longest time that an answer took."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.slowest: dict[str, float] = {}
        self.failures = 0
        self.phase = "before"
        self.begin = threading.Event()

    def run(self) -> None:
        while True:
            phase, begun = self.phase, time.perf_counter()
            try:
                urlopen(self._url, timeout=10).read()
            except OSError:
                self.failures += 1
            took = time.perf_counter() - begun
            self.slowest[phase] = max(self.slowest.get(phase, 0.0), took)
            time.sleep(0.05)


def connect(port: int, count: int, request: bytes) -> list[socket.socket]:
    """Connections that are set up as fast as the server accepts them; each sends its request, if there is one."""
    made = []
    for _ in range(count):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", port))
        if request:
            sock.sendall(request)
        sock.setblocking(False)
        made.append(sock)
    return made


def main(readers: int, idle: int) -> None:
    """Measure, and print one line a figure."""
    with tempfile.TemporaryDirectory(prefix="bourn-bench-", dir=Path.home()) as folder:
        os.environ["BOURN_HOME"] = folder
        port = _free_port()
        import bourn
        import numpy as np

        session = bourn.Session(bourn.Settings(home=folder, public_url=f"http://127.0.0.1:{port}"))
        raw = {"type": "pyarrow", "compression": "none"}
        job = session.compute(np.random.default_rng(0).random(SIZE_BYTES // 8), format=raw, block=False).wait()
        path = urlsplit(job.url).path
        server = subprocess.Popen(
            [Path(sys.executable).with_name("bourn"), "serve", "--port", str(port)],
            env={**os.environ, "BOURN_HOME": folder}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz")
            urlopen(job.url).read(1)
            before = _status(server.pid, "VmRSS") / 1024
            probe = Probe(f"http://127.0.0.1:{port}/healthz")
            probe.start()
            probe.phase = "connecting"
            quiet = connect(port, idle, b"")
            request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
            slow = connect(port, readers, request)
            probe.phase = "reading slowly"
            chooser = selectors.DefaultSelector()
            answered = set()
            for sock in slow:
                chooser.register(sock, selectors.EVENT_READ)
            end = time.monotonic() + HOLD_SECONDS
            most = before
            while time.monotonic() < end:
                for key, _ in chooser.select(0.5):
                    try:
                        if key.fileobj.recv(1):  # type: ignore[union-attr]
                            answered.add(key.fd)
                    except OSError:
                        pass
                most = max(most, _status(server.pid, "VmRSS") / 1024)
                time.sleep(0.2)
            print(f"readers answered        {len(answered)} of {readers}, beside {idle} idle connections")
            print(f"memory                  {before:.0f} MiB before, {most:.0f} MiB at most")
            print(f"a slow reader           {(most - before) * 1024 / max(readers, 1):.0f} KiB")
            for phase, seconds in probe.slowest.items():
                print(f"slowest /healthz        {seconds:.2f} s while {phase}")
            print(f"/healthz failed         {probe.failures} times")
            for sock in [*quiet, *slow]:
                sock.close()
        finally:
            server.terminate()
            server.wait()
            session.close()


if __name__ == "__main__":
    main(*(int(value) for value in (sys.argv[1:] + ["3000", "2000"][len(sys.argv) - 1 :])))
