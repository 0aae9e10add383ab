"""The system on the other side of a webhook: it keeps what it heard and answers as badly as a test wants."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(ThreadingHTTPServer):
    """`answers` is a list of what to do next: a status, `hang` after having read everything, or `redirect`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = []
        self.heard = []
        self.leads = set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/leads?x=1"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.server.answers.pop(0) if self.server.answers else 200
        self.server.heard.append((self.path, dict(self.headers), body))
        if answer in (200, "hang"):
            # What it heard it knows, whether or not its answer arrives.
            self.server.leads.add(self.headers["webhook-id"])
        if answer == "hang":
            time.sleep(1.5)
            return
        self.send_response(302 if answer == "redirect" else answer)
        if answer == "redirect":
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/inside")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - the name that the server looks for

    def log_message(self, *_):
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()
