"""PostgreSQL in a folder of its own, on loopback, with a password that no other server has."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shlex
import shutil
from pathlib import Path

from programs import MissingProgram, find

from servers.process import call, free_port

OWNER = "postgres"
PROGRAMS = ("initdb", "pg_ctl", "postgres")


class PostgreSQL:
    """A server; `PostgreSQL.started(folder)` makes one, `PostgreSQL(**facts)` finds one that another process made."""

    def __init__(self, *, folder, port, password):
        self.folder, self.port, self.password = Path(folder), port, password

    @classmethod
    def started(cls, folder, *, durable=False):
        """Make a server and start it; a `durable` one really waits for its disk."""
        for name in PROGRAMS:
            find(name)
        if importlib.util.find_spec("psycopg") is None:
            msg = "psycopg is not installed: pip install 'bourn-core[postgresql]'"
            raise MissingProgram(msg)
        server = cls(folder=folder, port=free_port(), password=secrets.token_hex(16))
        folder.mkdir(parents=True)
        password = folder / "password"
        password.write_text(server.password)
        if os.geteuid() == 0:  # it refuses to be run by root
            for path in (folder, password):
                shutil.chown(path, OWNER)
        server._do(
            "initdb", "-D", server.data, "-U", OWNER, "-A", "scram-sha-256", f"--pwfile={password}",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        settings = {
            "port": server.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": 300,
            "fsync": "on" if durable else "off", "shared_buffers": "32MB", "autovacuum": "off",
        }  # fmt: skip
        with (server.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        server.start()
        return server

    @property
    def facts(self):
        """What another process needs to find it."""
        return {"folder": str(self.folder), "port": self.port, "password": self.password}

    @property
    def data(self):
        return self.folder / "data"

    def url(self, database=OWNER):
        """As SQLAlchemy has it."""
        return f"postgresql+psycopg://{OWNER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self, under=()):
        """Start it; `under` is a command before the server's own, such as `strace`, that leaves it its process."""
        more = []
        if under:
            wrapped = self.folder / "wrapped"
            server = find("postgres")
            wrapped.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, under))} {server} "$@"\n')
            wrapped.chmod(0o755)
            more = ["-p", wrapped]
        self._do("pg_ctl", "-D", self.data, "-w", "-t", "60", "-l", self.folder / "log", *more, "start")

    @property
    def runs(self):
        """Whether its first process is there."""
        try:
            return Path("/proc", (self.data / "postmaster.pid").read_text().split()[0]).exists()
        except (FileNotFoundError, IndexError):
            return False

    def stop(self, mode="immediate"):
        """`immediate` is a crash: nothing is written any more, and the next start recovers."""
        self._do("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def restart(self, mode="immediate"):
        self.stop(mode)
        self.start()

    def admin(self):
        """A connection as the owner of all; who has got in with this password is in the right server."""
        import psycopg

        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=OWNER, password=self.password, dbname=OWNER, autocommit=True
        )

    def copy(self, template, name):
        """Make a database as a copy of another one."""
        with contextlib.closing(self.admin()) as connection:
            connection.execute(f'create database "{name}" template "{template}"')

    def drop(self, name):
        with contextlib.closing(self.admin()) as connection:
            connection.execute(f'drop database if exists "{name}" with (force)')

    def _do(self, name, *arguments):
        as_owner = {"user": OWNER, "group": OWNER, "extra_groups": []} if os.geteuid() == 0 else {}
        call([find(name), *map(str, arguments)], cwd=self.folder, log=self.folder / "calls", **as_owner)
