"""A proxy between a client and a server that loses what it is asked to lose, or breaks off."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """Passes bytes on, both ways; loses the answers to requests that hold certain bytes, or to every n-th one.

    Parameters
    ----------
    port : int
        Where the server listens, on loopback.
    """

    def __init__(self, port):
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.lost = 0
        self._wanted, self._times = b"", 0
        self._requests, self._breaks = 0, None
        self._connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_answers(self, wanted, times=1):
        """Let the next requests with these bytes reach the server, and break off instead of answering."""
        self._wanted, self._times = wanted, times

    def break_off(self, what, first, step):
        """Break off at the `first` request from now on, and at every `step`-th after it.

        Of a ``"request"`` the server never hears; of an ``"answer"`` the client.
        """
        self._requests, self._breaks = 0, (what, first, step)

    def close(self):
        self._listening.close()
        self.cut()

    def cut(self):
        """Break off every connection."""
        while self._connections:
            _hang_up(self._connections.pop())

    def _accept(self):
        while True:
            try:
                client = self._listening.accept()[0]
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                _hang_up(client)
                continue
            self._connections += [client, server]
            mute = threading.Event()
            threading.Thread(target=self._pass_on, args=(client, server, mute), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client, mute), daemon=True).start()

    def _pass_on(self, client, server, mute):
        with contextlib.suppress(OSError):
            while piece := client.recv(1 << 16):
                if self._times and self._wanted in piece:
                    self._times -= 1
                    mute.set()
                breaks = self._broken()
                if breaks == "request":
                    self.lost += 1
                    break
                if breaks == "answer":
                    mute.set()
                server.sendall(piece)
        _hang_up(server)

    def _broken(self):
        """What is to break now, if anything."""
        if self._breaks is None:
            return None
        what, first, step = self._breaks
        self._requests += 1
        return what if self._requests >= first and (self._requests - first) % step == 0 else None

    def _answer(self, server, client, mute):
        with contextlib.suppress(OSError):
            while piece := server.recv(1 << 16):
                if mute.is_set() and not piece.startswith(b"HTTP/1.1 100"):
                    self.lost += 1
                    _hang_up(server)
                    break
                client.sendall(piece)
        _hang_up(client)


def _hang_up(connection):
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
