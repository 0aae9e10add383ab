"""The part of verify.py that checks time stamps (RFC 3161) of anchors: what was stamped, when, and who signed that.

The signature is checked with the certificate that lies in the stamp. Whether that is the certificate of a service to
trust is for people: it is named with its digest, and `openssl ts -verify -data N.json -in N.json.tsr -CAfile ROOT`
checks where it comes from. Needs nothing but Python 3.8 or newer.
"""

from __future__ import annotations

import hashlib
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

# Object identifiers as they stand in DER, without their tag.
SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
TIME_STAMP = bytes.fromhex("2a864886f70d0109100104")
CONTENT_TYPE = bytes.fromhex("2a864886f70d010903")
MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
CERTIFICATE_V1 = bytes.fromhex("2a864886f70d010910020c")
CERTIFICATE_V2 = bytes.fromhex("2a864886f70d010910022f")
KEY_USAGE, MAY_STAMP = bytes.fromhex("551d25"), bytes.fromhex("2b06010505070308")
KEY_NUMBER = bytes.fromhex("551d0e")
NAMES = (bytes.fromhex("550403"), bytes.fromhex("55040a"))
RSA_PSS = bytes.fromhex("2a864886f70d01010a")
RSA, ELLIPTIC = bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a8648ce3d0201")
DIGESTS = {
    bytes.fromhex("60864801650304020" + end): name for end, name in (("1", "sha256"), ("2", "sha384"), ("3", "sha512"))
}
SIGNED_WITH = {
    bytes.fromhex("2a864886f70d01010b"): "sha256",
    bytes.fromhex("2a864886f70d01010c"): "sha384",
    bytes.fromhex("2a864886f70d01010d"): "sha512",
    bytes.fromhex("2a8648ce3d040302"): "sha256",
    bytes.fromhex("2a8648ce3d040303"): "sha384",
    bytes.fromhex("2a8648ce3d040304"): "sha512",
}
SHORTEST_RSA = 2048


class Broken(Exception):
    """Something in the bundle is not as it was written."""


class Unknown(Exception):
    """It is signed in a way that this script does not know, so that it cannot say whether it is right."""


class Node(NamedTuple):
    """One element of DER (X.690): its tag, what is in it, and all of it."""

    tag: int
    inside: bytes
    whole: bytes

    def parts(self) -> List[Node]:
        """The elements in it."""
        found, at = [], 0
        while at < len(self.inside):
            one = read(self.inside[at:])
            found.append(one)
            at += len(one.whole)
        return found


def read(data: bytes) -> Node:
    """The element at the beginning of these bytes."""
    if len(data) < 2 or data[0] & 0x1F == 0x1F:
        raise Broken("cannot be read as DER")
    length, begin = data[1], 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(data[2:begin], "big") if begin > 2 else len(data)
    if begin + length > len(data):
        raise Broken("ends too early")
    return Node(data[0], data[begin : begin + length], data[: begin + length])


class Curve(NamedTuple):
    """An elliptic curve y² = x³ - 3x + b modulo p, with a point of the order n (SP 800-186)."""

    p: int
    b: int
    n: int
    x: int
    y: int


CURVES = {
    bytes.fromhex("2a8648ce3d030107"): Curve(
        p=2**256 - 2**224 + 2**192 + 2**96 - 1,
        b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        x=0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        y=0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
    bytes.fromhex("2b81040022"): Curve(
        p=2**384 - 2**128 - 2**96 + 2**32 - 1,
        b=0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        n=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        x=0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        y=0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    ),
}

Point = Optional[Tuple[int, int]]


def plus(curve: Curve, one: Point, other: Point) -> Point:
    """The sum of two points; None is the point at infinity."""
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % curve.p == 0:
            return None
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, curve.p) % curve.p
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, curve.p) % curve.p
    x = (slope * slope - one[0] - other[0]) % curve.p
    return (x, (slope * (one[0] - x) - one[1]) % curve.p)


def times(curve: Curve, number: int, point: Point) -> Point:
    """A point added to itself `number` times."""
    total: Point = None
    while number:
        if number & 1:
            total = plus(curve, total, point)
        point = plus(curve, point, point)
        number >>= 1
    return total


def fits_curve(curve: Curve, key: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether an ECDSA signature (FIPS 186-5) over this digest was made with the private half of a key."""
    size = (curve.p.bit_length() + 7) // 8
    if len(key) != 2 * size + 1 or key[0] != 4:
        raise Unknown("has a key that this script does not know")
    x, y = int.from_bytes(key[1 : size + 1], "big"), int.from_bytes(key[size + 1 :], "big")
    r, s = (int.from_bytes(one.inside, "big") for one in read(signature).parts())
    if not (0 < r < curve.n and 0 < s < curve.n) or (y * y - x * x * x + 3 * x - curve.b) % curve.p:
        return False
    number = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - curve.n.bit_length())
    turned = pow(s, -1, curve.n)
    first = times(curve, number * turned % curve.n, (curve.x, curve.y))
    found = plus(curve, first, times(curve, r * turned % curve.n, (x, y)))
    return found is not None and found[0] % curve.n == r


def fits_rsa(key: bytes, name: str, digest: bytes, signature: bytes) -> bool:
    """Whether an RSA signature (PKCS #1 v1.5, RFC 8017 section 8.2) over this digest fits a key."""
    modulus, exponent = (int.from_bytes(one.inside, "big") for one in read(key).parts())
    size = (modulus.bit_length() + 7) // 8
    if modulus.bit_length() < SHORTEST_RSA or exponent < 3 or len(signature) != size:
        return False
    oid = next(oid for oid, known in DIGESTS.items() if known == name)
    inner = b"\x06" + bytes([len(oid)]) + oid + b"\x05\x00"
    info = b"\x30" + bytes([len(inner)]) + inner + b"\x04" + bytes([len(digest)]) + digest
    info = b"\x30" + bytes([len(info)]) + info
    padded = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
    return pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big") == padded


class Certificate:
    """What is needed of an X.509 certificate (RFC 5280)."""

    def __init__(self, whole: Node) -> None:
        parts = whole.parts()[0].parts()
        # The number of the version stands in front of the others and may be left out.
        parts = parts[1:] if parts[0].tag == 0xA0 else parts
        self.whole = whole.whole
        self.serial, self.issuer = parts[0].inside, parts[2].whole
        self.valid = [moment(one) for one in parts[3].parts()]
        self.subject, self.key = parts[4], parts[5].parts()
        given = [one for one in parts[6:] if one.tag == 0xA3]
        rows = [one.parts() for one in given[0].parts()[0].parts()] if given else []
        self.extensions: Dict[bytes, bytes] = {row[0].inside: row[-1].inside for row in rows}

    def name(self) -> str:
        """Whose certificate it is."""
        found = {}
        for group in self.subject.parts():
            for one in group.parts():
                oid, value = one.parts()
                found[oid.inside] = value.inside.decode("utf-8", "replace")
        return next((found[name] for name in NAMES if name in found), "?")

    def fits(self, name: str, content: bytes, signature: bytes) -> bool:
        """Whether the signature over the content was made with the key of this certificate."""
        digest = hashlib.new(name, content).digest()
        algorithm, key = self.key[0].parts(), self.key[1].inside[1:]
        if algorithm[0].inside == RSA:
            return fits_rsa(key, name, digest, signature)
        if algorithm[0].inside == ELLIPTIC and algorithm[1].inside in CURVES:
            return fits_curve(CURVES[algorithm[1].inside], key, digest, signature)
        raise Unknown("is signed in a way that this script does not know")


# Whether a signature (fourth) over some content (third), with this digest (second), fits a certificate.
Fits = Callable[[Certificate, str, bytes, bytes], bool]


def moment(node: Node) -> str:
    """A time as 14 digits, whether the year is written with two digits or with four."""
    text = node.inside.decode("ascii")
    return ("20" if text[:2] < "50" else "19") + text[:12] if node.tag == 0x17 else text[:14]


def token(response: bytes) -> List[Node]:
    """The parts of the signed data of an answer, or of a token that stands alone."""
    parts = read(response).parts()
    if parts[0].tag == 0x30:
        if parts[0].parts()[0].inside not in (b"\0", b"\1") or len(parts) < 2:
            raise Broken("was refused by the service")
        parts = parts[1].parts()
    if parts[0].inside != SIGNED_DATA:
        raise Broken("is no time stamp")
    return parts[1].parts()[0].parts()


def signer_of(parts: List[Node], sid: Node) -> Certificate:
    """The certificate that the signer names, among those in the stamp."""
    given = [Certificate(one) for node in parts if node.tag == 0xA0 for one in node.parts() if one.tag == 0x30]
    for one in given:
        if sid.tag == 0x30:
            issuer, serial = sid.parts()
            if (issuer.whole, serial.inside) == (one.issuer, one.serial):
                return one
        elif KEY_NUMBER in one.extensions and read(one.extensions[KEY_NUMBER]).inside == sid.inside:
            return one
    raise Broken("does not bring the certificate of its signer along")


def named_in(attributes: Dict[bytes, Node], certificate: Certificate) -> bool:
    """Whether the signed attributes name this certificate (RFC 5816), so that nobody can put another in its place."""
    if CERTIFICATE_V2 in attributes:
        first = attributes[CERTIFICATE_V2].parts()[0].parts()[0].parts()
        name = DIGESTS.get(first[0].parts()[0].inside, "") if first[0].tag == 0x30 else "sha256"
        digest = next(one.inside for one in first if one.tag == 0x04)
        return bool(name) and hashlib.new(name, certificate.whole).digest() == digest
    if CERTIFICATE_V1 in attributes:
        first = attributes[CERTIFICATE_V1].parts()[0].parts()[0].parts()
        return hashlib.sha1(certificate.whole).digest() == first[0].inside  # noqa: S324 - RFC 2634 knows no other
    return False


def check_signature(parts: List[Node], content: bytes, fits: Fits) -> Certificate:
    """Check the one signature under a stamp; answers the certificate that fits it."""
    signers = parts[-1].parts()
    if parts[-1].tag != 0x31 or len(signers) != 1:
        raise Broken("has not one signer")
    _, sid, digest_of, signed, way, signature, *_ = signers[0].parts()
    certificate = signer_of(parts, sid)
    rows = [one.parts() for one in signed.parts()]
    attributes = {row[0].inside: row[1].parts()[0] for row in rows}
    name = DIGESTS.get(digest_of.parts()[0].inside)
    if name is None or hashlib.new(name, content).digest() != attributes[MESSAGE_DIGEST].inside:
        raise Broken("has another content than was signed")
    if attributes[CONTENT_TYPE].inside != TIME_STAMP or not named_in(attributes, certificate):
        raise Broken("was signed as something else")
    # What is signed is the set, under its own tag (RFC 5652 section 5.4).
    method = way.parts()[0].inside
    if method == RSA_PSS:
        raise Unknown("is signed in a way that this script does not know")
    if not fits(certificate, SIGNED_WITH.get(method, name), b"\x31" + signed.whole[1:], signature.inside):
        raise Broken("has a signature that does not fit")
    return certificate


def check(content: bytes, response: bytes, fits: Fits = Certificate.fits) -> Dict[str, str]:
    """When this content was stamped, by whom, and with which certificate; raises Broken unless all of it fits."""
    try:
        parts = token(response)
        kind, wrapped = parts[2].parts()
        told = wrapped.parts()[0].inside
        _, _, imprint, _, at, *_ = read(told).parts()
        algorithm, digest = imprint.parts()
        name = DIGESTS.get(algorithm.parts()[0].inside)
        if kind.inside != TIME_STAMP or name is None or hashlib.new(name, content).digest() != digest.inside:
            raise Broken("stamps something else")
        certificate = check_signature(parts, told, fits)
        if MAY_STAMP not in [one.inside for one in read(certificate.extensions.get(KEY_USAGE, b"0\0")).parts()]:
            raise Broken("was signed with a certificate that is not for time stamps")
        when = moment(at)
        if not certificate.valid[0] <= when <= certificate.valid[1]:
            raise Broken("was signed with a certificate that was not valid then")
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, StopIteration) as error:
        raise Broken("cannot be read (%s)" % type(error).__name__) from error
    return {
        "at": "%s-%s-%sT%s:%s:%sZ" % (when[:4], when[4:6], when[6:8], when[8:10], when[10:12], when[12:14]),
        "by": certificate.name(),
        "certificate": hashlib.sha256(certificate.whole).hexdigest(),
    }
