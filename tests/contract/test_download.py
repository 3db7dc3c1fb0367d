"""Download keeps the contract: what its links lead to, over a real HTTP server."""

from contextlib import ExitStack, suppress

import pytest
from bourn.errors import LinkError
from bourn.testing import DestinationContract
from served import Fetching

pytestmark = pytest.mark.slow


class TestDownload(DestinationContract):
    name = "download"

    @pytest.fixture(autouse=True)
    def _served(self):
        with ExitStack() as stack:
            self.fetching = Fetching(stack)
            yield

    def began(self, trial):
        self.fetching.sessions.append(trial.session)

    def read_back(self, receipt, job):
        return self.fetching.fetch(receipt.url, job)

    def visible(self):
        found = []
        for session in self.fetching.sessions:
            for job in session.jobs(limit=None):
                with suppress(LinkError):
                    found.append(session.links.resolve(session.links.token(job.refresh()._known().delivery_id)))
        return found
