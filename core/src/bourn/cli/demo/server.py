"""``bourn serve`` in a process for the demo, and downloads from it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess  # the demo shows the server as users start it
import sys
import time
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from bourn.cli.server import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["answers", "fetched", "free_port", "served"]

STARTING_SECONDS = 30.0
STOPPING_SECONDS = 15.0


def free_port() -> int:
    """Return a free port of this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def served(public_url: str, *, environment: Mapping[str, str], folder: Path | None = None) -> Iterator[bool]:
    """Run a server at that address during the block; give whether one answers.

    One that answers already is left alone, and none is started for an address elsewhere.
    """
    parts = urlsplit(public_url)
    if answers(public_url) or parts.hostname not in LOCAL:
        yield answers(public_url)
        return
    command = [sys.executable, "-m", "bourn.cli", "serve", "--port", str(parts.port or 80)]
    process = subprocess.Popen(  # noqa: S603  # our own command
        command, env=dict(environment), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield _waited_for(process, public_url)
    finally:
        process.terminate()
        try:
            process.wait(STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _waited_for(process: subprocess.Popen[bytes], public_url: str) -> bool:
    until = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if answers(public_url):
            return True
        time.sleep(0.05)
    return False


def answers(public_url: str) -> bool:
    """Return whether a healthy server answers."""
    try:
        with _opener(public_url).open(f"{public_url.rstrip('/')}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004  # OK
    except (URLError, OSError, ValueError):
        return False


def fetched(url: str) -> str:
    """Return the SHA-256 of what a link leads to, in hex.

    Raises
    ------
    OSError
        It leads to nothing.
    """
    digest = hashlib.sha256()
    with _opener(url).open(url, timeout=30) as answer:
        while piece := answer.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _opener(url: str):  # type: ignore[no-untyped-def]  # noqa: ANN202  # urllib's own class has no public name
    """Return an opener that uses no proxy for this machine."""
    local = urlsplit(url).hostname in LOCAL
    return build_opener(ProxyHandler({})) if local else build_opener()


def environment_for(home: Path, public_url: str) -> dict[str, str]:
    """Return the environment of a server on that home, without the settings of this installation."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOURN_")}
    return {**kept, "BOURN_HOME": str(home), "BOURN_PUBLIC_URL": public_url}
