"""The other end of a webhook: a real HTTP server that keeps each delivery once, by its key."""

import base64
import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """Takes POSTs on a free port; `answers` are given first, one a request, as (status, headers)."""

    def __init__(self):
        self.kept, self.requests, self.bodies, self.answers, self.down = {}, [], [], [], False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.take(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # a delivery that breaks off is expected
        self.url = f"http://127.0.0.1:{self._server.server_port}/in"

    def take(self, handler):
        size = int(handler.headers["Content-Length"])
        body = handler.rfile.read(size)
        self.requests.append(handler.headers)
        self.bodies.append(body)
        status, headers = self.answers.pop(0) if self.answers else (503, {}) if self.down else (201, {})
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        whole = len(body) == size and handler.headers["Content-Digest"] == f"sha-256=:{digest}:"
        if status == 201 and whole:
            self.kept.setdefault(handler.headers["webhook-id"], body)
        handler.send_response(status if whole else 400)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    @contextmanager
    def running(self):
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    @contextmanager
    def outage(self):
        self.down = True
        yield
        self.down = False
