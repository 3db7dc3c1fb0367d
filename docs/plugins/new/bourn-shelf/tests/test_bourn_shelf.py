"""The destination shelf keeps what every destination should: `bourn.testing` has the tests."""

from contextlib import contextmanager
from pathlib import Path

import pytest
from bourn.testing import DestinationContract


class TestShelf(DestinationContract):
    name = "shelf"

    @pytest.fixture
    def options(self, tmp_path):
        """What a request says."""
        self.folder = tmp_path / "results"
        return {"folder": str(self.folder)}

    def read_back(self, receipt, job):
        """The bytes that arrived, read without the plugin's own code."""
        return Path(receipt.detail["path"]).read_bytes()

    def visible(self):
        """All that anybody can see at the other end now."""
        return [path.name for path in self.folder.glob("*") if not path.name.startswith(".")]

    @contextmanager
    def outage(self):
        """While this lasts, the other end does not work: a file is where the folder should be."""
        away = self.folder.with_name("away")
        if self.folder.exists():
            self.folder.rename(away)
        self.folder.touch()
        yield
        self.folder.unlink()
        if away.exists():
            away.rename(self.folder)
