"""AWS Signature Version 4 for one POST, as the documentation of AWS describes it."""

import hmac
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


def signed_headers(
    url: str, *, body: bytes, access_key: str, secret_key: str, region: str, service: str, now: datetime
) -> dict[str, str]:
    """The headers `Authorization` and `X-Amz-Date` of a request without a query. Signed are host and time."""
    parts = urlsplit(url)
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    scope = f"{now:%Y%m%d}/{region}/{service}/aws4_request"
    names = "host;x-amz-date"
    canonical = "\n".join(
        (
            "POST", parts.path or "/", parts.query,
            f"host:{parts.netloc}", f"x-amz-date:{stamp}", "",
            names, sha256(body).hexdigest(),
        )
    )  # fmt: skip
    wanted = "\n".join((ALGORITHM, stamp, scope, sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, wanted.encode(), "sha256").hexdigest()
    return {
        "Authorization": f"{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}",
        "X-Amz-Date": stamp,
    }
