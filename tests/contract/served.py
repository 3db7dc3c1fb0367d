"""A session's links, answered by a real server."""

import threading
import time
from contextlib import contextmanager

import httpx
import uvicorn
from bourn.serve import application


@contextmanager
def served(session):
    """The session's links, answered on a free port."""
    server = uvicorn.Server(uvicorn.Config(application(session), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    with httpx.Client(base_url=f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}") as client:
        yield client
    server.should_exit = True
    thread.join()


class Fetching:
    """For a contract: what the links of its sessions lead to."""

    def __init__(self, stack):
        self._stack, self._clients, self.sessions = stack, {}, []

    def fetch(self, url, job):
        session = next(session for session in self.sessions if session.engine is job._engine)
        if session not in self._clients:
            self._clients[session] = self._stack.enter_context(served(session))
        return self._clients[session].get(httpx.URL(url).path).raise_for_status().content
