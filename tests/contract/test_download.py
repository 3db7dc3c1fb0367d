"""Download keeps the contract: what its links lead to, over a real HTTP server."""

import threading
import time
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest
import uvicorn
from bourn.errors import LinkError
from bourn.serve import application
from bourn.testing import DestinationContract


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


class TestDownload(DestinationContract):
    name = "download"

    @pytest.fixture(autouse=True)
    def _served(self):
        self.sessions, self.clients = [], {}
        with ExitStack() as self.stack:
            yield

    def began(self, trial):
        self.sessions.append(trial.session)

    def witness(self, receipt, job):
        session = next(session for session in self.sessions if session.home is job._home)
        if session not in self.clients:
            self.clients[session] = self.stack.enter_context(served(session))
        return self.clients[session].get(httpx.URL(receipt.url).path).raise_for_status().content

    def visible(self):
        found = []
        for session in self.sessions:
            for job in session.jobs(limit=None):
                with suppress(LinkError):
                    found.append(session.links.resolve(session.links.token(job.refresh()._known().delivery_id)))
        return found
