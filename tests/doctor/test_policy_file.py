"""The policy file of MTA-STS comes over HTTPS with a certificate that holds, as text, in one piece, without detours."""

import gzip
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from delivery.doctor.answers import State
from delivery.doctor.policy_file import LARGEST, fetch_policy

POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: m.example\r\nmax_age: 86400\r\n"
PLACE = "/.well-known/mta-sts.txt"


@contextmanager
def web_server(
    certificate, *, status=200, kind="text/plain; charset=utf-8", body=POLICY, encoding=None
) -> Iterator[int]:
    """The port of an HTTPS server on this machine that answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == PLACE else 500)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Encoding", encoding)
            self.send_header("Location", "https://elsewhere.example/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def fetched(certificate, port, *, host="localhost", loopback=True, trusted=True):
    trust = ssl.create_default_context(cafile=str(certificate)) if trusted else True
    return fetch_policy(host, addresses=["127.0.0.1"], seconds=2, port=port, loopback=loopback, trust=trust)


def test_the_file_is_read_from_the_address_that_was_looked_up(certificate):
    with web_server(certificate) as port:
        assert fetched(certificate, port).records == (POLICY.decode(),)


@pytest.mark.parametrize(
    "values",
    [
        {"status": 301},
        {"status": 500},
        {"kind": "text/html"},
        {"body": b"x" * (LARGEST + 1)},
    ],
    ids=["redirect", "error", "page", "large"],
)
def test_what_is_no_policy_file_is_not_taken_for_one(certificate, values):
    with web_server(certificate, **values) as port:
        found = fetched(certificate, port)
    assert (found.state, bool(found.why)) == (State.NOT_ANSWERED, True)


def test_a_server_without_one_says_so(certificate):
    with web_server(certificate, status=404) as port:
        assert fetched(certificate, port).state is State.ABSENT


def test_a_certificate_of_somebody_else_and_a_server_that_is_gone_end_it(certificate):
    with web_server(certificate) as port:
        for values in ({"host": "mta-sts.shop.example"}, {"trusted": False}):
            found = fetched(certificate, port, **values)
            assert (found.state, "CERTIFICATE" in found.why.upper()) == (State.NOT_ANSWERED, True)
    assert fetched(certificate, port).state is State.NOT_ANSWERED


def test_no_address_inside_the_house_is_asked(certificate):
    found = fetched(certificate, 443, host="mta-sts.shop.example", loopback=False)
    assert (found.state, str(found.why)) == (State.NOT_ANSWERED, "its address is no public one")


def test_a_packed_file_is_not_unpacked(certificate):
    """A few kilobytes may become gigabytes."""
    packed = gzip.compress(POLICY)
    with web_server(certificate, body=packed, encoding="gzip") as port:
        assert fetched(certificate, port).records == (packed.decode("utf-8", "replace"),)
