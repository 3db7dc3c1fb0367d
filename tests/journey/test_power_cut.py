"""The order of writes of a job, as the system sees it: after a power cut at any moment, what was acknowledged is there.

A disk keeps for certain only what was synchronised: the bytes of a file by its own fsync, a name by that of its folder,
a commit by that of the ledger's log. The calls of a real job are replayed on such a disk; and then once more for each
of its fsyncs, without that one: each is needed.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = """
import os
from bourn import Session, Settings
from bourn.discovery.registry import Registry
from bourn.plugin import Destination, Receipt
from bourn_formats.json import JSON

def say(word):
    os.writev(1, [word + b"\\n"])

class Told(Destination):
    def deliver(self, artifact, options, context):
        say(b"delivered")  # as a mail is: it can't be called back
        return Receipt()

session = Session(Settings(), Registry.of(destinations={"told": Told()}, formats={"json": JSON}))
session.compute(0, destination="told")
say(b"begins")
assert session.compute(1, destination="told", block=False).result() == b"1"
say(b"acknowledged")
"""

CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (\d+)")
QUOTED = re.compile(r'"([^"]*)"')
OPENED = re.compile(r"^\d+<([^>]*)>")


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """What the second job of a process calls, up to its acknowledgement: (name, paths), by the time of return."""
    strace = shutil.which("strace")
    if strace is None:
        assert not os.environ.get("CI"), "this needs strace, and is never skipped in CI"
        pytest.skip("strace is not installed: apt-get install strace")
    folder = tmp_path_factory.mktemp("power")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOURN_")}
    environment |= {"BOURN_HOME": str(folder / "home"), "BOURN_WORKERS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    traced = "trace=fsync,fdatasync,link,mkdir,write,pwrite64,writev"
    subprocess.run(
        [strace, "-f", "-y", "-qq", "-s", "20", "-o", folder / "log", "-e", traced, sys.executable, "-c", CHILD],
        env=environment, check=True, timeout=250,
    )  # fmt: skip
    made = []
    waiting = {}
    for line in (folder / "log").read_text().splitlines():
        if line.endswith("<unfinished ...>"):
            waiting[line.split()[0]] = line.removesuffix("<unfinished ...>").rstrip()
            continue
        resumed = re.match(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$", line)
        whole = waiting.pop(resumed[1]) + resumed[2] if resumed else line
        found = CALL.match(whole)
        if found is None:
            continue
        name, given, _ = found.groups()
        if name == "writev" and "begins" in given:
            made.clear()
        elif name == "writev" and "acknowledged" in given:
            return made
        elif name == "writev":
            made.append(("deliver", [str(folder / "home")]))
        else:
            opened = OPENED.match(given)
            paths = [opened[1]] if opened else QUOTED.findall(given)
            made.append((name, [path for path in paths if "/home" in path]))
    raise AssertionError("it was never acknowledged")


class Disk:
    """Keeps what it was told to keep, and notes what a power cut could take although others build upon it."""

    def __init__(self):
        self.kept, self.named, self.made, self.log, self.taken = set(), set(), [], False, set()

    def call(self, name, path, to=None):
        if name in {"write", "pwrite64"}:
            self.write(path)
        elif name in {"fsync", "fdatasync"}:
            self.sync(path)
        else:
            if self.log:
                self.taken.add(f"the commit before {name}")
            if name == "link" and path not in self.kept:
                self.taken.add("the bytes: they got their name before they were kept")
            self.made += {"mkdir": [path], "link": [to]}.get(name, [])

    def write(self, path):
        if path.endswith("-wal"):
            self.log = True
            self.taken |= self.unnamed()  # a commit tells of what was made before: it must be kept by then
        self.kept.discard(path)

    def sync(self, path):
        if path.endswith("-wal"):
            self.log = False
        self.kept.add(path)
        self.named |= {each for each in self.made if str(Path(each).parent) == path}

    def unnamed(self):
        return {f"the name {each}" for each in self.made if each not in self.named}


def missing(calls):
    """What a power cut may take away, of what must be there when these calls are done."""
    disk = Disk()
    for name, paths in calls:
        if paths:
            disk.call(name, *paths)
    return disk.taken | disk.unnamed() | ({"the last commit"} if disk.log else set())


def test_what_was_acknowledged_is_there_after_a_power_cut(calls):
    assert [name for name, _ in calls].count("link") == 1
    assert missing(calls) == set()


def test_no_fsync_could_be_left_out(calls):
    synced = [index for index, (name, paths) in enumerate(calls) if name in {"fsync", "fdatasync"} and paths]
    needless = [calls[index] for index in synced if missing(calls[:index] + calls[index + 1 :]) == set()]
    assert needless == []
    assert len(synced) == 6  # file, its name, its folder's name; and three commits
