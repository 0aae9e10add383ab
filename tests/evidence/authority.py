"""A time stamp authority (RFC 3161) for tests: its keys, its answers, and a server on loopback that gives them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import new, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from asn1crypto import algos, cms, core, tsp, x509
from cryptography import x509 as certificates
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

GRANTED, REJECTED = "granted", "rejection"


def named(name: str) -> certificates.Name:
    return certificates.Name([certificates.NameAttribute(NameOID.COMMON_NAME, name)])


def new_key(kind: str) -> Any:
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}[kind])


@dataclass
class Authority:
    """A root and the certificate that it gave to the service. `stamping`: whether it may be used for time stamps."""

    kind: str = "p256"
    digest: str = "sha256"
    stamping: bool = True
    root_key: Any = field(init=False)
    root: certificates.Certificate = field(init=False)
    key: Any = field(init=False)
    leaf: certificates.Certificate = field(init=False)

    def __post_init__(self) -> None:
        self.root_key, self.key = new_key("p256"), new_key(self.kind)
        self.root = self._certificate("Root", self.root_key.public_key(), authority=True)
        self.leaf = self._certificate("Stamps", self.key.public_key(), authority=False)

    def _certificate(self, name: str, key: Any, *, authority: bool) -> certificates.Certificate:
        now = datetime.now(UTC)
        made = (
            certificates.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named("Root"))
            .public_key(key)
            .serial_number(certificates.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=365))
            .add_extension(certificates.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(certificates.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                certificates.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key()), critical=False
            )
        )
        if not authority and self.stamping:
            usage = certificates.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            made = made.add_extension(usage, critical=True)
        return made.sign(self.root_key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        """The root, as it stands in a file."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def answer(
        self, question: bytes, *, status: str = GRANTED, imprint: bytes | None = None, signer: "Authority | None" = None
    ) -> bytes:
        """The answer to a request. `imprint`: stamp something else; `signer`: sign with somebody else's key."""
        asked = tsp.TimeStampReq.load(question)
        said = {"status": status} | ({} if status == GRANTED else {"status_string": ["no more today"]})
        if status != GRANTED:
            refused = tsp.PKIStatusInfo(said).dump()
            return b"\x30" + bytes([len(refused)]) + refused
        wanted = asked["message_imprint"]
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": "1.2.3.4",
                "message_imprint": {
                    "hash_algorithm": wanted["hash_algorithm"],
                    "hashed_message": imprint or wanted["hashed_message"].native,
                },
                "serial_number": 7,
                "gen_time": datetime.now(UTC).replace(microsecond=0),
                **({"nonce": asked["nonce"].native} if asked["nonce"].native is not None else {}),
            }
        ).dump()
        token = cms.ContentInfo({"content_type": "signed_data", "content": self._signed(info, signer or self)})
        return tsp.TimeStampResp({"status": said, "time_stamp_token": token}).dump()

    def _signed(self, info: bytes, signer: "Authority") -> cms.SignedData:
        leaf = x509.Certificate.load(self.leaf.public_bytes(serialization.Encoding.DER))
        attributes = cms.CMSAttributes(
            [
                cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
                cms.CMSAttribute({"type": "message_digest", "values": [new(self.digest, info).digest()]}),
                cms.CMSAttribute(
                    {
                        "type": "signing_certificate_v2",
                        "values": [tsp.SigningCertificateV2({"certs": [{"cert_hash": sha256(leaf.dump()).digest()}]})],
                    }
                ),
            ]
        )
        scheme = "rsassa_pkcs1v15" if self.kind == "rsa" else f"{self.digest}_ecdsa"
        return cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [algos.DigestAlgorithm({"algorithm": self.digest})],
                "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(info)},
                "certificates": [leaf],
                "signer_infos": [
                    {
                        "version": "v1",
                        "sid": {
                            "issuer_and_serial_number": {"issuer": leaf.issuer, "serial_number": leaf.serial_number}
                        },
                        "digest_algorithm": {"algorithm": self.digest},
                        "signed_attrs": attributes,
                        "signature_algorithm": {"algorithm": scheme},
                        "signature": signer._sign(attributes.untag().dump()),
                    }
                ],
            }
        )

    def _sign(self, content: bytes) -> bytes:
        chosen = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[self.digest]
        if self.kind == "rsa":
            return self.key.sign(content, padding.PKCS1v15(), chosen)
        return self.key.sign(content, ec.ECDSA(chosen))


@contextmanager
def serving(answer: Callable[[bytes], bytes | int]) -> Iterator[str]:
    """The address of a server that gives this answer to each request; a number is a status without one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = self.headers["Content-Type"] == "application/timestamp-query"
            found = answer(body) if asked else 415
            self.send_response(found if isinstance(found, int) else 200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(b"" if isinstance(found, int) else found)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
