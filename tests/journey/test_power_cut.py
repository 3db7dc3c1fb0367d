"""The order of writes of jobs, as the system sees it: after a power cut at any moment, what was acknowledged is there.

A disk keeps for certain only what was synchronised: the bytes of a file by its own fsync, a name by that of its folder,
a commit by that of the ledger's log. The calls of real jobs are replayed on such a disk: nothing is missing. Then
the jobs are carried out by a bourn that has one fsync less, for each place in the code that calls for one: each time
something is missing. And a call at a time is left out of the replay: each is needed.
"""

import ast
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bourn
import bourn_email
import pytest
from programs import require

pytestmark = pytest.mark.deep

SOURCES = sorted(
    path
    for package in (bourn, bourn_email)
    for path in Path(package.__file__).parent.rglob("*.py")
    if not {"migrations", "template"} & set(path.parts)
)
SYNCING = re.compile(r"(^|_)(?<!run_)f?sync(_|$)")
COMMITS = "FULL"
"""What SQLite is set to, to have commits synchronised."""

CALLERS = "/home/result"
"""A file of the caller's own."""

CHILD = """
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
import bourn.job.maintenance
from bourn import Session, Settings
from bourn.plugins.registry import Registry
from bourn.plugin import Destination, Receipt
from bourn_download import Download
from bourn_email.plugin import Email
from bourn_formats.json import JSON

HOME = Path(os.environ["BOURN_HOME"])
bourn.job.maintenance.TICK_SECONDS = 600  # progress is written now and then, and need not be kept

def say(word):
    os.writev(1, [word + b"\\n"])

class Recorded(Destination):
    def deliver(self, artifact, options, context):
        say(b"delivered")  # as a mail is: it can't be called back
        return Receipt()

def session_at(name, clock=None, **settings):
    destinations = {"recorded": Recorded(), "download": Download(), "email": Email()}
    registry = Registry.of(destinations=destinations, formats={"json": JSON})
    given = {} if clock is None else {"clock": clock}
    return Session(Settings(home=str(HOME / name), **settings), registry, **given)

# From nothing at all.
session = session_at("new/home", store_url=str(HOME / "new/place/of/store"))
session.compute(0, destination="recorded")
say(b"acknowledged the first")
say(b"begins")
assert session.compute(1, destination="recorded", block=False).result() == b"1"
say(b"acknowledged the second")
session.compute(2, destination=["recorded", "recorded"])
say(b"acknowledged two with one encoding")
session.compute(3, destination={"type": "email", "to": "you@example.org"})
say(b"acknowledged a mail")
session.compute(4, destination="download", file=HOME / "result")
say(b"acknowledged a file")

def killed(path):
    # As by a process that was killed before it came to its next line.
    path.parent.mkdir()
    with open(path.with_name("unnamed"), "wb") as file:
        file.write(b"the same")
        file.flush()
        os.fsync(file.fileno())
    os.link(path.with_name("unnamed"), path)

killed(session.store.root / "a" / "b")
with session.store.create("a/b") as sink:
    sink.write(b"the same")
say(b"acknowledged what was there already")
session.close()

(HOME / "place").mkdir()
os.fsync(os.open(HOME, os.O_RDONLY))
(HOME / "place" / "store").mkdir()  # as by a process that was killed, too
(HOME / "place" / "store" / ".incoming").mkdir()
session = session_at("half", store_url=str(HOME / "place" / "store"))
session.compute(5, destination="recorded")
say(b"acknowledged the first in a store that was begun")
session.close()

later = datetime.now(UTC) + timedelta(days=11)
session = session_at("half", clock=lambda: later, store_url=str(HOME / "place" / "store"))
session.sweep()
say(b"acknowledged an end")
session.close()
say(b"ends")
"""

WITHOUT = """
import ast, importlib.machinery
really = importlib.machinery.SourceFileLoader.get_code
class Without(ast.NodeTransformer):
    done = 0
    def visit(self, node):
        if (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)) == (LINE, COLUMN) and isinstance(node, KIND):
            self.done += 1
            return ast.copy_location(ast.Constant("OFF" if KIND is ast.Constant else None), node)
        return self.generic_visit(node)
def get_code(self, name):
    path = self.get_filename(name)
    if path != PATH:
        return really(self, name)
    without = Without()
    tree = ast.fix_missing_locations(without.visit(ast.parse(self.get_data(path))))
    assert without.done == 1, without.done
    return compile(tree, path, "exec")
importlib.machinery.SourceFileLoader.get_code = get_code
"""


def places():
    """Each place in the code that has something synchronised: where a call begins, or the word for commits."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
                if SYNCING.search(name):
                    yield f"{path.stem}:{node.lineno}", path, node
            elif isinstance(node, ast.Constant) and node.value == COMMITS and path.stem == "connection":
                yield f"{path.stem}:{node.lineno}", path, node


def without(path, node):
    """What has the child run without it."""
    kind = f"ast.{type(node).__name__}"
    return f"PATH, LINE, COLUMN = {str(path)!r}, {node.lineno}, {node.col_offset}\n" + WITHOUT.replace("KIND", kind)


CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (\d+)")
QUOTED = re.compile(r'"([^"]*)"')
OPENED = re.compile(r"^\d+<([^>]*)>")


def carried_out(folder, prelude=""):
    """What the jobs call: (name, paths), by the time of return; what is said is recorded as ``say``."""
    strace = require("strace")
    folder.mkdir(parents=True)
    (folder / "home").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOURN_")}
    environment |= {"BOURN_HOME": str(folder / "home"), "BOURN_WORKERS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    traced = "trace=fsync,fdatasync,link,rename,unlink,rmdir,mkdir,write,pwrite64,writev"
    done = subprocess.run(
        [strace, "-f", "--seccomp-bpf", "-y", "-qq", "-s", "60", "-o", folder / "log", "-e", traced, sys.executable,
         "-c", prelude + CHILD],
        env=environment, check=False, timeout=250, capture_output=True,
    )  # fmt: skip
    assert done.stdout.endswith(b"ends\n"), done.stderr.decode()
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
        if name == "writev":
            made.append(("say", QUOTED.findall(given)[:1]))
        else:
            opened = OPENED.match(given)
            paths = [opened[1]] if opened else QUOTED.findall(given)
            made.append((name, [path for path in paths if "/home" in path]))
    return [(name, paths) for name, paths in made if paths]


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    return carried_out(tmp_path_factory.mktemp("power") / "whole")


@pytest.fixture(scope="module")
def second(calls):
    """The calls of the second job alone, up to its acknowledgement."""
    said = [index for index, call in enumerate(calls) if call[0] == "say"]
    start = next(index for index in said if "begins" in calls[index][1][0])
    return calls[start : next(index for index in said if "the second" in calls[index][1][0]) + 1]


class Disk:
    """Keeps what it was asked to keep, and notes what a power cut could take although others build upon it."""

    def __init__(self):
        self.kept, self.made, self.gone, self.log, self.taken = set(), {}, {}, set(), set()
        self.counted_on = set()

    def call(self, name, path, to=None):
        if name in {"write", "pwrite64"}:
            self.write(path)
        elif name in {"fsync", "fdatasync"}:
            self.sync(path)
        elif name == "say":
            self.said(path)
        elif name in {"unlink", "rmdir"}:
            self.remove(path)
        else:
            # An object that is there must be in the ledger; a file of the caller's or a mail need not.
            if self.log and name == "link":
                self.taken.add(f"the commit before {name}")
            if name in {"link", "rename"} and path not in self.kept:
                self.taken.add(f"the bytes of {to}: they got their name before they were kept")
            self.name(path if name == "mkdir" else to)
            if name != "mkdir":
                self.counted_on.add(to)
                self.kept |= {to} if path in self.kept else set()

    def name(self, new):
        if not new.endswith(CALLERS):  # of that only the bytes are promised, under the old name or the new one
            self.made[new] = f"the name {new}"
        self.gone.pop(new, None)

    def write(self, path):
        if path.endswith("-wal"):
            self.log.add(path)
            self.counted_on.add(path)
            self.build()  # a commit tells of what was made before, or that something is gone: that must be kept by then
        self.kept.discard(path)

    def sync(self, path):
        self.log.discard(path)
        self.kept.add(path)
        for names in (self.made, self.gone):
            for each in [each for each in names if str(Path(each).parent) == path]:
                del names[each]

    def remove(self, path):
        was_new = self.made.pop(path, None)
        self.counted_on.discard(path)
        self.log.discard(path)
        # Of what lies in folders for what is unfinished, or beside the ledger, more may be left than is needed.
        if was_new is None and "/store/" in path and "/.incoming" not in path:
            self.gone[path] = f"the end of {path}"
        # What stood in a folder that is gone for good is gone with it.
        self.gone = {each: recorded for each, recorded in self.gone.items() if str(Path(each).parent) != path}

    def said(self, word):
        if word.startswith(("acknowledged", "delivered")):
            self.taken |= {f"the last commit, when it was {word}" for _ in self.log}
            self.build()

    def build(self):
        for name, recorded in self.made.items():
            if any(each == name or each.startswith(f"{name}/") for each in self.counted_on):
                self.taken.add(recorded)
        self.taken |= set(self.gone.values())


def missing(calls):
    """What a power cut may take away, of what must be there when others hear of it."""
    disk = Disk()
    for name, paths in calls:
        disk.call(name, *paths)
    return disk.taken


def test_what_was_acknowledged_is_there_after_a_power_cut(calls):
    recorded = [paths[0] for name, paths in calls if name == "say"]
    assert sum("acknowledged" in each for each in recorded) == 8
    assert missing(calls) == set()


def test_no_fsync_could_be_left_out(second):
    """Of the calls of one small job, each is needed."""
    assert [name for name, _ in second].count("link") == 1
    assert missing(second) == set()
    synced = [index for index, (name, _) in enumerate(second) if name in {"fsync", "fdatasync"}]
    needless = [second[index] for index in synced if missing(second[:index] + second[index + 1 :]) == set()]
    assert needless == []
    assert len(synced) == 6  # file, its name, its folder's name; and three commits


def test_no_fsync_could_be_taken_out_of_the_code(calls, tmp_path, record_property):
    """Each place where the code asks for one is taken out, one at a time: the check above sees what that loses."""
    found = list(places())

    def lost(number):
        _, path, node = found[number]
        return missing(carried_out(tmp_path / str(number), without(path, node)))

    with ThreadPoolExecutor(2) as pool:
        losses = list(pool.map(lost, range(len(found))))
    assert [name for (name, _, _), loss in zip(found, losses, strict=True) if not loss] == []
    record_property("places", len(found))
    assert len(found) >= 12
    print(f"\n{len(found)} places call for an fsync; without any one of them a power cut loses something")  # noqa: T201
