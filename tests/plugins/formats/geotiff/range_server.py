"""Serves files by ranges, and writes each request down: `range_server.py FOLDER LOG` says its port."""

import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._answer(body=True)

    def do_HEAD(self):
        self._answer(body=False)

    def _answer(self, *, body):
        path = self.server.folder / Path(self.path).name
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        low, high = 0, len(data) - 1
        if asked:
            low, high = int(asked[1]), min(int(asked[2] or high), high)
        with self.server.log.open("a") as log:
            log.write(f"{self.path} {high - low + 1 if body else 0}\n")
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {low}-{high}/{len(data)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(high - low + 1))
        self.end_headers()
        if body:
            self.wfile.write(data[low : high + 1])

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.folder, server.log = Path(sys.argv[1]), Path(sys.argv[2])
    print(server.server_port, flush=True)  # noqa: T201  # so its starter learns the port
    server.serve_forever()
