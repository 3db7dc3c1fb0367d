"""Ceph's object gateway in a folder of its own, in memory, on loopback.

It checks signatures, their time, and ``If-None-Match``, as S3 does and its imitations in Python do not.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import urllib.request
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from programs import find

from servers.process import call, free_port, until

BUCKET = "bourn-test"
PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")

CONFIGURATION = """
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{monitor_port}
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = {folder}/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail crit = 0
paxos propose interval = 0.05
paxos min wait = 0.01
run dir = {folder}
admin socket =
pid file = {folder}/$name.pid
log file = {folder}/$name.log
[mon]
mon data = {folder}/mon
[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw data = {folder}/rgw
rgw dynamic resharding = false
"""

KEYS = {
    "mon.": ["mon", "allow *"],
    "client.admin": ["mon", "allow *", "osd", "allow *", "mds", "allow *", "mgr", "allow *"],
    "osd.0": ["mon", "allow profile osd", "osd", "allow *"],
    "client.rgw": ["mon", "allow rwx", "osd", "allow rwx"],
}


class Ceph:
    """A server; `Ceph.started(folder)` makes one, `Ceph(**facts)` finds one that another process made."""

    def __init__(self, *, folder, port, key, secret, bucket=BUCKET):
        self.folder, self.port, self.key, self.secret, self.bucket = Path(folder), port, key, secret, bucket

    @classmethod
    def started(cls, folder):
        """Make a server with one empty bucket, and start it."""
        for name in PROGRAMS:
            find(name)
        # No other server knows these keys: who is let in is in the right one.
        server = cls(folder=folder, port=free_port(), key=f"key{secrets.token_hex(8)}", secret=secrets.token_hex(20))
        for part in ("mon", "osd", "rgw"):
            (folder / part).mkdir(parents=True)
        fsid, osd = uuid4(), uuid4()
        monitor_port = free_port()
        (folder / "ceph.conf").write_text(
            CONFIGURATION.format(folder=folder, port=server.port, monitor_port=monitor_port, fsid=fsid)
        )
        ring, map_ = folder / "keyring", folder / "monmap"
        for name, allowed in KEYS.items():
            caps = [
                part for who, what in zip(allowed[::2], allowed[1::2], strict=True) for part in ("--cap", who, what)
            ]
            server._do("ceph-authtool", ring, *([] if ring.exists() else ["-C"]), "--gen-key", "-n", name, *caps)
        server._do("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{monitor_port}]", map_)
        server._do("ceph-mon", "-i", "a", "--mkfs", "--monmap", map_, "--keyring", ring)
        server._do("ceph-mon", "-i", "a")
        server._do("ceph", "--connect-timeout", "20", "osd", "new", osd)
        server._do("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        server._do("ceph-osd", "-i", "0")
        server._make_user("test")
        server._do("radosgw", "-n", "client.rgw")
        until(server.answers, "the object gateway answers")
        server.make_bucket()
        return server

    def of_another(self, *, objects):
        """The same server for another user, who may have so many objects, in an empty bucket."""
        name = f"poor-{secrets.token_hex(8)}"
        facts = {"key": f"key{secrets.token_hex(8)}", "secret": secrets.token_hex(20), "bucket": name}
        another = Ceph(**(self.facts | facts))
        another._make_user(name)
        self.allow(another, objects=objects)
        another._do("radosgw-admin", "quota", "enable", "--quota-scope=user", "--uid", name)
        another.make_bucket()
        return another

    def allow(self, another, *, objects):
        """Let another user have so many objects."""
        self._do(
            "radosgw-admin", "quota", "set", "--quota-scope=user", "--uid", another.bucket, "--max-objects", objects
        )

    @contextlib.contextmanager
    def second_gateway(self, under=()):
        """A gateway of its own to the same objects, run by a command such as `strace`; gives its port.

        None where it does not come so far within some seconds: what is done to it hinders it from the beginning.
        """
        port = free_port()
        command = [
            *under, find("radosgw"), "-f", "-n", "client.rgw", "--pid-file", self.folder / f"client.rgw-{port}.pid",
            "--rgw-frontends", f"beast endpoint=127.0.0.1:{port} tcp_nodelay=1",
        ]  # fmt: skip
        environment = os.environ | {"CEPH_CONF": str(self.folder / "ceph.conf")}
        with (self.folder / "calls").open("ab") as said:
            process = subprocess.Popen(
                [*map(str, command)], env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said,
                stderr=said, start_new_session=True,
            )  # fmt: skip
        try:
            second = Ceph(**(self.facts | {"port": port}))
            with contextlib.suppress(TimeoutError):
                until(lambda: second.answers() or process.poll() is not None, "the second gateway answers", seconds=20)
            yield port if second.answers() else None
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @property
    def facts(self):
        """What another process needs to find it."""
        return {
            "folder": str(self.folder), "port": self.port, "bucket": self.bucket,
            "key": self.key, "secret": self.secret,
        }  # fmt: skip

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def options(self):
        """As the settings have them, besides the URL."""
        return {
            "endpoint": self.endpoint, "region": "us-east-1",
            "access_key_id": self.key, "secret_access_key": self.secret,
        }  # fmt: skip

    def answers(self):
        try:
            with urllib.request.urlopen(self.endpoint, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def make_bucket(self):
        import obstore
        from obstore.store import S3Store

        store = S3Store(self.bucket, **self.options, client_options={"allow_http": True})
        url = obstore.sign(store, "PUT", "", timedelta(minutes=5))
        with urllib.request.urlopen(urllib.request.Request(url, data=b"", method="PUT"), timeout=30) as answer:
            assert answer.status == 200

    def _make_user(self, name):
        self._do("radosgw-admin", "user", "create", "--uid", name, "--display-name", name,
                 "--access-key", self.key, "--secret-key", self.secret)  # fmt: skip

    def _do(self, name, *arguments):
        environment = os.environ | {"CEPH_CONF": str(self.folder / "ceph.conf")}
        call([find(name), *map(str, arguments)], env=environment, cwd=self.folder, log=self.folder / "calls")
