"""A result into a file: what speaks against it is said before anything is computed, and nothing else is touched."""

import io
import os
from pathlib import Path

import pytest
from bourn.errors import RequestError


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("missing/x.json", "there is no folder"),
        ("a\0b", "can't be a path"),
        (io.StringIO(), "expected a path or a binary file"),
        (7, "expected a path or a binary file, got 7"),
        (os.curdir, "is there, and is no regular file"),
        (os.devnull, "is there, and is no regular file"),
    ],
    ids=["no folder", "NUL", "text", "int", "folder", "device"],
)
def test_a_file_that_can_not_be_is_refused_before_anything_is_computed(session, file, message):
    called = []
    with pytest.raises(RequestError, match=message):
        session.compute(lambda: called.append(1), format="json", file=file)
    assert called == []
    assert Path(os.devnull).is_char_device()


def test_a_link_is_followed_and_permissions_stay(session, tmp_path):
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    session.compute(2, format="json", file=link)
    assert (link.is_symlink(), target.read_text(), target.stat().st_mode & 0o777) == (True, "2", 0o640)


def test_a_raw_file_that_takes_little_at_a_time_gets_everything(session):
    class Slow(io.RawIOBase):
        taken = b""

        def writable(self):
            return True

        def write(self, data):
            self.taken += bytes(data[:3])
            return min(3, len(data))

    file = Slow()
    session.compute("x" * 100, format="json", file=file)
    assert file.taken == b'"' + b"x" * 100 + b'"'


def test_an_old_file_survives_a_failure(session, tmp_path):
    path = tmp_path / "x.json"
    path.write_text("old")
    with pytest.raises(Exception, match="boom"):
        session.compute(boom, format="json", file=path)
    assert (path.read_text(), sorted(entry.name for entry in tmp_path.iterdir())) == ("old", ["home", "x.json"])


def boom():
    raise RuntimeError("boom")
