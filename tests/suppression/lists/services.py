"""Servers on this machine that speak as the services of list operators do, and check what they are asked."""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Service:
    """`listed`: the hashes on the list. `mood`: statuses to answer with before anything else, one for each request."""

    url: str
    listed: set[str] = field(default_factory=set)
    mood: list[int] = field(default_factory=list)
    answer: bytes | None = None
    asked: list[list[str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def serving(speak: type["Speaker"]) -> Iterator[Service]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), speak)
    service = Service(url=f"http://127.0.0.1:{server.server_port}")
    server.service = service  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield service
    server.shutdown()
    server.server_close()
    thread.join()


class Speaker(BaseHTTPRequestHandler, ABC):
    """What the services have in common."""

    def do_POST(self) -> None:
        service: Service = self.server.service  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        service.headers.append(dict(self.headers))
        if service.mood:
            self._say(service.mood.pop(0), {"message": "in a bad mood"})
        elif service.answer is not None:
            self._send(200, service.answer)
        else:
            self.answer(service, body)

    @abstractmethod
    def answer(self, service: Service, body: bytes) -> None:
        """Say what this service says to a request whose body is `body`."""

    def _say(self, status: int, words: object) -> None:
        self._send(status, json.dumps(words).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Ecg(Speaker):
    """The Austrian service: hashes in, those that are listed out."""

    def answer(self, service: Service, body: bytes) -> None:
        asked = json.loads(body)
        if self.headers["X-API-KEY"] != "secret key":
            self._say(401, {"message": "wrong-authentication-key"})
        elif not (asked["hashed"] is True and asked["contained"] is True and len(asked["emails"]) <= 500):
            self._say(400, {"message": "wrong-request"})
        else:
            assert all(re.fullmatch("[0-9a-f]{128}", one) for one in asked["emails"])
            service.asked.append(asked["emails"])
            self._say(200, {"emails": [one for one in asked["emails"] if one in service.listed]})


class Robinson(Speaker):
    """The Spanish service: at most sixty different hashes, joined by commas, and a signature for each answer."""

    def answer(self, service: Service, body: bytes) -> None:
        asked = body.decode().split(",")
        signed = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=KEY/\d{8}/eu-west-1/execute-api/aws4_request, "
            r"SignedHeaders=host;x-amz-date, Signature=[0-9a-f]{64}",
            self.headers["Authorization"] or "",
        )
        if not signed or not self.headers["X-Amz-Date"]:
            self._say(403, {"message": "Forbidden"})
        elif len(asked) > 60 or len(set(asked)) < len(asked):
            self._say(400, {"message": "Bad request"})
        else:
            service.asked.append(asked)
            self._say(
                200,
                {
                    one: {"found": one in service.listed, "sectors": [], "signature": f"signed-{one[:12]}"}
                    for one in asked
                },
            )
