"""A mail server with one fault per message, or per connection that gets no further; it keeps the mail."""

import asyncio
import email
import email.policy
import threading
from collections import Counter
from contextlib import contextmanager

import attrs

ANSWERS = {
    ("greet", "421-greet"): "421 busy", ("greet", "554-greet"): "554 no mail here",
    ("greet", "garbage"): "HTTP/1.1 400 Bad Request", ("mail", "421-mail"): "421 4.3.2 closing",
    ("mail", "550-mail"): "550 5.1.8 who is that", ("rcpt", "450-rcpt"): "450 4.2.1 try later",
    ("rcpt", "550-rcpt"): "550 5.1.1 no such user", ("data", "451-data"): "451 4.3.0 try later",
    ("data", "552-data"): "552 5.2.2 full", ("data", "long-line"): "354 " + "x" * 20_000,
    ("end", "451-eod"): "451 4.3.0 try later", ("end", "421-eod"): "421 4.3.2 closing",
    ("end", "554-eod"): "554 5.6.0 not this one", ("kept", "garbage-after-data"): "\0\1 what?",
}  # fmt: skip
"""What is said instead, at which point, in which mode."""

LAST_WORDS = ("421", "554 no", "HTTP", "354 x", "\0")

FAULTS = (
    "421-greet", "450-rcpt", "451-data", "451-eod", "drop-greet", "drop-after-data", "stall-after-data", "stall-greet",
    "stall-rcpt", "250-then-drop", "drop-in-data", "garbage", "garbage-after-data", "long-line", "421-mail", "421-eod",
)  # fmt: skip
"""Those that pass."""

OF_CONNECTIONS = ("421-greet", "drop-greet", "stall-greet", "garbage", "554-greet")

LASTING = ("550-rcpt", "554-eod", "554-greet", "550-mail", "552-data")


@attrs.frozen
class Kept:
    """A message that was taken, and what was said about it."""

    mode: str
    sender: str
    recipients: tuple
    raw: bytes

    @property
    def message(self):
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def id(self):
        return self.message["Message-ID"]


class Flaky:
    """Plays the modes of `script`, each once, and is well after that; or `down` for as long as that is set.

    Attributes
    ----------
    kept : list of Kept
    played : Counter
        How often a mode was played.
    """

    def __init__(self, port=0):
        self.script, self.kept, self.played, self.down = [], [], Counter(), ""
        self.connections = 0
        self.recipients_refused = {}
        self._port = port
        self._ready = threading.Event()
        self.tasks = set()

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}"

    @contextmanager
    def running(self):
        thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        thread.start()
        assert self._ready.wait(10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join(10)

    @contextmanager
    def outage(self, mode="421-greet"):
        self.down = mode
        yield
        self.down = ""

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self._port, limit=64 << 20)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _connected(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            self.connections += 1
            await _Talk(self, reader, writer).go()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self.tasks.discard(task)
            writer.close()

    def following(self, *, greeting):
        mode = self.script[0] if self.script else self.down or "ok"
        if greeting != (mode in OF_CONNECTIONS):
            return "ok"
        if self.script:
            self.script.pop(0)
        self.played[mode] += 1
        return mode


class _Talk:
    """One connection."""

    def __init__(self, server, reader, writer):
        self._server, self._reader, self._writer = server, reader, writer
        self._mode, self._sender, self._recipients = "ok", "", []

    async def go(self):
        self._mode = self._server.following(greeting=True)
        await self._say("greet", "220 flaky ESMTP")
        while line := (await self._reader.readline()).decode("latin-1").strip():
            await getattr(self, f"_{line[:4].lower()}", self._other)(line)

    async def _say(self, point, usual):
        """The usual answer, or what the mode says at this point instead; gives whether it was the usual one."""
        if self._mode == f"stall-{point}":
            await asyncio.sleep(3600)
        if self._mode == f"drop-{point}":
            raise ConnectionAbortedError
        said = ANSWERS.get((point, self._mode), usual)
        self._writer.write(said.encode() + b"\r\n")
        await self._writer.drain()
        if said.startswith(LAST_WORDS):
            raise ConnectionResetError
        return said == usual

    async def _ehlo(self, line):
        await self._say("ehlo", "250-flaky\r\n250-SIZE 10000000\r\n250 8BITMIME")

    async def _mail(self, line):
        self._mode = self._server.following(greeting=False)
        self._sender, self._recipients = line[10:].partition(">")[0].strip("<>"), []
        await self._say("mail", "250 ok")

    async def _rcpt(self, line):
        recipient = line[8:].strip("<> ")
        usual = self._server.recipients_refused.get(recipient, "250 ok")
        if await self._say("rcpt", usual) and usual == "250 ok":
            self._recipients.append(recipient)

    async def _data(self, line):
        if not await self._say("data", "354 go on"):
            return
        if self._mode == "drop-in-data":
            await self._reader.readline()
            raise ConnectionAbortedError
        raw = await self._reader.readuntil(b"\r\n.\r\n")
        if ("end", self._mode) in ANSWERS:
            await self._say("end", "")
            return
        raw = raw[:-3].replace(b"\r\n..", b"\r\n.")
        self._server.kept.append(Kept(self._mode, self._sender, tuple(self._recipients), raw))
        if self._mode in {"drop-after-data", "stall-after-data"}:
            await self._say("after-data", "")
        await self._say("kept", "250 2.0.0 queued")
        if self._mode == "250-then-drop":
            raise ConnectionAbortedError

    async def _quit(self, line):
        await self._say("quit", "221 bye")
        raise ConnectionResetError

    async def _other(self, line):
        await self._say("other", "250 ok")
