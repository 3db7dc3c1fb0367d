"""Runs the application in this process."""

from __future__ import annotations

import logging
import re
import socket
from typing import TYPE_CHECKING

import uvicorn

from bourn.serve.app import application

if TYPE_CHECKING:
    from bourn.serve.serving import Serving

__all__ = ["run"]

_TOKEN = re.compile(r"/d/[^/?\s]+")


class _WithoutTokens(logging.Filter):
    """Who has a token has the data: the access log shows none."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_TOKEN.sub("/d/***", each) if isinstance(each, str) else each for each in record.args)
        return True


def run(session: Serving, host: str = "127.0.0.1", port: int = 8622) -> None:
    """Serve until a signal ends it; downloads under way have ten seconds to end.

    Raises
    ------
    OSError
        It can't listen there: the port is taken, or is not to be had.
    """
    config = uvicorn.Config(
        application(session), host=host, port=port, server_header=False, timeout_graceful_shutdown=10
    )
    logging.getLogger("uvicorn.access").addFilter(_WithoutTokens())
    # Bound here: uvicorn would leave with an exit status of its own, after everything else has started. It is uvicorn
    # that listens, once it can answer.
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        logging.getLogger("uvicorn.error").info("Serving at %s/registry and below; Ctrl-C ends it", address)
        uvicorn.Server(config).run(sockets=[bound])
