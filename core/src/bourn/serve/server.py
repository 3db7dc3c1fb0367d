"""Runs the application in this process."""

from __future__ import annotations

import logging
import re
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn

from bourn.serve.app import application
from bourn.serve.protocol import HEAD_BYTES, BoundedProtocol

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from bourn.serve.session import Serving

__all__ = ["configuration", "run"]

KEEP_ALIVE_SECONDS = 15
STOPPING_SECONDS = 10
BACKLOG = 1024

RESERVED_FILES = 64
"""Files that the process opens besides its connections: the ledger, the log, modules."""

MOST_CONNECTIONS = 20_000

_TOKEN = re.compile(r"/d/[^/?\s]+")


class _WithoutTokens(logging.Filter):
    """Removes tokens from the access log: anyone who has one has the data."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_TOKEN.sub("/d/***", each) if isinstance(each, str) else each for each in record.args)
        return True


def configuration(app: Starlette, *, connections: int | None = None, **options: Any) -> uvicorn.Config:
    """Return uvicorn's configuration with every limit set.

    Parameters
    ----------
    app : Starlette
    connections : int, optional
        How many there may be at once; by default half of the files that the process may open, since each download
        opens one.
    **options
        Of `uvicorn.Config`.
    """
    protocol = partial(BoundedProtocol, most_connections=connections or _connections(), waiting={})
    return uvicorn.Config(
        app,
        http=protocol,  # type: ignore[arg-type]  # called as a class is
        h11_max_incomplete_event_size=HEAD_BYTES,
        loop="asyncio",  # whose sendfile uvloop does not have
        ws="none",
        backlog=BACKLOG,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOPPING_SECONDS,
        **options,
    )


def _connections() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST_CONNECTIONS + RESERVED_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(8, min(MOST_CONNECTIONS, (allowed - RESERVED_FILES) // 2))


def run(session: Serving, host: str = "127.0.0.1", port: int = 8622) -> None:
    """Serve until a signal ends it; running downloads have ten seconds to end.

    Raises
    ------
    OSError
        It can't listen there: the port is taken or not allowed.
    """
    config = configuration(application(session), host=host, port=port)
    logging.getLogger("uvicorn.access").addFilter(_WithoutTokens())
    # Bound here: uvicorn would leave with an exit status of its own, after everything else has started. It is uvicorn
    # that listens, once it can answer.
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        logging.getLogger("uvicorn.error").info("Serving at %s/registry and below; Ctrl-C ends it", address)
        uvicorn.Server(config).run(sockets=[bound])
