"""A result into a file: what speaks against it is said before anything is computed, and nothing else is touched."""

import io
import os
import socket
import stat
import threading
import time
from pathlib import Path

import pytest
from bourn.errors import RequestError
from bourn.job import file as job_file


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("missing/x.json", "there is no folder"),
        ("a\0b", "can't be a path"),
        (io.StringIO(), "expected a path or a binary file"),
        (7, "expected a path or a binary file, got 7"),
        (os.curdir, "exists and is not a regular file"),
        (os.devnull, "exists and is not a regular file"),
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


LARGE = "x" * 3_000_000


def read_later(read, got, seconds=0.3):
    def drain():
        time.sleep(seconds)
        while piece := read(1 << 16):
            got.extend(piece)

    thread = threading.Thread(target=drain, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("buffering", [0, -1])
def test_a_pipe_gets_everything(session, blocking, buffering):
    reading, writing = os.pipe()
    os.set_blocking(writing, blocking)
    got = bytearray()
    thread = read_later(lambda size: os.read(reading, size), got)
    with os.fdopen(writing, "wb", buffering=buffering) as pipe:
        session.compute(LARGE, format="json", file=pipe)
    thread.join(30)
    os.close(reading)
    assert bytes(got) == f'"{LARGE}"'.encode()


def test_a_socket_gets_everything(session):
    one, other = socket.socketpair()
    one.setblocking(False)
    got = bytearray()
    thread = read_later(other.recv, got)
    with one, one.makefile("wb", buffering=0) as file:
        session.compute(LARGE, format="json", file=file)
        one.shutdown(socket.SHUT_WR)
        thread.join(30)
    other.close()
    assert bytes(got) == f'"{LARGE}"'.encode()


class Odd:
    """A file whose write answers something odd."""

    def __init__(self, answer):
        self.answer = answer
        self.taken = b""

    def write(self, data):
        self.taken += bytes(data)
        return self.answer


@pytest.mark.slow
@pytest.mark.parametrize("answer", [0, -1, 10**9, True, "3", 1.0, b"", []], ids=repr)
def test_a_file_that_answers_something_odd_is_an_error_and_no_hang(session, monkeypatch, answer):
    monkeypatch.setattr(job_file, "STALL_UNKNOWN_SECONDS", 0.1)
    with pytest.raises(OSError, match=r"takes no more bytes|write\(\) of Odd returned"):
        session.compute(2, format="json", file=Odd(answer))


def test_a_pipe_that_is_never_read_is_an_error(session, monkeypatch):
    monkeypatch.setattr(job_file, "STALL_SECONDS", 0.2)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(writing, "wb", buffering=0) as pipe, pytest.raises(OSError, match="takes no more bytes"):
        session.compute(LARGE, format="json", file=pipe)
    os.close(reading)


def test_a_file_that_says_nothing_has_taken_all(session):
    file = Odd(None)
    session.compute(2, format="json", file=file)
    assert file.taken == b"2"


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A folder that all may write to, with the sticky bit, of another user; files in it are of a third one."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 4242)

    class Status:
        def __init__(self, status):
            self.st_mode, self.st_uid = status.st_mode, status.st_uid
            if not (self.st_mode & stat.S_ISVTX):
                self.st_uid += 1

    real_stat, real_lstat = Path.stat, Path.lstat
    monkeypatch.setattr(Path, "stat", lambda path, **more: Status(real_stat(path, **more)))
    monkeypatch.setattr(Path, "lstat", lambda path: Status(real_lstat(path)))
    return folder


def test_what_another_user_laid_out_in_a_shared_folder_is_not_written_through(session, shared, tmp_path):
    mine = tmp_path / "mine.json"
    mine.write_text("old")
    (shared / "link.json").symlink_to(mine)
    (shared / "file.json").write_text("theirs")
    (shared / "deep").symlink_to(tmp_path)
    for name, message in {
        "link.json": "symbolic link of another user",
        "file.json": "belongs to another user",
        "deep/mine.json": "symbolic link of another user",
    }.items():
        with pytest.raises(RequestError, match=message):
            session.compute(2, format="json", file=shared / name)
    assert (mine.read_text(), (shared / "file.json").read_text()) == ("old", "theirs")


def test_ones_own_file_in_a_shared_folder_is_written(session, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "x.json").write_text("old")
    (shared / "link.json").symlink_to(shared / "x.json")
    session.compute(2, format="json", file=shared / "link.json")
    assert (shared / "x.json").read_text() == "2"


def test_an_old_file_survives_a_failure(session, tmp_path):
    path = tmp_path / "x.json"
    path.write_text("old")
    with pytest.raises(Exception, match="boom"):
        session.compute(boom, format="json", file=path)
    assert (path.read_text(), sorted(entry.name for entry in tmp_path.iterdir())) == ("old", ["home", "x.json"])


def boom():
    raise RuntimeError("boom")


ARROW = b"\xff\xff\xff\xff"


class TestSuffix:
    """The suffix of a path says the format, where none is given."""

    @pytest.mark.parametrize(
        ("name", "begins"),
        [
            ("x.json", b"[1"),
            ("x.JSON", b"[1"),
            ("x.arrow", ARROW),
            ("x.msgpack", b"\x93"),
            ("x.unknown", ARROW),
        ],
    )
    def test_of_a_value(self, session, tmp_path, name, begins):
        session.compute([1, 2, 3], file=tmp_path / name)
        got = (tmp_path / name).read_bytes()
        assert begins in got[:16]

    @pytest.mark.parametrize("name", ["x.tif", "x.tiff", "x.TIF"])
    def test_of_an_image(self, session, tmp_path, name):
        import numpy as np
        from bourn import Image

        plan = session.plan(Image(np.zeros((1, 4, 4), "uint8")), file=tmp_path / name)
        assert plan.format["type"] == "geotiff"
        assert "the suffix of the file says" in str([note.message for note in plan.notes])

    def test_a_result_that_the_format_does_not_take_is_refused(self, session, tmp_path):
        with pytest.raises(RequestError, match="geotiff"):
            session.compute({"a": 1}, file=tmp_path / "x.tif")

    def test_a_named_format_that_does_not_fit_is_a_note(self, session, tmp_path):
        path = tmp_path / "x.json"
        assert [note for note in session.plan(1, file=path, format="json").notes if "is named" in note.message] == []
        plan = session.plan(1, file=path, format="msgpack")
        assert "the file is named 'x.json', and its content is msgpack" in [note.message for note in plan.notes]

    def test_a_file_object_says_nothing(self, session):
        assert session.plan(1, file=io.BytesIO()).format["type"] == "pyarrow"
