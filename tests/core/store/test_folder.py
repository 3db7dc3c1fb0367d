"""A folder as a store: whole or not at all, durable, never overwritten."""

import contextlib
import errno
import hashlib
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from bourn.store.store import open_store

KEY = "5c1e/0f.tif"
NOW = datetime.now(tz=UTC)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "deep" / "store"


@pytest.fixture
def store(root):
    return open_store(str(root))


def put(store, key, data):
    with store.create(key) as sink:
        sink.write(data)
    return sink


def read(store, key):
    with store.open(key) as file:
        return file.read()


def left(root):
    """Every file below the folder, temporary ones too."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_what_goes_in_comes_out_counted_and_hashed(store):
    """Small and big writes in any order are one object."""
    pieces = [b"a" * 10, b"b" * 3_000_000, b"", b"c" * 1_048_575, b"d", bytearray(b"e" * 700), b"f" * 1_048_576]
    with store.create(KEY) as sink:
        assert [len(piece) for piece in pieces] == [sink.write(piece) for piece in pieces]
        with pytest.raises(RuntimeError, match=r"^the digest is known after the with block$"):
            sink.sha256  # noqa: B018
    whole = b"".join(pieces)
    assert (len(whole), hashlib.sha256(whole).hexdigest()) == (sink.size_bytes, sink.sha256)
    assert whole == read(store, KEY)
    assert len(whole) == store.size(KEY)
    assert list(store.keys()) == [KEY]
    with pytest.raises(ValueError, match=r"^write to a finished sink$"):
        sink.write(b"more")


@pytest.mark.parametrize("array", [np.arange(24.0).reshape(2, 3, 4), np.zeros((0, 3)), np.array(7), np.array([True])])
def test_an_array_goes_in_as_its_bytes(store, array):
    put(store, KEY, memoryview(array))
    assert array.tobytes() == read(store, KEY)


def test_a_big_array_reaches_the_file_without_a_copy(store, monkeypatch):
    array = np.ones(1 << 20)
    written = []
    really = os.write
    monkeypatch.setattr(os, "write", lambda fd, piece: written.append(piece) or really(fd, piece))
    put(store, KEY, memoryview(array))
    monkeypatch.undo()
    start = array.__array_interface__["data"][0]
    addresses = [np.frombuffer(piece, np.uint8).__array_interface__["data"][0] for piece in written]
    assert all(start <= address < start + array.nbytes for address in addresses)


def test_short_writes_of_the_system_are_continued(store, monkeypatch):
    really = os.write
    monkeypatch.setattr(os, "write", lambda fd, piece: really(fd, piece[:1000]))
    put(store, KEY, b"0123456789" * 1000)
    monkeypatch.undo()
    assert read(store, KEY) == b"0123456789" * 1000


def test_an_empty_object_is_one(store):
    with store.create(KEY) as sink:
        pass
    assert (0, hashlib.sha256().hexdigest(), 0) == (sink.size_bytes, sink.sha256, store.size(KEY))


def test_nothing_is_visible_before_the_end(store, root):
    with store.create(KEY) as sink:
        sink.write(b"x" * 5_000_000)
        assert (store.size(KEY), list(store.keys()), store.local_path(KEY)) == (None, [], None)
    assert root / KEY == store.local_path(KEY)


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_inside_leaves_nothing(store, root, fault):
    def half_written():
        with store.create(KEY) as sink:
            sink.write(b"x" * 5_000_000)
            raise fault

    with pytest.raises(fault):
        half_written()
    assert left(root) == []
    put(store, KEY, b"whole")


def test_another_object_is_never_overwritten(store, root):
    put(store, KEY, b"first")
    with pytest.raises(FileExistsError, match="the object exists already"):
        put(store, KEY, b"other")
    with pytest.raises(FileExistsError, match="the object exists already"):
        put(store, KEY, b"first and more")
    assert read(store, KEY) == b"first"
    assert left(root) == [KEY]


def test_the_same_object_again_counts_as_done(store, root):
    """The answer to an earlier try got lost."""
    first = put(store, KEY, b"same")
    assert first.sha256 == put(store, KEY, b"same").sha256
    assert left(root) == [KEY]


def test_of_many_writers_on_one_key_one_wins(store, root):
    outcomes = []
    start = threading.Barrier(16)

    def write(number):
        try:
            with store.create(KEY) as sink:
                sink.write(b"%03d" % number * 100_000)
                start.wait()
        except FileExistsError:
            outcomes.append(None)
        else:
            outcomes.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [number for number in outcomes if number is not None]
    assert b"%03d" % winner * 100_000 == read(store, KEY)
    assert left(root) == [KEY]


def test_objects_made_and_deleted_in_one_folder_at_once_are_never_lost(store):
    """A delete takes the empty folder away under the feet of a create, which makes it anew."""
    faults = []

    def churn(name):
        try:
            for _ in range(40):
                put(store, f"job/{name}", name.encode())
                assert name.encode() == read(store, f"job/{name}")
                store.delete(f"job/{name}")
        except BaseException as fault:  # noqa: BLE001
            faults.append(fault)

    threads = [threading.Thread(target=churn, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert list(store.keys()) == []


def test_a_file_system_without_hard_links_is_served_by_rename(store, root, monkeypatch):
    def no_links(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    put(store, KEY, b"first")
    put(store, KEY, b"first")
    with pytest.raises(FileExistsError):
        put(store, KEY, b"other")
    store.copy(KEY, "copy/0f.tif")
    assert read(store, "copy/0f.tif") == b"first"
    assert left(root) == ["5c1e/0f.tif", "copy/0f.tif"]


def test_a_copy_is_a_second_name(store, root):
    put(store, KEY, b"first")
    store.copy(KEY, "a/1")
    store.copy(KEY, "a/1")
    assert (root / KEY).samefile(root / "a/1")
    store.delete(KEY)
    assert read(store, "a/1") == b"first"
    put(store, KEY, b"other")
    with pytest.raises(FileExistsError):
        store.copy(KEY, "a/1")
    with pytest.raises(FileNotFoundError):
        store.copy("no/such", "a/2")


def test_delete_takes_the_empty_folder_along_and_may_be_repeated(store, root):
    put(store, "job/a", b"1")
    put(store, "job/b", b"2")
    store.delete("job/a")
    assert [root / "job"] == [path for path in root.iterdir() if path.name != ".incoming"]
    store.delete("job/b")
    store.delete("job/b")
    store.delete("never/was")
    assert [path.name for path in root.iterdir()] == [".incoming"]


@pytest.mark.parametrize("action", ["open", "stream"])
def test_a_missing_object_is_reported(store, action):
    with pytest.raises(FileNotFoundError):
        store.open(KEY) if action == "open" else list(store.stream(KEY, 0, 1))


def test_keys_are_listed_by_prefix(store):
    for key in ["job1/a.tif", "job1/b.tif", "job2/a.tif", "top"]:
        put(store, key, b"")
    assert sorted(store.keys()) == ["job1/a.tif", "job1/b.tif", "job2/a.tif", "top"]
    assert sorted(store.keys("job1/")) == ["job1/a.tif", "job1/b.tif"]
    assert list(store.keys("job1/b")) == ["job1/b.tif"]
    assert list(store.keys("none/x")) == []


@pytest.mark.parametrize(
    "key",
    ["", ".", "..", "../x", "a/../b", "/etc/passwd", "a//b", "a/", ".incoming/x", "a/.b", "a\\b", "a\0b", "a b", "é",
     "a\n", "x" * 256, "a/..b", "a..b", "~/x", "%2e%2e/x", None, 7],
)  # fmt: skip
def test_no_value_becomes_a_path_outside(store, key):
    actions = [store.create, store.open, store.size, store.delete, store.local_path]
    for action in actions:
        with pytest.raises((ValueError, TypeError)):
            action(key).__enter__()
    with pytest.raises((ValueError, TypeError)):
        store.copy(key, "a")


@pytest.mark.parametrize("prefix", ["../", "a/../b", "a/../../", ".incoming/", ".incoming/x", "a/.b/", "a//"])
def test_no_prefix_looks_outside(store, prefix):
    with pytest.raises(ValueError, match=r"^not a key of the store: "):
        list(store.keys(prefix))


def test_ranges_are_streamed(store):
    data = os.urandom(2_500_000)
    put(store, KEY, data)
    for start, end in [(0, 0), (0, 1), (5, 2_400_000), (0, 2_500_000), (2_499_999, 2_500_000)]:
        assert data[start:end] == b"".join(store.stream(KEY, start, end))


def test_the_files_are_nobody_elses(store, root):
    put(store, KEY, b"mine")
    assert tuple(path.stat().st_mode & 0o777 for path in (root / KEY, (root / KEY).parent, root)) == (
        0o600,
        0o700,
        0o700,
    )


# Durability: what was asked of the system, and in which order.


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """The durable system calls, with the names of what they were about."""
    made = []

    def name_of(target):
        path = os.fspath(Path(f"/proc/self/fd/{target}").readlink()) if isinstance(target, int) else os.fspath(target)
        relative = os.path.relpath(path, tmp_path)
        return "TEMP" if "/.incoming/" in relative else relative

    def recorded(name):
        really = getattr(os, name)

        def call(*args, **options):
            subjects = args[:2] if name in {"link", "rename"} else args[:1]
            named = (name, *map(name_of, subjects))
            answer = really(*args, **options)
            made.append(named)  # a link that fails since its folder is still to be made does not count
            return answer

        monkeypatch.setattr(os, name, call)

    for name in ["fsync", "link", "rename", "unlink"]:
        recorded(name)
    return made


def test_an_object_is_durable_before_it_is_returned(store, calls):
    """Its bytes before its name, its name in its folder, the folder in the store, the store in its own folder."""
    put(store, KEY, b"first")
    made = [call for call in calls if call != ("fsync", ".") and call[1] != "deep/store/.incoming"]
    assert made == [
        ("fsync", "deep"),  # the store's own folder was new
        ("fsync", "deep/store"),  # and the folder of what comes in
        ("fsync", "TEMP"),
        ("link", "TEMP", "deep/store/5c1e/0f.tif"),
        ("fsync", "deep/store/5c1e"),
        ("fsync", "deep/store"),
        ("fsync", "deep"),
        ("unlink", "TEMP"),
    ]
    assert ("fsync", ".") in calls  # the new folder above the store


def test_a_second_object_is_as_durable_as_the_first(store, calls):
    """The folder may be of a writer that was killed before it wrote the folder down."""
    put(store, KEY, b"first")
    calls.clear()
    put(store, "5c1e/10.tif", b"second")
    assert calls == [
        ("fsync", "TEMP"),
        ("link", "TEMP", "deep/store/5c1e/10.tif"),
        ("fsync", "deep/store/5c1e"),
        ("fsync", "deep/store"),
        ("unlink", "TEMP"),
    ]


def test_a_repeated_object_is_made_durable_again(store, calls):
    """Its first writer may have been killed between the link and the folder's fsync."""
    put(store, KEY, b"first")
    calls.clear()
    put(store, KEY, b"first")
    assert calls == [
        ("fsync", "TEMP"),
        ("fsync", "deep/store/5c1e"),
        ("fsync", "deep/store"),
        ("unlink", "TEMP"),
    ]


def test_a_deleted_object_stays_deleted(store, calls):
    put(store, KEY, b"first")
    calls.clear()
    store.delete(KEY)
    assert calls == [("unlink", "deep/store/5c1e/0f.tif"), ("fsync", "deep/store/5c1e"), ("fsync", "deep/store")]
    calls.clear()
    put(store, KEY, b"first")
    Path(store.local_path(KEY)).unlink()
    calls.clear()
    store.delete(KEY)
    assert calls[-2:] == [("fsync", "deep/store/5c1e"), ("fsync", "deep/store")]


def test_a_copy_is_durable(store, calls):
    put(store, KEY, b"first")
    calls.clear()
    store.copy(KEY, "b/1")
    assert calls == [
        ("link", "deep/store/5c1e/0f.tif", "deep/store/b/1"),
        ("fsync", "deep/store/b"),
        ("fsync", "deep/store"),
    ]


# Faults of the disk: typed, nothing visible, temporary space given back.


def fault_of(action, *args):
    try:
        action(*args)
    except OSError as fault:
        return fault
    return None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EMFILE, errno.EDQUOT])
@pytest.mark.parametrize("name", ["write", "fsync", "link", "open"])
def test_each_call_may_fail_in_turn(store, root, monkeypatch, name, code):
    put(store, "other/1", b"kept")
    really = getattr(os, name)
    for nth in range(1, 20):
        count = 0

        def failing(*args, **options):
            nonlocal count
            count += 1
            if count == nth:  # noqa: B023  # called in this turn only
                raise OSError(code, os.strerror(code))
            return really(*args, **options)

        with monkeypatch.context() as patched:
            patched.setattr(os, name, failing)
            fault = fault_of(put, store, KEY, b"x" * 3_000_000)
        if fault is None:
            break
        assert fault.errno == code
        assert left(root) == ["other/1"]
    assert nth > 1
    assert read(store, KEY) == b"x" * 3_000_000


def in_process(code, *args, **options):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        capture_output=True, text=True, check=False, timeout=60, **options,
    )  # fmt: skip


def test_a_file_that_grows_too_big_is_reported_and_removed(root):
    """EFBIG from the system itself."""
    code = """
        import sys
        from bourn.store.store import open_store
        try:
            with open_store(sys.argv[1]).create("a/1") as sink:
                sink.write(b"x" * 5_000_000)
        except OSError as error:
            print(error.errno)
    """

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))

    assert f"{errno.EFBIG}\n" == in_process(code, root, preexec_fn=limit).stdout
    assert left(root) == []


# Death: nothing visible, and what is left behind is swept away.

KILLED = """
    import os, signal, sys
    from bourn.store.store import open_store
    root, name, nth = sys.argv[1], sys.argv[2], int(sys.argv[3])
    store = open_store(root)
    with store.create("first/1") as sink:
        sink.write(b"kept")
    really, count = getattr(os, name), 0
    def dying(*args, **options):
        global count
        count += 1
        if count == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return really(*args, **options)
    setattr(os, name, dying)
    with store.create("a/1") as sink:
        for _ in range(3):
            sink.write(b"x" * 1_048_576)
    print("done")
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["write", "fsync", "link", "unlink", "open"])
def test_killed_at_any_call_an_object_is_whole_or_absent(tmp_path, name):
    for nth in range(1, 12):
        root = tmp_path / str(nth)
        outcome = in_process(KILLED, root, name, nth)
        store = open_store(str(root))
        keys = set(store.keys())
        assert keys in ({"first/1"}, {"first/1", "a/1"})
        if "a/1" in keys:
            assert read(store, "a/1") == b"x" * 3 * 1_048_576
        store.clean(timedelta(0), datetime.now(tz=UTC))
        assert keys == set(left(root))
        put(store, "a/1", b"x" * 3 * 1_048_576)  # the next try
        if outcome.stdout == "done\n":
            break
        assert outcome.returncode == -signal.SIGKILL
    assert nth > 1


def test_clean_leaves_the_living_and_the_young_alone(store, root):
    with store.create(KEY) as sink:
        sink.write(b"x" * 2_000_000)
        assert store.clean(timedelta(0), NOW + timedelta(days=1)) == 0
    abandoned = root / ".incoming" / "0123"
    abandoned.touch()
    os.utime(abandoned, (NOW.timestamp(), NOW.timestamp()))
    (root / "empty").mkdir()
    os.utime(root / "empty", (NOW.timestamp(), NOW.timestamp()))
    assert store.clean(timedelta(hours=1), NOW + timedelta(minutes=59)) == 0
    assert abandoned.exists()
    assert store.clean(timedelta(hours=1), NOW + timedelta(minutes=61)) == 1
    assert not abandoned.exists()
    assert not (root / "empty").exists()
    assert read(store, KEY) == b"x" * 2_000_000
    assert open_store(str(root / "nowhere")).clean(timedelta(0), NOW) == 0


def test_a_folder_has_many_spellings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(open_store("a b"), KEY, b"1")
    assert read(open_store((tmp_path / "a b").as_uri()), KEY) == b"1"
    assert read(open_store(f"file://localhost{tmp_path}/a%20b"), KEY) == b"1"
    with pytest.raises(ValueError, match=r"^file:// takes an absolute path \(file:///folder\), got the host 'srv'$"):
        open_store("file://srv/a")
    with pytest.raises(ValueError, match=r"^a folder takes no options, got endpoint$"):
        open_store("a", endpoint="x")


@pytest.mark.parametrize("how", ["file", "folder"])
def test_symbolic_links_are_not_followed_out_of_the_store(store, tmp_path, how):
    """One who may put a name into the store's folder may not read with the rights of its owner."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_bytes(b"root")
    with store.create("job/x.txt") as sink:
        sink.write(b"mine")
    path = store.local_path("job/x.txt")
    path.unlink()
    if how == "file":
        path.symlink_to(outside / "secret.txt")
        key = "job/x.txt"
    else:
        path.parent.rmdir()
        path.parent.symlink_to(outside)
        key = "job/secret.txt"
    assert (store.size(key), store.local_path(key)) == (None, None)
    with pytest.raises(OSError, match=r"Too many levels of symbolic links|Not a directory"):
        store.open(key)
    with pytest.raises(OSError, match=r"Too many levels of symbolic links|Not a directory"):
        list(store.stream(key, 0, 4))


def test_what_is_no_regular_file_is_not_opened(store):
    """A named pipe would wait for ever for somebody who writes."""
    with store.create("job/x.txt") as sink:
        sink.write(b"mine")
    os.mkfifo(store.local_path("job/x.txt").with_name("pipe"))
    assert store.size("job/pipe") is None
    with pytest.raises(OSError, match="not a regular file"):
        store.open("job/pipe")
    with pytest.raises(OSError):  # noqa: PT011  # the system's own words
        store.open("job")


def test_no_file_is_left_open(store):
    with store.create("job/x.txt") as sink:
        sink.write(b"mine")
    files = Path("/proc/self/fd")
    before = len(list(files.iterdir()))
    for key in ("job/x.txt", "job/none", "none/none"):
        with contextlib.suppress(FileNotFoundError), store.open(key) as file:
            file.read()
    assert len(list(files.iterdir())) == before
