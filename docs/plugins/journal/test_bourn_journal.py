"""The destination journal keeps what every destination should, and something of its own."""

import csv
from contextlib import contextmanager
from pathlib import Path

import pytest
from bourn.testing import DestinationContract
from bourn_journal import Journal


class TestJournal(DestinationContract):
    destination = Journal

    @pytest.fixture
    def options(self, tmp_path):
        self.folder = tmp_path / "results"
        return {"folder": str(self.folder)}

    def read_back(self, receipt, job):
        return Path(receipt.detail["path"]).read_bytes()

    def visible(self):
        """Lines, each with its file: what the one has and the other has not is seen, too."""
        lines = {line[2] for line in self.log()}
        files = {path.name for path in self.folder.glob("*") if path.name[0] != "." and path.name != "log.csv"}
        return lines | files

    def log(self):
        path = self.folder / "log.csv"
        return list(csv.reader(path.read_text().splitlines())) if path.exists() else []

    @contextmanager
    def outage(self):
        away = self.folder.with_name("away")
        if self.folder.exists():
            self.folder.rename(away)
        self.folder.touch()
        yield
        self.folder.unlink()
        if away.exists():
            away.rename(self.folder)

    # What no other destination has, by the fixtures that the tests above use, too.

    def test_a_line_says_when(self, trial, clock):
        trial.send(1, format="json")
        clock.move(hours=1)
        trial.send(2, format="json")
        assert [line[1] for line in self.log()] == ["2026-01-01T12:00:00+00:00", "2026-01-01T13:00:00+00:00"]

    def test_what_is_tried_again_has_one_line(self, trial):
        with self.outage():
            job = trial.tried({"a": 1}, format="json")
            assert "can't be written to" in job.progress.note
        assert trial.settle(job).stage == "SUCCEEDED"
        assert len(self.log()) == 1
