"""The public half of a signing key, as it stands in the DNS (RFC 6376, 3.6.1; RFC 8463, 4)."""

from base64 import b64encode
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@dataclass(frozen=True)
class PublicKey:
    """A key that signs, will sign or did sign. `value` is what stands behind `p=`; `algorithm` what behind `k=`.

    `is_active`: mails are signed with it now. `was_active`: another one followed it, and its mails are on their way.
    """

    domain: str
    selector: str
    algorithm: str
    value: str
    is_active: bool = True
    was_active: bool = False

    @property
    def name(self) -> str:
        """Where its record stands."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """What its record says."""
        return f"v=DKIM1; k={self.algorithm}; p={self.value}"


def public_value(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    """What stands behind `p=`: the whole key structure of RSA, the bare 32 bytes of Ed25519."""
    if isinstance(key, RSAPrivateKey):
        form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return b64encode(key.public_key().public_bytes(*form)).decode()
    return b64encode(key.public_key().public_bytes_raw()).decode()
