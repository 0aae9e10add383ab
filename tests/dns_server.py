"""A DNS server on loopback whose zones are data: `{"shop.example TXT": ["v=spf1 -all"]}`, over UDP and TCP."""

import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.TXT import TXT

# In place of records: no answer at all, or an answer that says that something is wrong.
SILENT = ("SILENT",)
BROKEN = ("BROKEN",)


@dataclass
class Names:
    """What the server knows, and what it was asked over which protocol."""

    zone: Mapping[str, Sequence[str]]
    address: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, wire: bytes, protocol: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name, kind = question.name.to_text().rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((f"{name} {kind}", protocol))
        records = self.zone.get(f"{name} {kind}", ())
        if records == SILENT:
            return None
        reply = dns.message.make_response(query)
        exists = any(one.partition(" ")[0] == name for one in self.zone)
        reply.set_rcode(
            dns.rcode.SERVFAIL if records == BROKEN else dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN
        )
        if records and records != BROKEN:
            reply.answer.append(_record_set(question.name, kind, records))
        whole = reply.to_wire(max_size=65535)
        if protocol == "tcp" or len(whole) <= max(query.payload, 512):
            return whole
        reply.answer.clear()
        reply.flags |= dns.flags.TC
        return reply.to_wire()


def _record_set(name: dns.name.Name, kind: str, records: Sequence[str]) -> dns.rrset.RRset:
    if kind != "TXT":
        return dns.rrset.from_text(name, 60, "IN", kind, *records)
    made = [TXT(dns.rdataclass.IN, dns.rdatatype.TXT, _strings(one.encode())) for one in records]
    return dns.rrset.from_rdata(name, 60, *made)


def _strings(text: bytes) -> list[bytes]:
    """A TXT record is made of strings of at most 255 bytes (RFC 1035, 3.3)."""
    return [text[n : n + 255] for n in range(0, len(text), 255)] or [b""]


@contextmanager
def serving(zone: Mapping[str, Sequence[str]], *, port: int = 0) -> Iterator[Names]:
    """Serve this zone; `address` is what goes into CRUSOE_RESOLVER."""
    names = Names(zone)

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, sock = self.request
            if (reply := names.answer(wire, "udp")) is not None:
                sock.sendto(reply, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            if (reply := names.answer(self.rfile.read(length), "tcp")) is not None:
                self.wfile.write(struct.pack("!H", len(reply)) + reply)

    with socketserver.ThreadingTCPServer(("127.0.0.1", port), Tcp) as tcp:
        port = tcp.server_address[1]
        with socketserver.ThreadingUDPServer(("127.0.0.1", port), Udp) as udp:
            for server in (tcp, udp):
                threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
            names.address = f"127.0.0.1:{port}"
            try:
                yield names
            finally:
                udp.shutdown()
                tcp.shutdown()
